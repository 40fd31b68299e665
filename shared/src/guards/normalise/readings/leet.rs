//! Digits and signs that stand for letters.

use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;
use crate::guards::words;

/// A longer row of letters and digits is an identifier.
const LONGEST: usize = 24;

/// Reads the words of a run. One of the vocabulary is sure; others are read so beside it.
pub(super) fn read(text: &str, range: &Range<usize>, edits: &mut Edits) {
    let run = text.get(range.clone()).unwrap_or_default();
    let mut word = Word::default();
    for (at, c) in run.char_indices() {
        match sign(c) {
            Some(sign) => word.add(sign, range.start + at, c.len_utf8()),
            None => std::mem::take(&mut word).read(edits),
        }
    }
    word.read(edits);
}

/// The letter, the digit or the sign of ASCII that a character stands for, if it may be part of a word.
fn sign(c: char) -> Option<u8> {
    Some(match c {
        '€' => b'3',
        '£' => b'1',
        '§' => b'5',
        '¢' => b'(',
        _ => u8::try_from(c).ok().filter(|byte| byte.is_ascii_alphabetic() || letter(*byte).is_some())?,
    })
}

/// A word as it grows: what stands for its letters, and where each ends.
#[derive(Default)]
struct Word {
    signs: [u8; LONGEST],
    ends: [usize; LONGEST],
    /// How many signs it has; more than fit are counted only.
    length: usize,
    start: usize,
}

impl Word {
    fn add(&mut self, sign: u8, at: usize, bytes: usize) {
        if self.length == 0 {
            self.start = at;
        }
        if let (Some(slot), Some(end)) = (self.signs.get_mut(self.length), self.ends.get_mut(self.length)) {
            (*slot, *end) = (sign, at + bytes);
        }
        self.length += 1;
    }

    fn read(self, edits: &mut Edits) {
        let Some(mut word) = self.signs.get(..self.length) else { return };
        // What ends a sentence is a sign, not a letter.
        while let [rest @ .., b'!' | b'(' | b'|'] = word {
            word = rest;
        }
        let Some(end) = word.len().checked_sub(1).and_then(|last| self.ends.get(last)) else { return };
        read_word(word, self.start..*end, edits);
    }
}

fn read_word(word: &[u8], range: Range<usize>, edits: &mut Edits) {
    let signs = word.iter().filter(|byte| !byte.is_ascii_alphabetic()).count();
    if signs == 0 || word.len() < 2 {
        return;
    }
    let with = |(one, iota): (u8, u8)| {
        let mut read = [0; LONGEST];
        for (slot, byte) in read.iter_mut().zip(word) {
            *slot = match byte {
                b'1' | b'|' | b'!' => one,
                b'i' => iota,
                _ => letter(*byte).unwrap_or_else(|| byte.to_ascii_lowercase()),
            };
        }
        read
    };
    let whole = |read: &[u8; LONGEST]| read.get(..word.len()).is_some_and(|read| read.len() >= 3 && words::knows(read));
    let first = with((b'i', b'i'));
    let has = |of: &[u8]| word.iter().any(|byte| of.contains(byte));
    let (ones, iotas) = (has(b"1|!"), has(b"i"));
    // An iota that was read as an i may stand for an l.
    let others = [(b'l', b'i'), (b'l', b'l'), (b'i', b'l')].into_iter();
    let differs = |(one, iota): &(u8, u8)| (ones || *one == b'i') && (iotas || *iota == b'i');
    let known = if whole(&first) { Some(first) } else { others.filter(differs).map(with).find(whole) };
    let sure = known.is_some() && signs < word.len();
    if !sure && signs == word.len() && word.len() > 4 {
        return;
    }
    let read = known.unwrap_or(first);
    let Ok(read) = String::from_utf8(read.get(..word.len()).unwrap_or_default().to_vec()) else { return };
    if sure {
        edits.add(range, read, Layer::Leet);
    } else {
        edits.add_unsure(range, read, Layer::Leet);
    }
}

/// The letter that a digit or sign stands for.
const fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'2' => b'z',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'6' | b'9' => b'g',
        b'7' | b'+' => b't',
        b'8' => b'b',
        b'(' => b'c',
        _ => return None,
    })
}
