//! The look over a text, a run of non-space after the other, for what each may stand for; and the text rewritten.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use super::turned::Turns;
use super::{Layer, Piece, Reading, base64, codes, escapes, glued, joined, leet, letters, morse, normalise, worded};

/// Stretches to replace, in order.
#[derive(Debug, Default)]
pub(super) struct Edits {
    all: Vec<Edit>,
    /// Whether more stands somewhere than was read.
    pub(super) unread: bool,
}

#[derive(Debug)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: Cow<'static, str>,
    pub(super) layer: Layer,
    /// Whether it stands by itself, or only beside one that does.
    pub(super) sure: bool,
}

/// How far from a sure edit an unsure one of the same layer is still believed, in bytes.
const NEAR: usize = 256;

impl Edits {
    pub(super) fn add(&mut self, range: Range<usize>, text: impl Into<Cow<'static, str>>, layer: Layer) {
        self.all.push(Edit { range, text: text.into(), layer, sure: true });
    }

    pub(super) fn add_unsure(&mut self, range: Range<usize>, text: impl Into<Cow<'static, str>>, layer: Layer) {
        self.all.push(Edit { range, text: text.into(), layer, sure: false });
    }

    /// Drops what is unsure and stands alone.
    fn settle(&mut self) {
        let sure = |edit: &Edit| edit.sure;
        let mut last: Option<(usize, Layer)> = None;
        let mut keep: Vec<bool> = Vec::with_capacity(self.all.len());
        for edit in &self.all {
            if edit.sure {
                last = Some((edit.range.end, edit.layer));
            }
            let near =
                last.is_some_and(|(end, layer)| layer == edit.layer && edit.range.start.saturating_sub(end) <= NEAR);
            keep.push(sure(edit) || near);
        }
        let mut next: Option<(usize, Layer)> = None;
        for (edit, keep) in self.all.iter().zip(&mut keep).rev() {
            if edit.sure {
                next = Some((edit.range.start, edit.layer));
            }
            *keep |=
                next.is_some_and(|(start, layer)| layer == edit.layer && start.saturating_sub(edit.range.end) <= NEAR);
        }
        let mut keep = keep.into_iter();
        self.all.retain(|_| keep.next().unwrap_or(false));
    }

    /// Those that do not lie in one of some ranges, which are in order.
    pub(super) fn outside(mut self, ranges: &[Range<usize>]) -> Self {
        self.settle();
        self.all.retain(|edit| holder(ranges, edit.range.start).is_none_or(|range| range.end < edit.range.end));
        self
    }

    /// The text with the stretches replaced, as far as it is at most `context` bytes from them; none when there is nothing
    /// to replace.
    pub(super) fn apply(mut self, text: &str, base: Option<Arc<Reading>>, context: usize) -> Option<Reading> {
        self.settle();
        // Of two that begin together the longer one knows more.
        self.all.sort_by_key(|edit| (edit.range.start, Reverse(edit.range.end)));
        if self.all.is_empty() {
            return None;
        }
        let mut out = Output { context, ..Output::default() };
        let mut done = 0;
        for edit in self.all {
            if edit.range.start < done {
                continue;
            }
            out.keep(text, done..edit.range.start, done == 0, false);
            out.put(&normalise(&edit.text), edit.range.clone(), Some(edit.layer));
            done = edit.range.end;
        }
        out.keep(text, done..text.len(), false, true);
        Some(Reading { text: out.text, pieces: out.pieces, base })
    }
}

/// Which of some ranges, which are in order, holds a place.
pub(super) fn holder(ranges: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let number = ranges.partition_point(|range| range.end <= at);
    ranges.get(number).filter(|range| range.contains(&at))
}

#[derive(Default)]
struct Output {
    context: usize,
    text: String,
    pieces: Vec<Piece>,
}

impl Output {
    fn put(&mut self, text: &str, origin: Range<usize>, layer: Option<Layer>) {
        let start = self.text.len();
        self.text.push_str(text);
        if self.text.len() > start {
            self.pieces.push(Piece { at: start..self.text.len(), origin, layer });
        }
    }

    /// What stands between two replaced stretches: all of it, or the two ends.
    fn keep(&mut self, text: &str, range: Range<usize>, first: bool, last: bool) {
        let near_end = text.ceil_char_boundary(range.end.saturating_sub(self.context).max(range.start));
        let near_start = text.floor_char_boundary((range.start + self.context).min(range.end));
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        if first {
            self.put(part(near_end..range.end), near_end..range.end, None);
        } else if last {
            self.put(part(range.start..near_start), range.start..near_start, None);
        } else if near_start >= near_end {
            self.put(part(range.clone()), range, None);
        } else {
            self.put(part(range.start..near_start), range.start..near_start, None);
            self.put("\n\n", near_start..near_end, None);
            self.put(part(near_end..range.end), near_end..range.end, None);
        }
    }
}

/// What a run of non-space has in it.
mod has {
    pub(super) const UPPER: u16 = 1;
    pub(super) const LOWER: u16 = 2;
    pub(super) const DIGIT: u16 = 4;
    /// Signs that stand inside words to break them, or between letters.
    pub(super) const SIGN: u16 = 8;
    pub(super) const AND: u16 = 16;
    pub(super) const BACKSLASH: u16 = 32;
    pub(super) const PERCENT: u16 = 64;
    pub(super) const PLUS: u16 = 128;
    pub(super) const QUOTE: u16 = 256;
    pub(super) const EQUAL: u16 = 512;
    pub(super) const LESS: u16 = 1024;
    /// Signs that are read as letters.
    pub(super) const LEET: u16 = 2048;
    pub(super) const WIDE: u16 = 4096;
    pub(super) const LETTER: u16 = UPPER | LOWER;
}

static HAS: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let bits = match byte as u8 {
            b'A'..=b'Z' => has::UPPER,
            b'a'..=b'z' => has::LOWER,
            b'0'..=b'9' => has::DIGIT,
            b'@' | b'$' | b'!' | b'(' => has::LEET,
            b'|' => has::LEET | has::SIGN,
            b'+' => has::PLUS | has::SIGN,
            b'&' => has::AND,
            b'\\' => has::BACKSLASH,
            b'%' => has::PERCENT,
            b'"' | b'\'' | b'`' => has::QUOTE,
            b'=' => has::EQUAL | has::SIGN,
            b'<' => has::LESS,
            b'.' | b'-' | b'_' | b'*' | b'/' | b'~' | b'^' | b',' | b'#' | b':' => has::SIGN,
            0x80.. => has::WIDE,
            _ => 0,
        };
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[byte] = bits;
        }
        byte += 1;
    }
    table
};

/// Looks once over a text. The second is where rot13 and text written backwards seem to stand.
pub(super) fn look(text: &str) -> (Edits, Turns) {
    look_at(text, std::slice::from_ref(&(0..text.len())))
}

/// The same for some ranges of it, which are in order. What begins in one may go on behind it.
pub(super) fn look_at(text: &str, ranges: &[Range<usize>]) -> (Edits, Turns) {
    let mut edits = Edits::default();
    let mut turns = Turns::default();
    let mut strings = joined::Strings::default();
    let (mut at, mut barren) = (0, 0);
    let mut pieces = Pieces::default();
    for range in ranges {
        at = range.start.max(at);
        let bytes = text.as_bytes().get(..range.end).unwrap_or_default();
        while at < bytes.len() {
            if bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
                continue;
            }
            let (end, bits) = if at < pieces.end { (pieces.end, pieces.rest(at)) } else { run(bytes, at) };
            at = token(text, at..end, bits, &mut edits, &mut turns, &mut strings, &mut barren).max(at + 1);
            if at < end && pieces.end < end {
                pieces = Pieces::of(bytes, at..end);
            }
        }
    }
    strings.finish(text, &mut edits);
    (edits, turns)
}

/// What the strings of a text say that code puts together, and nothing else.
pub(super) fn strings(text: &str) -> Edits {
    let mut edits = Edits::default();
    let mut strings = joined::Strings::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (end, bits) = run(bytes, at);
        if bits & (has::EQUAL | has::PLUS) != 0 || bits & has::LETTER == 0 && bits & has::SIGN != 0 {
            strings.sign(text, &(at..end), &mut edits);
        }
        at = end + 1;
    }
    strings.finish(text, &mut edits);
    edits
}

/// Where the run of non-space that begins at `from` ends, and what it has in it.
#[inline]
fn run(bytes: &[u8], from: usize) -> (usize, u16) {
    let mut bits = 0;
    let mut at = from;
    for byte in bytes.get(from..).unwrap_or_default() {
        if byte.is_ascii_whitespace() {
            break;
        }
        bits |= HAS.get(usize::from(*byte)).copied().unwrap_or_default();
        at += 1;
    }
    (at, bits)
}

/// A run that is read in pieces: what is left of it has in it, without a look over all of it for each piece.
#[derive(Default)]
struct Pieces {
    end: usize,
    /// Where the last byte stands that has this bit.
    last: [usize; u16::BITS as usize],
}

impl Pieces {
    fn of(bytes: &[u8], range: Range<usize>) -> Self {
        let mut last = [0; u16::BITS as usize];
        for (at, byte) in bytes.iter().enumerate().take(range.end).skip(range.start) {
            let mut bits = HAS.get(usize::from(*byte)).copied().unwrap_or_default();
            while bits != 0 {
                last.get_mut(bits.trailing_zeros() as usize).into_iter().for_each(|last| *last = at);
                bits &= bits - 1;
            }
        }
        Self { end: range.end, last }
    }

    /// What the run has in it from `at` on, which is beyond the beginning.
    fn rest(&self, at: usize) -> u16 {
        self.last.iter().enumerate().fold(0, |bits, (bit, last)| bits | u16::from(*last >= at) << bit)
    }
}

/// Looks at one run, and returns where to go on.
#[inline]
fn token(
    text: &str,
    range: Range<usize>,
    bits: u16,
    edits: &mut Edits,
    turns: &mut Turns,
    strings: &mut joined::Strings,
    barren: &mut usize,
) -> usize {
    let length = range.len();
    let bytes = text.as_bytes();
    // By far the most: a word, with or without a sign at its end.
    if bits & !(has::LETTER | has::QUOTE | has::LEET | has::SIGN | has::WIDE) == 0 {
        if bits & (has::WIDE | has::LETTER) == has::WIDE {
            let (end, read) = morse::decode(text, range.start);
            if let Some(read) = read {
                edits.add(range.start..end, read, Layer::Morse);
            }
            if end > range.end {
                return end;
            }
        }
        if (length == 1 || (bits & has::WIDE != 0 && length <= 4))
            && let Some((end, read)) = letters::spaced(text, range.clone(), barren)
        {
            edits.add(range.start..end, read, Layer::Spaced);
            return end;
        }
        if bits & has::LETTER == 0 {
            if bits & has::SIGN != 0 {
                let (end, read) = morse::decode(text, range.start);
                if let Some(read) = read {
                    edits.add(range.start..end, read, Layer::Morse);
                }
                if end > range.end {
                    return end;
                }
                strings.sign(text, &range, edits);
            }
            return range.end;
        }
        words(text, &range, edits, turns);
        if bits & has::UPPER != 0 && bits & has::LOWER != 0 && length >= 4 && has_inner_capital(bytes, &range) {
            if length >= 12
                && let Some(end) = encoded(text, &range, edits)
            {
                return end;
            }
            worded::read(text, &range, edits);
        }
        glued(text, &range, bits, edits);
        if bits & (has::SIGN | has::LEET) != 0 && length > 2 {
            letters::punctuated(text, &range, edits);
        }
        // Signs of currency stand for letters as well, among ASCII.
        if bits & (has::LEET | has::WIDE) != 0 && length > 2 {
            leet::read(text, &range, edits);
        }
        return range.end;
    }
    rare(text, range, bits, edits, turns, strings, barren)
}

/// The runs that have something in them which words have not.
fn rare(
    text: &str,
    range: Range<usize>,
    bits: u16,
    edits: &mut Edits,
    turns: &mut Turns,
    strings: &mut joined::Strings,
    barren: &mut usize,
) -> usize {
    if bits & has::DIGIT != 0
        && let Some(codes) = codes::decode(text, range.clone())
    {
        let end = codes.range.end;
        if let Some((read, layer)) = codes.read {
            edits.add(codes.range, read, layer);
        }
        return end;
    }
    if range.len() == 1
        && let Some((end, read)) = letters::spaced(text, range.clone(), barren)
    {
        edits.add(range.start..end, read, Layer::Spaced);
        return end;
    }
    let whole = text.get(range.clone()).unwrap_or_default();
    if bits & has::AND != 0
        && let Some(read) = escapes::entities(whole)
    {
        edits.add(range.clone(), read, Layer::Entities);
        return range.end;
    }
    if bits & has::BACKSLASH != 0
        && let Some(read) = escapes::backslashes(whole)
    {
        edits.add(range.clone(), read, Layer::Escapes);
        return range.end;
    }
    if bits & (has::EQUAL | has::PLUS) != 0 && strings.sign(text, &range, edits) && bits & has::QUOTE != 0 {
        return range.end;
    }
    if bits & (has::PERCENT | has::PLUS) != 0
        && let Some(read) = escapes::percent(whole)
    {
        edits.add(range.clone(), read, Layer::Percent);
        return range.end;
    }
    if range.len() >= 8
        && let Some(end) = encoded(text, &range, edits)
    {
        return end;
    }
    if bits & (has::DIGIT | has::EQUAL) != 0 {
        worded::read(text, &range, edits);
    }
    if bits & has::LETTER != 0 {
        words(text, &range, edits, turns);
        glued(text, &range, bits, edits);
        if bits & has::SIGN != 0 {
            letters::punctuated(text, &range, edits);
        }
        if bits & (has::DIGIT | has::LEET | has::WIDE) != 0 {
            leet::read(text, &range, edits);
        }
    }
    range.end
}

/// From how many letters on a run may be several words.
const SEVERAL: usize = 16;

fn glued(text: &str, range: &Range<usize>, bits: u16, edits: &mut Edits) {
    let inner = || text.as_bytes().get(range.clone()).unwrap_or_default().contains(&b'_');
    let signs = range.len() >= 12 && (has_inner_capital(text.as_bytes(), range) || (bits & has::SIGN != 0 && inner()));
    if signs || range.len() > SEVERAL {
        glued::read(text, range, signs, edits);
    }
}

/// Whether a capital stands behind a small letter.
fn has_inner_capital(bytes: &[u8], range: &Range<usize>) -> bool {
    let run = bytes.get(range.clone()).unwrap_or_default();
    run.iter().zip(run.iter().skip(1)).any(|(a, b)| a.is_ascii_lowercase() & b.is_ascii_uppercase())
}

/// Base64 and its kin anywhere in a run.
fn encoded(text: &str, range: &Range<usize>, edits: &mut Edits) -> Option<usize> {
    let mut at = range.start;
    let mut found = None;
    while at < range.end {
        match base64::next(text, at..range.end) {
            Some((start, end, read, layer)) => {
                edits.add(start..end, read, layer);
                at = end;
                found = Some(end);
            }
            None => break,
        }
    }
    found.filter(|end| *end >= range.end)
}

/// The words of a run: shuffled ones are put right, and ones that make sense backwards or turned are noted.
#[inline]
fn words(text: &str, range: &Range<usize>, edits: &mut Edits, turns: &mut Turns) {
    let bytes = text.as_bytes();
    let mut at = range.start;
    while at < range.end {
        let mut sum = 0_u64;
        let from = at;
        for byte in bytes.get(at..range.end).unwrap_or_default() {
            let value = letters::value(*byte);
            if value == 0 {
                break;
            }
            sum = sum.wrapping_add(value);
            at += 1;
        }
        if at - from >= letters::SHORTEST && at - from <= letters::LONGEST {
            letters::word(bytes, from..at, sum, edits, turns);
        }
        at += usize::from(at == from);
        if at > from && at < range.end && bytes.get(at).is_some_and(|byte| !byte.is_ascii_alphabetic()) {
            at += 1;
        }
    }
}
