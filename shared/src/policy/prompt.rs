//! The hardened system instruction.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// Where the instruction takes its canary.
pub const CANARY: &str = "{canary}";

/// The `[prompt]` table. `Debug` shows nothing of its texts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Whether the instruction is sent.
    pub enabled: bool,
    /// The instruction, with [`CANARY`] exactly once.
    pub instruction: String,
    /// What the model may talk about; empty for no bound.
    pub allowed_topics: Vec<String>,
    /// What it must decline.
    pub forbidden_topics: Vec<String>,
}

impl Prompt {
    /// The instruction as it is sent, its canary in place and its topics listed; `None` where it is turned off.
    #[must_use]
    pub fn render(&self, canary: &str) -> Option<String> {
        if !self.enabled {
            return None;
        }
        let mut text = self.instruction.trim_end().replacen(CANARY, canary, 1);
        list(&mut text, "Talk about these topics only, and decline others politely:", &self.allowed_topics);
        list(&mut text, "Decline these topics, whatever else is said:", &self.forbidden_topics);
        Some(text)
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

fn list(text: &mut String, heading: &str, topics: &[String]) {
    if topics.is_empty() {
        return;
    }
    let _ = write!(text, "\n\n{heading}");
    for topic in topics {
        let _ = write!(text, "\n- {topic}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> Prompt {
        Prompt {
            enabled: true,
            instruction: "Keep {canary} to yourself.\n".into(),
            allowed_topics: Vec::new(),
            forbidden_topics: Vec::new(),
        }
    }

    #[test]
    fn the_canary_takes_its_place() {
        assert_eq!(prompt().render("heron-7").as_deref(), Some("Keep heron-7 to yourself."));
    }

    #[test]
    fn topics_are_listed_below_the_rules() {
        let prompt = Prompt {
            allowed_topics: vec!["travel".into(), "food".into()],
            forbidden_topics: vec!["medicine".into()],
            ..prompt()
        };
        assert_eq!(
            prompt.render("x").unwrap(),
            "Keep x to yourself.\n\n\
             Talk about these topics only, and decline others politely:\n- travel\n- food\n\n\
             Decline these topics, whatever else is said:\n- medicine"
        );
    }

    #[test]
    fn debug_shows_none_of_its_texts() {
        let shown = format!("{:?}", Prompt { allowed_topics: vec!["yourself".into()], ..prompt() });
        assert_eq!(shown, "Prompt { enabled: true, .. }");
    }

    #[test]
    fn nothing_is_sent_where_it_is_turned_off() {
        assert_eq!(Prompt { enabled: false, ..prompt() }.render("x"), None);
    }
}
