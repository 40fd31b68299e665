//! Letters set apart, words with signs in them, and words with their letters shuffled.

use std::ops::Range;
use std::sync::LazyLock;

use super::Layer;
use super::rewrite::Edits;
use super::turned::Turns;
use crate::guards::words;

/// From how many letters a shuffled word is put right; a shorter one is too easily another word.
pub(super) const SHORTEST: usize = 5;
/// Up to how many.
pub(super) const LONGEST: usize = 16;
/// From how many letters set apart they are a word: abbreviations have three.
const LETTERS_APART: usize = 4;
/// How much glued text is cut into words at a time, in bytes.
const GLUED: usize = 1024;

/// The words of the vocabulary by the sum of their letters' values, which is that of any shuffling of them.
struct Sums {
    bits: Vec<u64>,
    words: Vec<(u32, &'static str)>,
}

static SUMS: LazyLock<Sums> = LazyLock::new(|| {
    let mut sums = Sums { bits: vec![0; 1024], words: Vec::new() };
    for word in words::plain_words().filter(|word| (SHORTEST..=LONGEST).contains(&word.len())) {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the sum")]
        let sum = word.bytes().map(value).fold(0, u64::wrapping_add) as u32;
        sums.words.push((sum, word));
        if let Some(bits) = sums.bits.get_mut(sum as usize >> 6 & 1023) {
            *bits |= 1 << (sum & 63);
        }
    }
    sums.words.sort_unstable();
    sums.words.dedup();
    sums
});

impl Sums {
    #[inline]
    fn may_have(&self, sum: u32) -> bool {
        self.bits.get(sum as usize >> 6 & 1023).is_some_and(|bits| bits >> (sum & 63) & 1 == 1)
    }

    fn with(&self, sum: u32) -> impl Iterator<Item = &'static str> {
        let first = self.words.partition_point(|(other, _)| *other < sum);
        let words = self.words.get(first..).unwrap_or_default();
        words.iter().take_while(move |(other, _)| *other == sum).map(|(_, word)| *word)
    }
}

/// A letter's value, and in the upper half that of the letter thirteen on. Sums of [`LONGEST`] do not run over.
static VALUES: [u64; 26] = {
    let mut values = [0; 26];
    let mut at = 0;
    while at < 26 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            values[at] = scattered(at) | scattered((at + 13) % 26) << 32;
        }
        at += 1;
    }
    values
};

/// Some 27 bits for a letter, such that sums of other letters are seldom the same.
const fn scattered(letter: usize) -> u64 {
    (letter as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 37
}

/// What a letter adds to its word's sum.
#[inline]
pub(super) fn value(letter: u8) -> u64 {
    VALUES.get(usize::from((letter | 0x20).wrapping_sub(b'a'))).copied().unwrap_or_default()
}

/// Looks at a word of ASCII letters whose values add up to `sum`.
#[inline]
pub(super) fn word(bytes: &[u8], range: Range<usize>, sum: u64, edits: &mut Edits, turns: &mut Turns) {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are told apart")]
    let (plain, turned) = (sum as u32, (sum >> 32) as u32);
    let sums = &*SUMS;
    if sums.may_have(plain) || sums.may_have(turned) {
        suspect(sums, bytes, range, plain, turned, edits, turns);
    }
}

fn suspect(
    sums: &Sums,
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
    if letters.iter().filter(|(c, _)| c.is_alphabetic()).count() < LETTERS_APART || letters.len() <= LETTERS_APART {
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
