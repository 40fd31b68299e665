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
//! | base64, also URL-safe, unpadded, wrapped, word by word, or cut by spaces and signs into pieces of which the first has eight characters; base32 | `base64`, `base32` |
//! | hexadecimal, in one piece, word by word or as a list; lists of decimal, octal and binary codes; bits in one piece | `hex`, `numbers` |
//! | Morse code with dots and dashes of several kinds, on one line or several | `morse` |
//! | `&#73;`, `&#x49;`, named entities | `entities` |
//! | `\u0049`, `\u{49}`, `\x49`, `\U00000049`, `\111`; a backslash before every letter | `escapes` |
//! | `%49`, and `+` for spaces | `percent` |
//! | l e t t e r s and l.e.t.t.e.r.s set apart, also without gaps between the words | `spaced` |
//! | tags and comments of HTML, and `/* comments */`, between words and within them (`ig<b>nore</b> <!-- x --> all`) | `markup` |
//! | signs inside words (`ig_nore`), words hyphenated at the end of a line | `punctuated` |
//! | four words and more written together: `IgnoreAllThoseRules`, `ignore_all_those_rules`; all in small letters, those of the vocabulary | `glued` |
//! | leetspeak, also with €, £, ¥, ¢ and § (`r€veal`) | `leet` |
//! | known words with letters swapped or their inner letters shuffled | `scrambled` |
//! | strings cut up and put together by `"a" + "b"` or through variables | `joined` |
//! | rot13; text written backwards, as a whole or word by word | `rot13`, `reversed` |
//!
//! Not covered: other shifts of the alphabet and keyed ciphers, base85 and rarer bases, base64 with a sign after every
//! few characters, compressed data, acrostics, words cut by single spaces (`ig nore`), words in another order,
//! translations into invented languages, comments that open with other signs than those, and what is drawn with
//! characters.
//!
//! # What bounds the work
//! Three rounds ([`MOST_ROUNDS`]), so that base64 in base64 in base64 is read: of the text as it is, and, where it has tags,
//! of the text without them. What lies further than [`CONTEXT`] bytes from everything that was replaced is left out. All
//! readings together hold at most as much as the text and the text without tags, and 8 KiB ([`most_bytes`]): one that does
//! not fit is read as far as it does, and [`Readings::unread`] says so, which flags. No decoding makes a text longer, but for
//! strings that are put together again and again: of those as many are read as the text has bytes, and the rest is unread.
//!
//! # Several texts
//! Each text is read by itself ([`Readings::next`]), so that nothing said later changes what it says; [`together`] then reads
//! all of them as one, for a phrase that begins in one text and ends in the next. Not put together are an encoded stretch,
//! a row of letters, a tag or a comment that the end of a text cuts, rot13 and text written backwards over several texts,
//! and strings over several texts whose quotes or `+` are disguised. This one reading is outside the bound above: it holds at
//! most all texts, what was decoded in them, and as much again in strings.

mod base64;
mod codes;
mod escapes;
mod glued;
mod joined;
mod leet;
mod letters;
pub(in crate::guards) mod markup;
mod morse;
mod rewrite;
mod sums;
mod turned;
mod worded;

use std::ops::Range;
use std::sync::Arc;

use super::normalise;
use rewrite::Edits;
use turned::Turns;

/// How often the result of decoding is decoded again.
pub const MOST_ROUNDS: usize = 3;
/// How much of what surrounds a replaced stretch belongs to its reading, in bytes to each side.
pub const CONTEXT: usize = 512;
/// The same in a text with tags: what surrounds those is read without them.
const CONTEXT_OF_TAGS: usize = 64;

/// How many bytes the readings of all texts may hold beyond twice their own.
pub const SPARE: usize = 8 << 10;

/// The most bytes that the readings of a text may hold together.
#[must_use]
pub const fn most_bytes(text: usize) -> usize {
    text.saturating_mul(2).saturating_add(SPARE)
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
    /// Words written together.
    Glued,
    /// Hexadecimal.
    Hex,
    /// Strings put together by code.
    Joined,
    /// Digits and signs for letters.
    Leet,
    /// Tags and comments between words or within them.
    Markup,
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
            Self::Glued => "glued",
            Self::Hex => "hex",
            Self::Joined => "joined",
            Self::Leet => "leet",
            Self::Markup => "markup",
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
        matches!(
            self,
            Self::Entities
                | Self::Escapes
                | Self::Glued
                | Self::Markup
                | Self::Percent
                | Self::Punctuated
                | Self::Scrambled
        )
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

    /// The stretches that are not as they were in the text itself, however often they were read, as edits of a text in which
    /// that text begins at `start`.
    fn retell(&self, start: usize, edits: &mut Edits) {
        let mut runs: Vec<(Range<usize>, Layer)> = Vec::new();
        for (at, layer) in self.changed_ever() {
            match runs.last_mut().filter(|(run, _)| run.end == at.start) {
                // What was decoded twice in its midst is one stretch of the text.
                Some((run, first)) => {
                    run.end = at.end;
                    // A tag beside it makes no disguise less of one.
                    *first = if first.is_common() { layer } else { *first };
                }
                None => runs.push((at, layer)),
            }
        }
        for (at, layer) in runs {
            let origin = self.origin(at.clone());
            let read = self.text.get(at).unwrap_or_default().to_owned();
            edits.add(start + origin.start..start + origin.end, read, layer);
        }
    }

    /// Where in it stands what was not so in the text itself, in order.
    fn changed_ever(&self) -> Vec<(Range<usize>, Layer)> {
        let below = self.base.as_ref().map(|base| base.changed_ever()).unwrap_or_default();
        let mut changed = Vec::new();
        for piece in &self.pieces {
            let origin = &piece.origin;
            match piece.layer {
                Some(layer) => changed.push((piece.at.clone(), layer)),
                None if !piece.is_even() => {}
                None => {
                    let first = below.partition_point(|(at, _)| at.end <= origin.start);
                    let within = below.get(first..).unwrap_or_default();
                    let within = within.iter().take_while(|(at, _)| at.start < origin.end);
                    changed.extend(within.map(|(at, layer)| {
                        let (from, to) = (at.start.max(origin.start), at.end.min(origin.end));
                        (piece.at.start + from - origin.start..piece.at.start + to - origin.start, *layer)
                    }));
                }
            }
        }
        changed
    }

    /// Which bytes of what it was made from are in it as they were, in order.
    fn kept(&self) -> Vec<Range<usize>> {
        let kept = self.pieces.iter().filter(|piece| piece.is_kept());
        kept.map(|piece| piece.origin.clone()).collect()
    }

    /// Which bytes of a text of this length it was made from lie in none of its stretches that are whole: as they were, from
    /// one that is not, or from the beginning, to the next.
    fn beside_whole(&self, length: usize) -> Vec<Range<usize>> {
        let is_edge = |at: Option<&Piece>| at.is_none_or(|piece| piece.layer.is_some());
        let mut beside = Vec::new();
        let mut from = 0;
        for (number, piece) in self.pieces.iter().enumerate().filter(|(_, piece)| piece.is_kept()) {
            let (before, after) =
                (number.checked_sub(1).and_then(|at| self.pieces.get(at)), self.pieces.get(number + 1));
            let begins = before.map_or(piece.origin.start == 0, |_| is_edge(before));
            let ends = after.map_or(piece.origin.end == length, |_| is_edge(after));
            if begins && ends {
                beside.push(from..piece.origin.start);
                from = piece.origin.end;
            }
        }
        beside.push(from..length);
        beside
    }

    /// Leaves out what lies beyond so many bytes.
    fn cut(&mut self, most: usize) {
        self.text.truncate(self.text.floor_char_boundary(most));
        let length = self.text.len();
        self.pieces.retain(|piece| piece.at.start < length);
        if let Some(last) = self.pieces.last_mut().filter(|last| last.at.end > length) {
            if last.is_even() {
                last.origin.end -= last.at.end - length;
            }
            last.at.end = length;
        }
    }

    fn piece_at(&self, at: usize) -> Option<&Piece> {
        let number = self.pieces.partition_point(|piece| piece.at.end <= at);
        self.pieces.get(number).or(self.pieces.last())
    }
}

impl Piece {
    const fn is_kept(&self) -> bool {
        self.layer.is_none() && self.is_even()
    }

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
    /// Those in which what is undone stands in its place, the plainest last.
    in_place: Vec<Arc<Reading>>,
    unread: bool,
}

/// All texts as one, in order, as plain as each can be read, and with strings put together that stand in several: `text` is
/// what holds them, and each begins at its place in it. At most one reading.
#[must_use]
pub fn together<'r>(text: &str, each: impl IntoIterator<Item = (usize, &'r Readings)>) -> Readings {
    let mut edits = rewrite::strings(text);
    let unread = edits.unread;
    for (start, readings) in each {
        // A further round leaves out what is far from all that it undoes. Of two edits of a stretch the first counts.
        readings.in_place.iter().rev().for_each(|reading| reading.retell(start, &mut edits));
    }
    let joint = edits.apply(text, None, CONTEXT).map(Arc::new);
    Readings { all: joint.into_iter().collect(), in_place: Vec::new(), unread }
}

impl Readings {
    /// The further readings of `copy`, a detection copy. Most texts have none.
    #[must_use]
    pub fn of(copy: &str) -> Self {
        let mut left = SPARE;
        Self::next(copy, &mut left)
    }

    /// The same of the next of several texts. `left` is how many bytes the readings of those before left of what they might
    /// hold: [`SPARE`] for the first.
    #[must_use]
    pub fn next(copy: &str, left: &mut usize) -> Self {
        let mut readings = Self::default();
        *left = left.saturating_add(copy.len());
        let Some(bare) = markup::strip(copy).apply(copy, None, CONTEXT) else {
            readings.read(copy, None, left);
            return readings;
        };
        // What stands in tags and comments, or far from all, is read where it is, and the rest without them.
        let kept = bare.kept();
        let (edits, turns) = rewrite::look_at(copy, &bare.beside_whole(copy.len()));
        readings.unread |= edits.unread;
        let elsewhere = edits.outside(&kept).apply(copy, None, CONTEXT_OF_TAGS);
        if let Some(elsewhere) = elsewhere.and_then(|reading| readings.add_in_place(reading, left)) {
            readings.read(copy, Some(elsewhere), left);
        }
        // No longer than the text, of which there is one.
        *left = left.saturating_add(bare.text.len());
        if let Some(bare) = readings.add_in_place(bare, left) {
            readings.read(copy, Some(bare), left);
        }
        readings.add_turned(copy, &turns.outside(&kept), None, left);
        readings
    }

    /// Reads on from a reading, or from the text, round by round.
    fn read(&mut self, copy: &str, mut base: Option<Arc<Reading>>, left: &mut usize) {
        for _ in 0..MOST_ROUNDS {
            let text = base.as_ref().map_or(copy, |base| base.text());
            let (edits, turns) = rewrite::look(text);
            self.unread |= edits.unread;
            // What is encoded says more than what would also be words turned.
            let added = edits.apply(text, base.clone(), CONTEXT).and_then(|reading| self.add_in_place(reading, left));
            self.add_turned(text, &turns, base.as_ref(), left);
            let Some(added) = added else { break };
            let bare = markup::strip(added.text()).apply(added.text(), Some(Arc::clone(&added)), CONTEXT);
            base = Some(bare.and_then(|bare| self.add_in_place(bare, left)).unwrap_or(added));
        }
    }

    /// Each further reading.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Reading>> {
        self.all.iter()
    }

    /// Whether something was left out, since there were too many bytes in them.
    #[must_use]
    pub const fn unread(&self) -> bool {
        self.unread
    }

    /// Adds the readings of a text by its turned lines.
    fn add_turned(&mut self, text: &str, turns: &Turns, base: Option<&Arc<Reading>>, left: &mut usize) {
        for reading in turned::read(text, turns, base) {
            if self.add(reading, left).is_none() {
                break;
            }
        }
    }

    fn add_in_place(&mut self, reading: Reading, left: &mut usize) -> Option<Arc<Reading>> {
        let added = self.add(reading, left);
        self.in_place.extend(added.clone());
        added
    }

    /// Adds a reading, as far as it fits; none where it does not, so that nothing is read on from a part.
    fn add(&mut self, mut reading: Reading, left: &mut usize) -> Option<Arc<Reading>> {
        let fits = reading.text.len() <= *left;
        if !fits {
            self.unread = true;
            reading.cut(*left);
        }
        *left -= reading.text.len();
        let reading = Arc::new(reading);
        if !reading.text.is_empty() {
            self.all.push(Arc::clone(&reading));
        }
        fits.then_some(reading)
    }
}

#[cfg(test)]
mod tests;
