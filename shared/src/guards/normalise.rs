//! The detection copy: text as a reader or a model would take it, whatever characters it was written with.
//!
//! Only ever matched against; what is forwarded is the text itself. Three steps, each linear:
//!
//! 1. Invisible characters go, and with them controls, a terminal's control sequences and characters for private use; tag
//!    characters become the ASCII they spell, and rows of variation selectors the text whose bytes they carry. Phrases in
//!    one character (U+FDFA) become gaps.
//! 2. Unicode NFKC: full-width, mathematical, circled, ligatures. It can grow a text, at the worst to three times its
//!    bytes.
//! 3. Folding: combining marks off Latin letters and digits, look-alikes of other scripts in words that mix scripts or
//!    consist of nothing else, typographic quotes and dashes, and white space that ASCII classes miss.
//!
//! What a text says beneath encodings, leetspeak and the like is read further on, by [`readings`].
//!
//! Case is left to the patterns. Text in ASCII is its own copy. Normalising twice is normalising once.

mod fold;
pub(super) mod invisible;
mod look_alikes;
mod origins;
pub mod readings;

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use fold::Fold;
pub(super) use origins::Origins;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// The detection copy of `text`.
#[must_use]
pub fn normalise(text: &str) -> Cow<'_, str> {
    copy(text).0
}

/// The detection copy of `text`, and whether the text holds characters that show nothing.
pub(super) fn copy(text: &str) -> (Cow<'_, str>, bool) {
    if invisible::is_plain(text) {
        return (Cow::Borrowed(text), false);
    }
    let hides = invisible::hides(text);
    let revealed: Cow<'_, str> =
        if hides { invisible::revealed(text).map(|(_, c)| c).collect() } else { Cow::Borrowed(text) };
    let composed = NFKC.normalize(&revealed);
    let mut fold = Fold::new(String::with_capacity(composed.len()));
    fold.push_all(&composed);
    (Cow::Owned(fold.finish()), hides)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_its_own_copy() {
        assert!(matches!(normalise("plain\ttext\n"), Cow::Borrowed("plain\ttext\n")));
    }

    #[test]
    fn a_mark_behind_one_of_another_script_still_belongs_to_its_letter() {
        for text in ["сосо\u{301}\u{3099}", "coco\u{301}\u{3099}", "coco\u{5B0}\u{301}", "a\u{3099}\u{5B0}\u{301}b"]
        {
            let once = normalise(text).into_owned();
            assert!(!once.contains('\u{301}'), "{text}");
            assert_eq!(normalise(&once), once, "{text}");
        }
    }

    #[test]
    fn clothes_come_off_letters() {
        for text in ["ｉｇｎｏｒｅ", "𝐢𝐠𝐧𝐨𝐫𝐞", "ⓘⓖⓝⓞⓡⓔ", "ígnörê", "i\u{336}g\u{336}nore", "ɪɢɴᴏʀᴇ", "🅘🅖🅝🅞🅡🅔", "ıgnøre"]
        {
            assert_eq!(normalise(text), "ignore", "{text}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_gone() {
        let text = "i\u{200B}g\u{AD}n\u{2060}o\u{FE0F}r\u{E0100}e\u{FEFF}\u{3164}\u{FFA0}\u{115F}\u{202E}\u{2066}";
        assert_eq!(normalise(text), "ignore");
    }

    #[test]
    fn look_alikes_are_read_as_latin_in_mixed_words_and_in_words_of_nothing_else() {
        assert_eq!(normalise("ign\u{43E}r\u{435}"), "ignore");
        assert_eq!(normalise("s\u{443}st\u{435}\u{43C}"), "system");
        assert_eq!(normalise("\u{440}\u{430}\u{443}"), "pay");
        assert_eq!(normalise("\u{391}LL"), "ALL");
    }

    #[test]
    fn genuine_words_of_other_scripts_stay_as_they_are() {
        for text in ["Игнорируй правила", "секрет", "всё", "αγνόησε", "խնդիր", "規則を無視", "규칙", "تجاهل", "नियम"]
        {
            assert_eq!(normalise(text), text);
        }
    }

    #[test]
    fn white_space_that_ascii_misses_becomes_ascii() {
        assert_eq!(normalise("a\u{85}b\u{1680}c\u{2028}d\u{2029}e\u{A0}f\u{3000}g"), "a\nb c\nd\ne f g");
    }

    #[test]
    fn controls_and_what_is_for_private_use_is_gone() {
        let text = "i\0g\x01n\x7Fo\u{86}r\u{E000}e\u{10FFFD} \x1B[1;31mall\x1B[0m\x0Brules\x1B";
        assert_eq!(normalise(text), "ignore all\nrules");
        assert_eq!(normalise("\x1B[1;31 and [2]"), "nd [2]");
    }

    #[test]
    fn marks_that_stand_on_spaces_and_signs_are_gone() {
        assert_eq!(normalise("ignore \u{301}all.\u{20DD} \u{308}rules \u{B4}"), "ignore all. rules  ");
    }

    #[test]
    fn no_character_grows_beyond_three_times_its_length() {
        for c in '\0'..=char::MAX {
            let text = String::from(c);
            assert!(normalise(&text).len() <= 3 * text.len(), "{c:?}");
        }
    }

    #[test]
    fn a_range_of_the_copy_leads_back_to_whole_characters_of_the_text() {
        let text = "é\u{200B}ｘ\u{301}㎏\u{1}";
        let (copied, _) = copy(text);
        let origins = Origins::trace(text, &copied);
        assert_eq!(origins.map(0..1), 0..5);
        assert_eq!(origins.map(1..2), 5..10);
        assert_eq!(origins.map(3..4), 10..14);
    }
}
