//! Words written together: `IgnoreAllRules`, `ignore_all_rules`, `ignoreallrules`.

use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;
use crate::guards::words;

/// The shortest and the longest row of words, in bytes.
const SHORTEST: usize = 12;
const LONGEST: usize = 512;
/// The fewest words of a row, and the fewest of them that are of the vocabulary.
const FEWEST: usize = 4;
const KNOWN: usize = 2;
/// The longest word within a row of small letters, in bytes.
const WORD: usize = 14;

/// The rows of a run. `signs` is whether it has a `_` or letters of both cases in it.
pub(super) fn read(text: &str, range: &Range<usize>, signs: bool, edits: &mut Edits) {
    let bytes = text.as_bytes();
    let mut at = range.start;
    while at < range.end {
        let rest = bytes.get(at..range.end).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_part(**byte)).count();
        if (SHORTEST..=LONGEST).contains(&length)
            && let Some(read) = row(rest.get(..length).unwrap_or_default(), signs)
        {
            edits.add(at..at + length, read, Layer::Glued);
        }
        at += length.max(1);
    }
}

const fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn row(row: &[u8], signs: bool) -> Option<String> {
    let words: Vec<&[u8]> =
        if signs && row.iter().any(|byte| *byte == b'_' || byte.is_ascii_uppercase()) { parts(row) } else { cut(row) };
    let known = words.iter().filter(|word| word.len() > 2 && words::knows(word)).count();
    let letters: usize = words.iter().map(|word| word.len()).sum();
    if words.len() < FEWEST || known < KNOWN || letters < 3 * words.len() {
        return None;
    }
    let mut read = String::with_capacity(row.len() + words.len());
    for word in words {
        if !read.is_empty() {
            read.push(' ');
        }
        read.extend(word.iter().copied().map(char::from));
    }
    Some(read)
}

/// The words between `_`, and those that begin with a capital behind a small letter.
fn parts(row: &[u8]) -> Vec<&[u8]> {
    let mut words = Vec::new();
    let mut from = 0;
    for at in 1..=row.len() {
        let (before, here) = (row.get(at - 1).copied().unwrap_or(b'_'), row.get(at).copied().unwrap_or(b'_'));
        if before == b'_' {
            from = at;
        } else if here == b'_' || (before.is_ascii_lowercase() && here.is_ascii_uppercase()) {
            words.extend(row.get(from..at));
            from = at;
        }
    }
    words
}

/// The words of the vocabulary that a row of letters consists of, from its beginning as far as it does.
fn cut(row: &[u8]) -> Vec<&[u8]> {
    // Where the last word began of the fewest that end here.
    let mut best: Vec<Option<(usize, usize)>> = vec![None; row.len() + 1];
    if let Some(first) = best.first_mut() {
        *first = Some((0, 0));
    }
    let mut last = 0;
    for from in 0..row.len() {
        let Some((words, _)) = best.get(from).copied().flatten() else { continue };
        words::prefixes(row.get(from..).unwrap_or_default(), WORD, |length| {
            if let Some(slot) = best.get_mut(from + length).filter(|slot| slot.is_none_or(|(most, _)| words + 1 < most))
            {
                *slot = Some((words + 1, from));
                last = last.max(from + length);
            }
        });
    }
    let mut words = Vec::new();
    // What the vocabulary does not know ends the row, and is a word of its own.
    if last > 0 && last < row.len() {
        words.extend(row.get(last..));
    }
    while last > 0 {
        let from = best.get(last).copied().flatten().map_or(0, |(_, from)| from);
        words.extend(row.get(from..last));
        last = from;
    }
    words.reverse();
    words
}
