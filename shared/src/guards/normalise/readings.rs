//! What else a text may say: its further readings, with every disguise that is known undone.
//!
//! A reading is the detection copy with its encoded or disguised stretches replaced, in place, by what they stand for, so
//! that a phrase is found whole where only one of its words is encoded. Text written backwards or in rot13 is a reading of
//! its own, since it looks like words either way.
//!
//! # What is covered
//!
//! | disguise | layer |
//! | --- | --- |
//! | base64, also URL-safe, unpadded, wrapped, or cut into pieces by spaces, quotes or plus signs; base32 | `base64`, `base32` |
//! | hexadecimal, in one piece or as a list; lists of decimal, octal and binary codes; bits in one piece | `hex`, `numbers` |
//! | Morse code with dots and dashes | `morse` |
//! | `&#73;`, `&#x49;`, named entities | `entities` |
//! | `\u0049`, `\u{49}`, `\x49`, `\U00000049`, `\111` | `escapes` |
//! | `%49`, and `+` for spaces | `percent` |
//! | l e t t e r s and l.e.t.t.e.r.s set apart, also without gaps between the words | `spaced` |
//! | signs, tags or comments inside words (`ig_nore`, `ig<b>nore</b>`), words hyphenated at the end of a line | `punctuated` |
//! | leetspeak | `leet` |
//! | known words with letters swapped or their inner letters shuffled | `scrambled` |
//! | strings cut up and put together by `"a" + "b"` or through variables | `joined` |
//! | rot13; text written backwards | `rot13`, `reversed` |
//!
//! Not covered: other shifts of the alphabet and keyed ciphers, base85 and rarer bases, compressed data, acrostics, words
//! cut by single spaces (`ig nore`), translations into invented languages, and what is drawn with characters.
//!
//! # What bounds the work
//! Three rounds ([`MOST_ROUNDS`]), so that base64 in base64 in base64 is read. What lies further than [`CONTEXT`] bytes from
//! everything that was replaced is left out. All readings together hold at most half as much again as the text, and 16 KiB
//! ([`most_bytes`]); a reading beyond is not made, and [`Readings::unread`] says so. No decoding makes a text longer.

mod base64;
mod codes;
mod escapes;
mod joined;
mod leet;
mod letters;
mod morse;
mod rewrite;
mod turned;

use std::ops::Range;
use std::sync::Arc;

use super::normalise;

/// How often the result of decoding is decoded again.
pub const MOST_ROUNDS: usize = 3;
/// How much of what surrounds a replaced stretch belongs to its reading, in bytes to each side.
pub const CONTEXT: usize = 512;

/// The most bytes that the readings of a text may hold together.
#[must_use]
pub const fn most_bytes(text: usize) -> usize {
    text.saturating_add(text / 2).saturating_add(16 << 10)
}

/// How a stretch was disguised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Base32.
    Base32,
    /// Base64.
    Base64,
    /// Character references of HTML.
    Entities,
    /// Escapes of programming languages.
    Escapes,
    /// Hexadecimal.
    Hex,
    /// Strings put together by code.
    Joined,
    /// Digits and signs for letters.
    Leet,
    /// Morse code.
    Morse,
    /// Lists of decimal, octal or binary codes.
    Numbers,
    /// Percent-encoding.
    Percent,
    /// Signs or tags inside words.
    Punctuated,
    /// Written backwards.
    Reversed,
    /// The alphabet turned by thirteen.
    Rot13,
    /// Letters swapped or shuffled.
    Scrambled,
    /// Letters set apart.
    Spaced,
}

impl Layer {
    /// The name, as findings write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base32 => "base32",
            Self::Base64 => "base64",
            Self::Entities => "entities",
            Self::Escapes => "escapes",
            Self::Hex => "hex",
            Self::Joined => "joined",
            Self::Leet => "leet",
            Self::Morse => "morse",
            Self::Numbers => "numbers",
            Self::Percent => "percent",
            Self::Punctuated => "punctuated",
            Self::Reversed => "reversed",
            Self::Rot13 => "rot13",
            Self::Scrambled => "scrambled",
            Self::Spaced => "spaced",
        }
    }

    /// Whether honest texts are full of it: an attack found through it is no worse than the attack in plain.
    #[must_use]
    pub const fn is_common(self) -> bool {
        matches!(self, Self::Entities | Self::Escapes | Self::Percent | Self::Punctuated | Self::Scrambled)
    }
}

/// A further reading of a text.
#[derive(Clone, Debug)]
pub struct Reading {
    text: String,
    pieces: Vec<Piece>,
    /// The reading that this one was made from; none: the text itself.
    base: Option<Arc<Self>>,
}

/// A stretch of a reading, and what it was made from.
#[derive(Clone, Debug)]
struct Piece {
    at: Range<usize>,
    origin: Range<usize>,
    /// None where the text is as it was.
    layer: Option<Layer>,
}

impl Reading {
    /// What the text says, read so.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the text that a range of this reading was made from.
    #[must_use]
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let start = self.piece_at(range.start).map_or(0, |piece| piece.origin_of(range.start));
        let last = range.end.saturating_sub(1).max(range.start);
        let end = self.piece_at(last).map_or(start, |piece| piece.origin_up_to(last + 1)).max(start);
        match &self.base {
            Some(base) => base.origin(start..end),
            None => start..end,
        }
    }

    /// The disguise of the first stretch that a range of this reading touches; none where all of it is as it was.
    #[must_use]
    pub fn layer(&self, range: Range<usize>) -> Option<Layer> {
        let first = self.pieces.partition_point(|piece| piece.at.end <= range.start);
        let touched = self.pieces.get(first..).unwrap_or_default();
        let touched = touched.iter().take_while(|piece| piece.at.start < range.end.max(range.start + 1));
        let mut below = None;
        for piece in touched {
            if piece.layer.is_some() {
                return piece.layer;
            }
            if let Some(base) = self.base.as_ref().filter(|_| below.is_none()) {
                let start = piece.origin_of(range.start.max(piece.at.start));
                let end = piece.origin_up_to(range.end.min(piece.at.end));
                below = base.layer(start..end.max(start));
            }
        }
        below
    }

    /// The stretches that are not as they were, for a judge who needs to look at those and what surrounds them only.
    pub fn changed(&self) -> impl Iterator<Item = (Range<usize>, Layer)> {
        self.pieces.iter().filter_map(|piece| Some((piece.at.clone(), piece.layer?)))
    }

    fn piece_at(&self, at: usize) -> Option<&Piece> {
        let number = self.pieces.partition_point(|piece| piece.at.end <= at);
        self.pieces.get(number).or(self.pieces.last())
    }
}

impl Piece {
    const fn is_even(&self) -> bool {
        self.at.end - self.at.start == self.origin.end - self.origin.start
            && !matches!(self.layer, Some(Layer::Reversed))
    }

    fn origin_of(&self, at: usize) -> usize {
        if self.is_even() {
            (self.origin.start + at.saturating_sub(self.at.start)).min(self.origin.end)
        } else {
            self.origin.start
        }
    }

    fn origin_up_to(&self, end: usize) -> usize {
        if self.is_even() {
            (self.origin.start + end.saturating_sub(self.at.start)).min(self.origin.end)
        } else {
            self.origin.end
        }
    }
}

/// The further readings of a text.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    all: Vec<Arc<Reading>>,
    unread: bool,
}

impl Readings {
    /// The further readings of `copy`, a detection copy. Most texts have none.
    #[must_use]
    pub fn of(copy: &str) -> Self {
        let mut readings = Self::default();
        let mut left = most_bytes(copy.len());
        let mut base: Option<Arc<Reading>> = None;
        for _ in 0..MOST_ROUNDS {
            let text = base.as_ref().map_or(copy, |base| base.text());
            let (edits, turns) = rewrite::look(text);
            for reading in turned::read(text, turns, base.as_ref()) {
                readings.add(reading, &mut left);
            }
            let Some(reading) = edits.apply(text, base.clone()) else { break };
            let Some(added) = readings.add(reading, &mut left) else { break };
            base = Some(added);
        }
        readings
    }

    /// Each further reading.
    pub fn iter(&self) -> impl Iterator<Item = &Reading> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// Whether a reading was left out, since there were too many bytes in them.
    #[must_use]
    pub const fn unread(&self) -> bool {
        self.unread
    }

    fn add(&mut self, reading: Reading, left: &mut usize) -> Option<Arc<Reading>> {
        if reading.text.len() > *left {
            self.unread = true;
            return None;
        }
        *left -= reading.text.len();
        let reading = Arc::new(reading);
        self.all.push(Arc::clone(&reading));
        Some(reading)
    }
}

#[cfg(test)]
mod tests;
