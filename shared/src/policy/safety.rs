//! Gemini's own filters: the operator sets how strict they are, and a caller may only tighten them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// The `[safety]` table: from which probability each category is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    /// Malice towards identity or protected attributes.
    pub harassment: Threshold,
    /// Rudeness, disrespect and profanity.
    pub hate_speech: Threshold,
    /// Sexual acts and other lewd content.
    pub sexually_explicit: Threshold,
    /// What promotes or eases harmful acts.
    pub dangerous_content: Threshold,
}

/// From which probability on Gemini blocks, from lax to strict: the greater, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Threshold {
    /// The filter is off.
    Off,
    /// Everything passes, with its rating.
    BlockNone,
    /// Only what is very probably harmful is blocked.
    BlockOnlyHigh,
    /// What is rather harmful than not is blocked.
    BlockMediumAndAbove,
    /// All but what is most probably harmless is blocked.
    BlockLowAndAbove,
}

/// A kind of harm that Gemini rates in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// `HARM_CATEGORY_HARASSMENT`.
    Harassment,
    /// `HARM_CATEGORY_HATE_SPEECH`.
    HateSpeech,
    /// `HARM_CATEGORY_SEXUALLY_EXPLICIT`.
    SexuallyExplicit,
    /// `HARM_CATEGORY_DANGEROUS_CONTENT`.
    DangerousContent,
}

impl Threshold {
    const ALL: [Self; 5] =
        [Self::Off, Self::BlockNone, Self::BlockOnlyHigh, Self::BlockMediumAndAbove, Self::BlockLowAndAbove];

    /// The name in a request.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::BlockNone => "BLOCK_NONE",
            Self::BlockOnlyHigh => "BLOCK_ONLY_HIGH",
            Self::BlockMediumAndAbove => "BLOCK_MEDIUM_AND_ABOVE",
            Self::BlockLowAndAbove => "BLOCK_LOW_AND_ABOVE",
        }
    }
}

impl Category {
    const ALL: [Self; 4] = [Self::Harassment, Self::HateSpeech, Self::SexuallyExplicit, Self::DangerousContent];

    /// The name in a request.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Harassment => "HARM_CATEGORY_HARASSMENT",
            Self::HateSpeech => "HARM_CATEGORY_HATE_SPEECH",
            Self::SexuallyExplicit => "HARM_CATEGORY_SEXUALLY_EXPLICIT",
            Self::DangerousContent => "HARM_CATEGORY_DANGEROUS_CONTENT",
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

impl Safety {
    /// What is sent to Gemini: all four categories, each as strict as the stricter of policy and caller. The caller's
    /// settings are pairs of category and threshold as they stood in the request.
    ///
    /// # Errors
    /// A [`Refusal`] for every setting that is laxer than the policy's, that is given twice, or that names a category
    /// or threshold which Gemini does not know for text.
    pub fn tightened<'c>(
        &self,
        caller: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Result<Vec<(Category, Threshold)>, Vec<Refusal>> {
        let mut asked: Vec<(Category, Threshold)> = Vec::new();
        let mut refusals = Vec::new();
        for (index, (category, threshold)) in caller.into_iter().enumerate() {
            match self.asked(category, threshold) {
                Ok((category, _)) if asked.iter().any(|(earlier, _)| *earlier == category) => {
                    refusals.push(Refusal::new(
                        format!("safetySettings[{index}].category"),
                        format!("{category} is set twice"),
                        "set each category once",
                    ));
                }
                Ok(setting) => asked.push(setting),
                Err((field, problem, remedy)) => {
                    refusals.push(Refusal::new(format!("safetySettings[{index}].{field}"), problem, remedy));
                }
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let stricter = |category| {
            let asked = asked.iter().filter(|(c, _)| *c == category).map(|(_, threshold)| *threshold);
            (category, asked.fold(self.of(category), Threshold::max))
        };
        Ok(Category::ALL.map(stricter).to_vec())
    }

    /// The policy's threshold for a category.
    #[must_use]
    pub const fn of(&self, category: Category) -> Threshold {
        match category {
            Category::Harassment => self.harassment,
            Category::HateSpeech => self.hate_speech,
            Category::SexuallyExplicit => self.sexually_explicit,
            Category::DangerousContent => self.dangerous_content,
        }
    }

    /// One setting of the caller's, or the field that is wrong, what is wrong and the remedy.
    fn asked(&self, category: &str, threshold: &str) -> Result<(Category, Threshold), (&'static str, String, String)> {
        let Some(category) = Category::ALL.into_iter().find(|known| known.wire_name() == category) else {
            return Err(("category", "is not a category of text".to_owned(), one_of(&Category::ALL)));
        };
        let floor = self.of(category);
        // Unspecified is what a client sends that leaves the choice to the server.
        if threshold == "HARM_BLOCK_THRESHOLD_UNSPECIFIED" {
            return Ok((category, floor));
        }
        let Some(threshold) = Threshold::ALL.into_iter().find(|known| known.wire_name() == threshold) else {
            return Err(("threshold", "is not a threshold".to_owned(), one_of(&Threshold::ALL)));
        };
        if threshold < floor {
            let problem = format!("{threshold} is laxer than the policy allows for {category}");
            return Err(("threshold", problem, format!("use {floor} or stricter, or leave the setting out")));
        }
        Ok((category, threshold))
    }
}

fn one_of<T: fmt::Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(T::to_string).collect();
    format!("use one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIUM: Safety = Safety {
        harassment: Threshold::BlockMediumAndAbove,
        hate_speech: Threshold::BlockMediumAndAbove,
        sexually_explicit: Threshold::BlockOnlyHigh,
        dangerous_content: Threshold::BlockLowAndAbove,
    };

    #[test]
    fn without_settings_of_the_caller_all_four_categories_are_sent() {
        assert_eq!(
            MEDIUM.tightened([]).unwrap(),
            [
                (Category::Harassment, Threshold::BlockMediumAndAbove),
                (Category::HateSpeech, Threshold::BlockMediumAndAbove),
                (Category::SexuallyExplicit, Threshold::BlockOnlyHigh),
                (Category::DangerousContent, Threshold::BlockLowAndAbove),
            ]
        );
    }

    #[test]
    fn a_caller_can_tighten_and_never_loosen() {
        for floor in Threshold::ALL {
            let safety = Safety { harassment: floor, ..MEDIUM };
            for asked in Threshold::ALL {
                let answer = safety.tightened([("HARM_CATEGORY_HARASSMENT", asked.wire_name())]);
                if asked >= floor {
                    assert_eq!(answer.unwrap()[0], (Category::Harassment, asked), "floor {floor}, asked {asked}");
                } else {
                    let refusals = answer.unwrap_err();
                    assert_eq!(refusals.len(), 1);
                    assert_eq!(refusals[0].field, "safetySettings[0].threshold");
                    assert!(refusals[0].remedy.contains(floor.wire_name()), "{refusals:?}");
                }
            }
        }
    }

    #[test]
    fn strictness_is_ordered_as_google_describes_it() {
        assert!(Threshold::ALL.is_sorted());
        assert!(Threshold::Off < Threshold::BlockNone);
        assert!(Threshold::BlockLowAndAbove > Threshold::BlockMediumAndAbove);
    }

    #[test]
    fn an_unspecified_threshold_leaves_the_policys() {
        let settings = MEDIUM.tightened([("HARM_CATEGORY_HARASSMENT", "HARM_BLOCK_THRESHOLD_UNSPECIFIED")]).unwrap();
        assert_eq!(settings[0], (Category::Harassment, Threshold::BlockMediumAndAbove));
    }

    #[test]
    fn every_wrong_setting_is_refused_by_its_place() {
        let refusals = MEDIUM
            .tightened([
                ("HARM_CATEGORY_MEDICAL", "BLOCK_LOW_AND_ABOVE"),
                ("HARM_CATEGORY_HARASSMENT", "block_low_and_above"),
                ("HARM_CATEGORY_HATE_SPEECH", "BLOCK_LOW_AND_ABOVE"),
                ("HARM_CATEGORY_HATE_SPEECH", "BLOCK_LOW_AND_ABOVE"),
                ("HARM_CATEGORY_DANGEROUS_CONTENT", "OFF"),
            ])
            .unwrap_err();
        let fields: Vec<&str> = refusals.iter().map(|refusal| refusal.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "safetySettings[0].category",
                "safetySettings[1].threshold",
                "safetySettings[3].category",
                "safetySettings[4].threshold",
            ]
        );
    }
}
