//! Digits and signs that stand for letters.

use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;
use crate::guards::words;

/// A longer row of letters and digits is an identifier.
const LONGEST: usize = 24;

/// Reads the words of a run. One of the vocabulary is sure; others are read so beside it.
pub(super) fn read(text: &str, range: &Range<usize>, edits: &mut Edits) {
    let bytes = text.as_bytes();
    let part = |at: usize| bytes.get(at).copied().filter(|byte| byte.is_ascii_alphabetic() || letter(*byte).is_some());
    let mut at = range.start;
    while at < range.end {
        let start = at;
        while at < range.end && part(at).is_some() {
            at += 1;
        }
        if at > start {
            word(text, start..at, edits);
        } else {
            at += 1;
        }
    }
}

fn word(text: &str, mut range: Range<usize>, edits: &mut Edits) {
    let bytes = text.as_bytes();
    // What ends a sentence is a sign, not a letter.
    while range.end > range.start && matches!(bytes.get(range.end - 1), Some(b'!' | b'(' | b'|')) {
        range.end -= 1;
    }
    let word = bytes.get(range.clone()).unwrap_or_default();
    let signs = word.iter().filter(|byte| !byte.is_ascii_alphabetic()).count();
    if signs == 0 || word.len() < 2 || word.len() > LONGEST {
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
