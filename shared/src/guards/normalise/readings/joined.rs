//! Strings cut up and put together again by code: `"ig" + "nore"`, or through variables.

use std::cmp::Reverse;
use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;

/// The most variables that are followed.
const MOST: usize = 64;
/// The longest string that is followed, in bytes.
const LONGEST: usize = 1024;
/// How many quotation marks of a string are looked at for its last.
const QUOTES: usize = 4;
/// How far behind the last string the place is looked for where they are put together, in bytes.
const REACH: usize = 4096;
/// What words say so begin with.
const SAID: [&str; 7] = ["concat", "combin", "join", "together", "append", "assembl", "merge"];

/// The strings that were given names.
#[derive(Debug, Default)]
pub(super) struct Strings {
    named: Vec<Named>,
    /// Where the last row of strings put together ended.
    joined: usize,
}

#[derive(Debug)]
struct Named {
    name: Range<usize>,
    content: Range<usize>,
    end: usize,
}

impl Strings {
    /// Looks at a run with `+` or `=` in it. Whether it is part of a row of strings put together.
    pub(super) fn sign(&mut self, text: &str, run: &Range<usize>, edits: &mut Edits) -> bool {
        let signs = text.get(run.clone()).unwrap_or_default().bytes().enumerate();
        for (at, byte) in signs.filter(|(_, byte)| matches!(byte, b'+' | b'=' | b':')) {
            let at = run.start + at;
            if byte == b'+' {
                if at >= self.joined
                    && let Some((range, read)) = row(text, at)
                {
                    self.joined = range.end;
                    edits.add(range, read, Layer::Joined);
                }
            } else if self.named.len() < MOST {
                self.named.extend(named(text, at));
            }
        }
        self.joined >= run.end
    }

    /// Puts named strings together wherever the text does so, `a + b`, and, where it says so in words, all in their order.
    pub(super) fn finish<'t>(&'t self, text: &'t str, edits: &mut Edits) {
        let ([first, ..], Some(last)) = (self.named.as_slice(), self.named.last()) else { return };
        if self.named.len() < 2 {
            return;
        }
        let to = text.floor_char_boundary((last.end + REACH).min(text.len()));
        let content = |named: &Named| text.get(named.content.clone()).unwrap_or_default();
        let names = Names::of(text, &self.named);
        let area = text.get(first.end..to).unwrap_or_default();
        let mut rows: Vec<(Range<usize>, Vec<&str>)> = Vec::new();
        for (at, word) in identifiers(area) {
            let Some(named) = names.get(word) else { continue };
            let place = first.end + at..first.end + at + word.len();
            let goes_on = |row: &Range<usize>| text.get(row.end..place.start).is_some_and(|gap| gap.trim() == "+");
            match rows.last_mut().filter(|(row, _)| goes_on(row)) {
                Some((row, contents)) => {
                    row.end = place.end;
                    contents.push(content(named));
                }
                None => {
                    // One that stands alone was no row.
                    rows.pop_if(|(_, contents)| contents.len() == 1);
                    rows.push((place, vec![content(named)]));
                }
            }
        }
        rows.pop_if(|(_, contents)| contents.len() == 1);
        let area = area.to_ascii_lowercase();
        if SAID.into_iter().any(|word| area.contains(word)) {
            rows.push((last.end..last.end, self.named.iter().map(content).collect()));
        }
        // Strings that are put together again and again would grow beyond the text. The longest row comes first, so that
        // none of the others takes its place.
        rows.sort_by_key(|(_, contents)| Reverse(contents.len()));
        let mut left = text.len();
        for (place, contents) in rows {
            let fit = contents.iter().take_while(|content| {
                let fits = left.checked_sub(content.len());
                left = fits.unwrap_or(left);
                fits.is_some()
            });
            let fit = fit.count();
            edits.unread |= fit < contents.len();
            let contents = contents.get(..fit).unwrap_or_default();
            // Whether the pieces are words or parts of words cannot be told: both are read.
            edits.add(place, format!(" {}\n{} ", contents.join(" "), contents.concat()), Layer::Joined);
        }
    }
}

/// The strings of a text by their names; of two with one name, the first.
struct Names<'t> {
    /// By name.
    all: Vec<(&'t str, &'t Named)>,
    /// Which lengths names have that begin with a byte, as bits: most words are told by it to be none.
    lengths: [u64; 256],
}

impl<'t> Names<'t> {
    fn of(text: &'t str, named: &'t [Named]) -> Self {
        let mut all: Vec<(&str, &Named)> =
            named.iter().map(|named| (text.get(named.name.clone()).unwrap_or_default(), named)).collect();
        all.sort_by_key(|(name, _)| *name);
        all.dedup_by_key(|(name, _)| *name);
        let mut lengths = [0; 256];
        for (name, _) in &all {
            let (first, bit) = Self::key(name);
            lengths.get_mut(first).into_iter().for_each(|lengths| *lengths |= bit);
        }
        Self { all, lengths }
    }

    fn key(name: &str) -> (usize, u64) {
        (name.bytes().next().unwrap_or_default().into(), 1 << name.len().min(63))
    }

    fn get(&self, name: &str) -> Option<&'t Named> {
        let (first, bit) = Self::key(name);
        self.lengths.get(first).filter(|lengths| *lengths & bit != 0)?;
        let at = self.all.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.all.get(at).map(|(_, named)| *named)
    }
}

/// The names in a text, and where they begin.
fn identifiers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes.get(at..)?.iter().position(|byte| is_part(*byte))?;
        let length = bytes.get(at..)?.iter().take_while(|byte| is_part(**byte)).count();
        let found = (at, text.get(at..at + length)?);
        at += length;
        Some(found)
    })
}

/// The string that is given a name by the `=` or `:` at `at`.
fn named(text: &str, at: usize) -> Option<Named> {
    let bytes = text.as_bytes();
    let rest = bytes.get(at + 1..)?;
    let gap = rest.iter().take(4).take_while(|byte| matches!(byte, b' ' | b'=')).count();
    let quote = rest.get(gap).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let before = text.get(text.floor_char_boundary(at.saturating_sub(64))..at)?.trim_end_matches([' ', ':']);
    let name_end = at - (at - text.floor_char_boundary(at.saturating_sub(64)) - before.len());
    let length = before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let start = at + 2 + gap;
    let string = bytes.get(start..(start + LONGEST).min(bytes.len()))?;
    // A quote ends the string if nothing but the end of its statement follows. Where the first few do not, none does.
    let line = string.iter().enumerate().take_while(|(_, byte)| **byte != b'\n');
    let quotes = line.filter(|(_, byte)| **byte == quote).map(|(end, _)| end);
    let close = quotes.take(QUOTES).find(|end| {
        string
            .get(end + 1)
            .is_none_or(|next| matches!(next, b' ' | b';' | b',' | b'.' | b')' | b'\r' | b'\n' | b'}' | b'>'))
    })?;
    (length > 0).then(|| Named {
        name: name_end - length..name_end,
        content: start..start + close,
        end: start + close + 1,
    })
}

/// The row of string literals around the `+` at `at`, put together.
fn row(text: &str, at: usize) -> Option<(Range<usize>, String)> {
    let from = text.floor_char_boundary(at.saturating_sub(LONGEST));
    let before = text.get(from..at)?.trim_end();
    let quote = before.chars().next_back().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let body = before.get(..before.len() - 1)?;
    let open = body.rfind(quote)?;
    // No string goes over a line, so that a row is read once, whatever it ends with.
    let mut read = body.get(open + 1..).filter(|first| !first.contains('\n'))?.to_owned();
    let mut end = at;
    let mut rest = text.get(at..)?;
    while let Some(next) = rest.strip_prefix('+').map(str::trim_start) {
        let Some(string) = next.strip_prefix(quote) else { break };
        let Some(length) = literal(string).position(|byte| byte == quote as u8) else { break };
        read.push_str(string.get(..length)?);
        let after = string.get(length + 1..)?;
        end = text.len() - after.len();
        rest = after.trim_start();
    }
    (end > at).then_some((from + open..end, read))
}

/// What may be a string and what closes it, byte by byte.
fn literal(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().take(LONGEST).take_while(|byte| *byte != b'\n')
}
