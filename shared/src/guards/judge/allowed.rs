//! The operator's phrases within which no rule matches.

use std::ops::Range;

use crate::guards::normalise::normalise;

/// Phrases as the detection copy shows them, in lower case.
#[derive(Debug, Default)]
pub(super) struct Allowed(Vec<String>);

impl Allowed {
    pub(super) fn new(phrases: &[String]) -> Self {
        Self(
            phrases
                .iter()
                .map(|phrase| normalise(phrase).to_ascii_lowercase())
                .filter(|phrase| !phrase.is_empty())
                .collect(),
        )
    }

    /// Whether a stretch of a detection copy lies within one of the phrases.
    pub(super) fn covers(&self, text: &str, span: &Range<usize>) -> bool {
        self.0.iter().any(|phrase| {
            if span.len() > phrase.len() {
                return false;
            }
            let from = text.floor_char_boundary(span.end.saturating_sub(phrase.len()));
            let to = text.ceil_char_boundary((span.start + phrase.len()).min(text.len()));
            let around = text.get(from..to).unwrap_or_default().to_ascii_lowercase();
            around
                .match_indices(phrase.as_str())
                .any(|(at, _)| from + at <= span.start && span.end <= from + at + phrase.len())
        })
    }
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
}
