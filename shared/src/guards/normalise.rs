//! The detection copy: text as a reader or a model would take it, whatever characters it was written with.
//!
//! Only ever matched against; what is forwarded is the text itself. Three steps, each linear:
//!
//! 1. Invisible characters go, and tag characters become the ASCII they spell ([`invisible`]).
//! 2. Unicode NFKC: full-width, mathematical, circled, ligatures. It can grow a text, at the worst from 3 bytes to 33
//!    (U+FDFA), so a copy is at most eleven times its text.
//! 3. Folding: combining marks off Latin letters and digits, look-alikes of other scripts in words that mix scripts or
//!    consist of nothing else, typographic quotes and dashes, and white space that ASCII classes miss.
//!
//! Case is left to the patterns. Text in ASCII is its own copy. Normalising twice is normalising once.

mod fold;
pub(super) mod invisible;
mod look_alikes;
mod origins;

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use fold::Fold;
pub(super) use origins::Origins;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// The detection copy of `text`.
#[must_use]
pub fn normalise(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let revealed: Cow<'_, str> = if text.chars().any(invisible::is_hidden) {
        Cow::Owned(text.chars().filter_map(invisible::reveal).collect())
    } else {
        Cow::Borrowed(text)
    };
    let composed = NFKC.normalize(&revealed);
    let mut fold = Fold::new(String::with_capacity(composed.len()));
    composed.chars().for_each(|c| fold.push(c, 0));
    Cow::Owned(fold.finish())
}
