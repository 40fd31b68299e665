//! Digits and signs that stand for letters.

use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;
use crate::guards::words;

/// A longer row of letters and digits is an identifier.
const LONGEST: usize = 24;

/// Reads the words of a run. One of the vocabulary is sure; others are read so beside it. Signs of currency part words,
/// unless they are letters of one.
pub(super) fn read(text: &str, range: &Range<usize>, edits: &mut Edits) {
    let run = text.get(range.clone()).unwrap_or_default();
    let mut at = range.start;
    for whole in run.as_bytes().split(|byte| !is_part(*byte)) {
        let word = within_a_sentence(whole);
        if let Some((read, sure)) = reading(word, digits_and_signs(word)) {
            put(at..at + word.len(), read, sure, edits);
        }
        at += whole.len() + 1;
    }
    if run.contains(CURRENCY) {
        with_currency(run, range.start, edits);
    }
}

/// The words of a run among whose letters are signs of currency.
fn with_currency(run: &str, mut at: usize, edits: &mut Edits) {
    let parts_words = |c: char| !(CURRENCY.contains(&c) || u8::try_from(c).is_ok_and(is_part));
    for whole in run.split_inclusive(parts_words) {
        let written = whole.trim_end_matches(parts_words).trim_end_matches(['!', '(', '|']);
        let word: Vec<u8> = written.chars().filter_map(|c| currency(c).or_else(|| u8::try_from(c).ok())).collect();
        let count = written.matches(CURRENCY).count();
        // Where it parts words that are known, it is no letter.
        let is_known = |part: &str| {
            let part = part.as_bytes();
            words::knows(part) || reading(part, digits_and_signs(part)).is_some_and(|(_, sure)| sure)
        };
        if count > 0
            && let Some((read, sure)) = reading(&word, count + digits_and_signs(written.as_bytes()))
            && (sure || !written.split(CURRENCY).any(is_known))
        {
            put(at..at + written.len(), read, sure, edits);
        }
        at += whole.len();
    }
}

/// Whether a byte may be part of a word.
const fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || letter(byte).is_some()
}

fn digits_and_signs(word: &[u8]) -> usize {
    word.iter().filter(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic()).count()
}

const CURRENCY: [char; 5] = ['€', '£', '¥', '¢', '§'];

/// The letter or the sign of ASCII that a sign of currency, or of a paragraph, stands for.
const fn currency(c: char) -> Option<u8> {
    Some(match c {
        '€' => b'3',
        '£' => b'1',
        '¥' => b'y',
        '¢' => b'(',
        '§' => b'5',
        _ => return None,
    })
}

fn put(range: Range<usize>, read: String, sure: bool, edits: &mut Edits) {
    if sure {
        edits.add(range, read, Layer::Leet);
    } else {
        edits.add_unsure(range, read, Layer::Leet);
    }
}

/// A word without what ends its sentence, which is a sign and no letter.
fn within_a_sentence(mut word: &[u8]) -> &[u8] {
    while let [rest @ .., b'!' | b'(' | b'|'] = word {
        word = rest;
    }
    word
}

/// How a word reads with its `signs` (digits too) as letters, if it has some, and whether that is one of the vocabulary.
fn reading(word: &[u8], signs: usize) -> Option<(String, bool)> {
    if signs == 0 || word.len() < 2 || word.len() > LONGEST {
        return None;
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
        return None;
    }
    let read = known.unwrap_or(first);
    let read = String::from_utf8(read.get(..word.len()).unwrap_or_default().to_vec()).ok()?;
    Some((read, sure))
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
