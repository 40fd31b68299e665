//! Text turned as a whole: by thirteen letters, or back to front.

use std::ops::Range;
use std::sync::Arc;

use super::rewrite::holder;
use super::{Layer, Piece, Reading};

/// How much of a line around a turned word is read so, in bytes to each side.
const AROUND: usize = 1024;
/// From how many letters a single turned word is a sign.
const LONG: usize = 6;

/// Where words stand that make sense turned.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rot13: Hits,
    reversed: Hits,
}

#[derive(Debug, Default)]
struct Hits {
    at: Vec<usize>,
    long: bool,
}

impl Turns {
    pub(super) fn note_rot13(&mut self, at: usize, letters: usize) {
        self.rot13.note(at, letters);
    }

    pub(super) fn note_reversed(&mut self, at: usize, letters: usize) {
        self.reversed.note(at, letters);
    }

    /// Those that are not in one of some ranges, which are in order.
    pub(super) fn outside(mut self, ranges: &[Range<usize>]) -> Self {
        for hits in [&mut self.rot13, &mut self.reversed] {
            hits.at.retain(|at| holder(ranges, *at).is_none());
        }
        self
    }
}

impl Hits {
    fn note(&mut self, at: usize, letters: usize) {
        self.at.push(at);
        self.long |= letters >= LONG;
    }

    /// The lines with hits in them, if there are enough to tell.
    fn lines(&self, text: &str) -> Vec<Range<usize>> {
        let mut lines: Vec<Range<usize>> = Vec::new();
        if !self.long && self.at.len() < 2 {
            return lines;
        }
        for at in self.at.iter().copied() {
            if lines.last().is_some_and(|last| at < last.end) {
                continue;
            }
            let (before, after) = (
                text.floor_char_boundary(at.saturating_sub(AROUND)),
                text.ceil_char_boundary((at + AROUND).min(text.len())),
            );
            let from =
                text.get(before..at).and_then(|head| head.rfind('\n')).map_or(before, |found| before + found + 1);
            let to = text.get(at..after).and_then(|tail| tail.find('\n')).map_or(after, |found| at + found);
            match lines.last_mut() {
                Some(last) if from <= last.end => last.end = to,
                _ => lines.push(from..to),
            }
        }
        lines
    }
}

/// The letter thirteen on.
pub(super) const fn rot13(letter: u8) -> u8 {
    match letter {
        b'a'..=b'm' | b'A'..=b'M' => letter + 13,
        b'n'..=b'z' | b'N'..=b'Z' => letter - 13,
        _ => letter,
    }
}

/// The readings of a text by its turned lines, each made when it is asked for.
pub(super) fn read<'b>(
    text: &'b str,
    turns: &'b Turns,
    base: Option<&'b Arc<Reading>>,
) -> impl Iterator<Item = Reading> + use<'b> {
    let reversed = turns.reversed.lines(text);
    let rot13 = std::iter::once_with(move || reading(text, &turns.rot13.lines(text), Layer::Rot13, base, turned));
    let backwards: [fn(&str) -> String; 2] = [whole_reversed, words_reversed];
    let reversed = backwards.into_iter().map(move |turn| reading(text, &reversed, Layer::Reversed, base, turn));
    rot13.chain(reversed).flatten()
}

fn turned(part: &str) -> String {
    // Letters of ASCII for such: what was text stays text.
    String::from_utf8(part.bytes().map(rot13).collect()).unwrap_or_default()
}

fn whole_reversed(part: &str) -> String {
    if !part.is_ascii() {
        return part.chars().rev().collect();
    }
    String::from_utf8(part.bytes().rev().collect()).unwrap_or_default()
}

/// The words in their order, each of them backwards.
fn words_reversed(part: &str) -> String {
    if !part.is_ascii() {
        return part.split_inclusive(|c: char| !c.is_alphanumeric()).map(word_reversed).collect();
    }
    let mut bytes = part.as_bytes().to_vec();
    bytes.split_mut(|byte| !byte.is_ascii_alphanumeric()).for_each(<[u8]>::reverse);
    String::from_utf8(bytes).unwrap_or_default()
}

/// A word backwards, and the sign behind it.
fn word_reversed(word: &str) -> String {
    let end = word.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
    let (letters, sign) = word.split_at(end);
    letters.chars().rev().chain(sign.chars()).collect()
}

fn reading(
    text: &str,
    lines: &[Range<usize>],
    layer: Layer,
    base: Option<&Arc<Reading>>,
    turn: impl Fn(&str) -> String,
) -> Option<Reading> {
    let mut out = String::new();
    let mut pieces = Vec::new();
    for line in lines {
        let start = out.len();
        out.push_str(&turn(text.get(line.clone()).unwrap_or_default()));
        pieces.push(Piece { at: start..out.len(), origin: line.clone(), layer: Some(layer) });
        out.push('\n');
    }
    (!pieces.is_empty()).then(|| Reading { text: out, pieces, base: base.cloned() })
}
