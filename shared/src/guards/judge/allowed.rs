//! The operator's phrases within which no rule matches.

use std::borrow::Cow;
use std::ops::Range;

use crate::guards::normalise::normalise;

/// How many bytes longer or shorter a character is than its lower case, at the most thrice: `ẞ` has three, `ß` two.
const WIDEST: usize = 3;

/// Phrases in lower case, as the detection copy shows them and as they are: the seed reads the text itself.
#[derive(Debug, Default)]
pub(super) struct Allowed(Vec<String>);

impl Allowed {
    pub(super) fn new(phrases: &[String]) -> Self {
        let forms = phrases.iter().flat_map(|phrase| [normalise(phrase), Cow::Borrowed(phrase)]);
        let forms = forms.map(|phrase| phrase.chars().flat_map(lower).collect::<String>());
        let mut all: Vec<String> = forms.filter(|phrase| !phrase.is_empty()).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Whether a stretch of a text lies within one of the phrases, lower or upper case alike.
    pub(super) fn covers(&self, text: &str, span: &Range<usize>) -> bool {
        self.0.iter().any(|phrase| {
            let from = text.floor_char_boundary(span.end.saturating_sub(phrase.len() * WIDEST));
            let starts = text.get(from..=span.start).or_else(|| text.get(from..)).unwrap_or_default().char_indices();
            let mut starts = starts.map(|(at, _)| from + at).filter(|at| *at <= span.start);
            starts
                .any(|at| length(text.get(at..).unwrap_or_default(), phrase).is_some_and(|held| at + held >= span.end))
        })
    }

    /// A text without the phrases: what is true of a text as a whole is asked of what remains.
    pub(super) fn without<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut left = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let skipped = self.0.iter().filter_map(|phrase| length(rest, phrase)).max();
            if skipped.is_none() {
                left.push(c);
            }
            rest = rest.get(skipped.unwrap_or(c.len_utf8())..).unwrap_or_default();
        }
        Cow::Owned(left)
    }
}

/// A character in lower case, whatever stands around it: a sigma has two, by its place.
fn lower(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// How many bytes of a text its beginning takes that is `phrase` but for the case.
fn length(text: &str, phrase: &str) -> Option<usize> {
    let mut left = phrase;
    for (at, c) in text.char_indices() {
        if left.is_empty() {
            return Some(at);
        }
        for one in lower(c) {
            left = left.strip_prefix(one)?;
        }
    }
    left.is_empty().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_covered_by_a_phrase_around_it_and_by_no_other() {
        let allowed = Allowed::new(&["The Jailbreak Museum".into(), "жар".into()]);
        let text = "visit the jailbreak museum or jailbreak жар";
        assert!(allowed.covers(text, &(10..19)));
        assert!(!allowed.covers(text, &(30..39)));
        assert!(!allowed.covers(text, &(10..39)));
        assert!(allowed.covers(text, &(40..46)));
    }

    #[test]
    fn case_counts_for_nothing_in_any_script() {
        let allowed =
            Allowed::new(&["Жар-Птица".into(), "STRASSENRÄUBER Museum".into(), "ΣΊΣΥΦΟΣ".into(), "große".into()]);
        for text in ["жар-птица", "ЖАР-ПТИЦА", "strassenräuber MUSEUM", "Σίσυφοσ", "GROẞE"] {
            assert!(allowed.covers(text, &(0..text.len())), "{text}");
            assert_eq!(allowed.without(&format!("{text}!{text}")), "!", "{text}");
        }
    }
}
