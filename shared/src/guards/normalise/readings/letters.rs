//! Letters set apart, words with signs in them, and words with their letters shuffled.

use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;
use super::sums;
pub(super) use super::sums::{LONGEST, SHORTEST, value};
use super::turned::Turns;
use crate::guards::words;

/// From how many letters set apart they are a word: abbreviations have three.
const LETTERS_APART: usize = 4;
/// How much glued text is cut into words at a time, in bytes.
const GLUED: usize = 1024;

/// The words of the vocabulary of ASCII letters only, by their sums.
struct Sums {
    bits: [u64; sums::BITS],
    /// Where each list begins among the words, and where the last ends.
    lists: [u16; sums::LISTS + 1],
    /// A word's sum, where it stands in the letters, and its length.
    words: &'static [(u32, u16, u8)],
    letters: &'static str,
}

static SUMS: Sums = include!(concat!(env!("OUT_DIR"), "/letters.sums"));

impl Sums {
    #[inline]
    fn may_have(&self, sum: u32) -> bool {
        let (at, bit) = sums::bit(sum);
        self.bits.get(at).is_some_and(|bits| bits & bit != 0)
    }

    fn with(&self, sum: u32) -> impl Iterator<Item = &'static str> {
        let list = sums::list(sum);
        let ends = |at: usize| self.lists.get(at).copied().map_or(0, usize::from);
        let words = self.words.get(ends(list)..ends(list + 1)).unwrap_or_default();
        words.iter().filter(move |(other, ..)| *other == sum).filter_map(|(_, at, length)| {
            let at = usize::from(*at);
            self.letters.get(at..at + usize::from(*length))
        })
    }
}

/// Looks at a word of ASCII letters whose values add up to `sum`.
#[inline]
pub(super) fn word(bytes: &[u8], range: Range<usize>, sum: u64, edits: &mut Edits, turns: &mut Turns) {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are told apart")]
    let (plain, turned) = (sum as u32, (sum >> 32) as u32);
    let sums = &SUMS;
    if sums.may_have(plain) || sums.may_have(turned) {
        suspect(sums, bytes, range, plain, turned, edits, turns);
    }
}

fn suspect(
    sums: &'static Sums,
    bytes: &[u8],
    range: Range<usize>,
    plain: u32,
    turned: u32,
    edits: &mut Edits,
    turns: &mut Turns,
) {
    let word = bytes.get(range.clone()).unwrap_or_default();
    // Most of what comes here is simply a word that is known.
    if sums.with(plain).any(|known| known.as_bytes().eq_ignore_ascii_case(word)) {
        return;
    }
    let word = word.to_ascii_lowercase();
    for known in sums.with(plain).filter(|known| known.len() == word.len()) {
        if known.bytes().rev().eq(word.iter().copied()) {
            turns.note_reversed(range.start, word.len());
        } else if is_shuffled(known.as_bytes(), &word) {
            edits.add(range, known.to_owned(), Layer::Scrambled);
            return;
        }
    }
    if sums.with(turned).any(|known| known.bytes().eq(word.iter().map(|letter| super::turned::rot13(*letter)))) {
        turns.note_rot13(range.start, word.len());
    }
}

/// Whether two words of the same letters differ by one swap of neighbours, or within their first and last letters only.
fn is_shuffled(known: &[u8], word: &[u8]) -> bool {
    let differing: Vec<usize> = (0..known.len()).filter(|at| known.get(*at) != word.get(*at)).collect();
    let swapped = matches!(differing.as_slice(), [first, second] if first + 1 == *second);
    swapped || (known.first() == word.first() && known.last() == word.last())
}

/// Letters with white space between them, from a run of one character on: where they end, and the words they make.
///
/// `barren` is up to where a row was read that has too few letters, so that no later part of it has enough: without it a
/// row of signs would be read again from each of them.
pub(super) fn spaced(text: &str, first: Range<usize>, barren: &mut usize) -> Option<(usize, String)> {
    if first.start < *barren {
        return None;
    }
    let mut letters: Vec<(char, usize)> = Vec::new();
    let mut rest = text.get(first.start..)?.char_indices().peekable();
    let mut end = first.start;
    while let Some((at, c)) = rest.next() {
        let after = first.start + at + c.len_utf8();
        let mut gap = 0;
        while rest.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {
            gap += 1;
        }
        if gap == 0 && rest.peek().is_some() {
            break;
        }
        if letters.is_empty() && !c.is_alphanumeric() && !c.is_ascii_punctuation() {
            return None;
        }
        letters.push((c, gap));
        end = after;
    }
    if letters.len() <= LETTERS_APART || letters.iter().filter(|(c, _)| c.is_alphabetic()).count() < LETTERS_APART {
        *barren = end;
        return None;
    }
    let within = || letters.get(..letters.len() - 1).unwrap_or_default().iter().map(|(_, gap)| *gap);
    let (narrowest, widest) = (within().min().unwrap_or(1), within().max().unwrap_or(1));
    let is_gap = |c: char| matches!(c, '/' | '|' | '_' | '-');
    let has_gaps = widest > narrowest || letters.iter().any(|(c, _)| is_gap(*c));
    let mut read = String::with_capacity(letters.len() + 8);
    let mut glued = String::new();
    for (c, gap) in letters {
        let parts = is_gap(c);
        if !parts {
            glued.push(c);
        }
        if has_gaps && (parts || gap > narrowest) {
            segment(&glued, &mut read);
            glued.clear();
            read.push(' ');
        }
    }
    segment(&glued, &mut read);
    Some((end, read))
}

/// Words set with a sign after each letter, and words with signs inside.
pub(super) fn punctuated(text: &str, range: &Range<usize>, edits: &mut Edits) {
    let bytes = text.as_bytes();
    let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let mut span = range.clone();
    while span.start < span.end && !is_letter(span.start) {
        span.start += 1;
    }
    while span.end > span.start && !is_letter(span.end - 1) {
        span.end -= 1;
    }
    let core = bytes.get(span.clone()).unwrap_or_default();
    if core.len() < 3 || !core.is_ascii() {
        return;
    }
    let letters: Vec<u8> = core.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    if letters.len() == core.len() {
        hyphenated(text, &span, edits);
        return;
    }
    let apart = core.windows(2).all(|pair| !pair.iter().all(u8::is_ascii_alphanumeric));
    let Ok(joined) = String::from_utf8(letters) else { return };
    let alphabetic = joined.bytes().filter(u8::is_ascii_alphabetic).count();
    if apart && alphabetic >= 2 {
        let mut read = String::with_capacity(joined.len() + 4);
        segment(&joined, &mut read);
        if alphabetic >= LETTERS_APART {
            edits.add(span, read, Layer::Spaced);
        } else {
            edits.add_unsure(span, read, Layer::Spaced);
        }
    } else if joined.len() <= LONGEST && core.iter().all(|byte| byte.is_ascii_alphabetic() || is_inner(*byte)) {
        if joined.eq_ignore_ascii_case("email") {
            return;
        }
        if joined.len() >= LETTERS_APART && words::knows(joined.as_bytes()) {
            edits.add(span, joined, Layer::Punctuated);
        } else if core.iter().any(|byte| matches!(byte, b'_' | b'~' | b'*' | b'^' | b'|' | b'-' | b'.')) {
            edits.add_unsure(span, joined, Layer::Punctuated);
        }
    }
}

/// Signs that break words and are read over.
const fn is_inner(byte: u8) -> bool {
    matches!(
        byte,
        b'_' | b'~' | b'*' | b'^' | b'|' | b'.' | b'-' | b'+' | b'=' | b'#' | b'/' | b',' | b'`' | b'\'' | b'"'
    )
}

/// A word cut by a hyphen at the end of a line.
fn hyphenated(text: &str, span: &Range<usize>, edits: &mut Edits) {
    let bytes = text.as_bytes();
    if bytes.get(span.end) != Some(&b'-') || bytes.get(span.end + 1) != Some(&b'\n') {
        return;
    }
    let rest = bytes.get(span.end + 2..).unwrap_or_default();
    let length = rest.iter().take(LONGEST).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (head, tail) = (text.get(span.clone()), text.get(span.end + 2..span.end + 2 + length));
    let word = [head.unwrap_or_default(), tail.unwrap_or_default()].concat();
    if length > 0 && words::knows(word.as_bytes()) {
        edits.add(span.start..span.end + 2 + length, word, Layer::Punctuated);
    }
}

/// Appends a glued row of letters, cut into words of the vocabulary where it consists of them.
pub(super) fn segment(glued: &str, into: &mut String) {
    if glued.len() <= 8 || !glued.is_ascii() || words::knows(glued.as_bytes()) {
        into.push_str(glued);
        return;
    }
    for chunk in glued.as_bytes().chunks(GLUED) {
        cut(chunk, into);
    }
}

/// The cheapest way to cut: a word costs one, a letter of none a little more.
fn cut(glued: &[u8], into: &mut String) {
    const WORD: u32 = 10;
    const LETTER: u32 = 12;
    let mut best: Vec<(u32, usize)> = vec![(u32::MAX, 0); glued.len() + 1];
    if let Some(first) = best.first_mut() {
        first.0 = 0;
    }
    for from in 0..glued.len() {
        let Some(cost) = best.get(from).map(|(cost, _)| *cost) else { break };
        let mut offer = |end: usize, more: u32| {
            if let Some(slot) = best.get_mut(end).filter(|slot| cost + more < slot.0) {
                *slot = (cost + more, from);
            }
        };
        offer(from + 1, LETTER);
        words::prefixes(glued.get(from..).unwrap_or_default(), LONGEST, |length| offer(from + length, WORD));
    }
    let mut cuts = Vec::new();
    let mut at = glued.len();
    while at > 0 {
        let from = best.get(at).map_or(0, |(_, from)| *from);
        cuts.push(from..at);
        at = from;
    }
    // Letters of no word stay together.
    let mut alone = false;
    for range in cuts.into_iter().rev() {
        let single = range.len() == 1;
        if !(into.is_empty() || into.ends_with(' ') || (single && alone)) {
            into.push(' ');
        }
        into.extend(glued.get(range).unwrap_or_default().iter().copied().map(char::from));
        alone = single;
    }
}
