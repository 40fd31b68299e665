//! Text that is JSON: escapes are decoded for matching, and every decoded byte knows where it stood.
//!
//! The decoder takes any text. What is no JSON passes through as it is.

use std::ops::Range;

/// Source text, its decoded form, and the way back.
#[derive(Default)]
pub(super) struct Decoder {
    /// The source of all that is not settled, and where it begins in the whole.
    source: String,
    origin: usize,
    /// The decoded text, except while a scan reads it.
    text: String,
    units: Vec<Unit>,
    state: State,
    /// Whether the last settled byte was bare.
    after_bare: bool,
    /// Where the source that is not decoded yet begins.
    pending: usize,
}

/// Where a decoded byte stood.
#[derive(Clone, Copy)]
struct Unit {
    at: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a string.
    String,
    /// A string's quotation mark.
    Quote,
    /// In a number, `true`, `false` or `null`.
    Bare,
    /// Anything else outside strings.
    Outside,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    String,
}

impl Decoder {
    /// Takes source text.
    pub(super) fn push(&mut self, text: &str) {
        self.source.push_str(text);
        self.decode(false);
    }

    /// Takes the last source text.
    pub(super) fn finish(&mut self, text: &str) {
        self.source.push_str(text);
        self.decode(true);
    }

    /// How many bytes of source are not released yet.
    pub(super) fn held(&self, released: usize) -> usize {
        self.source.len() - (self.at(released) - self.origin)
    }

    /// Lends the decoded text to a scan.
    pub(super) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Takes the decoded text back, whose first `settled` bytes are no longer needed.
    pub(super) fn settle(&mut self, text: String, settled: usize) {
        self.text = text;
        if settled == 0 {
            return;
        }
        let start = self.at(settled);
        self.text.drain(..settled);
        if let Some(last) = self.units.drain(..settled).next_back() {
            self.after_bare = last.place == Place::Bare;
        }
        self.source.drain(..start - self.origin);
        self.origin = start;
    }

    /// The source of a decoded range.
    pub(super) fn source(&self, range: &Range<usize>) -> Option<&str> {
        self.source.get(self.at(range.start) - self.origin..self.at(range.end) - self.origin)
    }

    /// Whether a mark in place of this leaves JSON what it was: not across a quotation mark, nor for part of a number.
    pub(super) fn admits(&self, range: &Range<usize>) -> bool {
        let units = self.units.get(range.clone()).unwrap_or_default();
        if units.iter().any(|unit| unit.place == Place::Quote) {
            return false;
        }
        let numeric =
            self.source(range).is_some_and(|source| source.bytes().all(|byte| b"+-.0123456789eE".contains(&byte)));
        let bare = units.iter().any(|unit| unit.place == Place::Bare);
        !bare || !numeric || self.is_bare(range)
    }

    /// Whether this is all of a number: its mark then needs quotation marks.
    pub(super) fn is_bare(&self, range: &Range<usize>) -> bool {
        let bare = |at: usize| self.units.get(at).map(|unit| unit.place == Place::Bare);
        let before = range.start.checked_sub(1).map_or(Some(self.after_bare), bare);
        // A bare byte is not decoded before the next one came, so that it shows here.
        let next = || self.state == State::Outside && self.rest().bytes().next().is_some_and(is_bare);
        before == Some(false) && range.clone().all(|at| bare(at) == Some(true)) && !bare(range.end).unwrap_or_else(next)
    }

    /// The source that is not decoded yet.
    fn rest(&self) -> &str {
        self.source.get(self.pending - self.origin..).unwrap_or_default()
    }

    fn at(&self, decoded: usize) -> usize {
        self.units.get(decoded).map_or(self.pending, |unit| unit.at)
    }

    fn decode(&mut self, last: bool) {
        while let Some((length, decoded, place)) = self.state.read(self.rest(), last) {
            let mut bytes = [0; 4];
            let decoded = decoded.encode_utf8(&mut bytes);
            self.units.extend(std::iter::repeat_n(Unit { at: self.pending, place }, decoded.len()));
            self.text.push_str(decoded);
            self.pending += length;
            if place == Place::Quote {
                self.state = if self.state == State::String { State::Outside } else { State::String };
            }
        }
    }
}

impl State {
    /// The next character: the length of its source, itself, and its place. `None` where more must come first.
    fn read(self, rest: &str, last: bool) -> Option<(usize, char, Place)> {
        let first = rest.chars().next()?;
        let whole = |place| Some((first.len_utf8(), first, place));
        match (self, first) {
            (_, '"') => whole(Place::Quote),
            (Self::String, '\\') => escape(rest, last).map(|(length, decoded)| (length, decoded, Place::String)),
            (Self::String, _) => whole(Place::String),
            // Whether a number ends here shows with the next byte.
            (Self::Outside, _) if !rest.bytes().next().is_some_and(is_bare) => whole(Place::Outside),
            // Whether a number ends here shows with the next byte.
            (Self::Outside, _) if rest.len() == 1 && !last => None,
            (Self::Outside, _) => whole(Place::Bare),
        }
    }
}

/// What numbers, `true`, `false` and `null` are made of.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

/// An escape at the start of `rest`. What is none stands for itself.
fn escape(rest: &str, last: bool) -> Option<(usize, char)> {
    let decoded = match rest.as_bytes().get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(rest, last),
        Some(_) => return Some((1, '\\')),
        None => return last.then_some((1, '\\')),
    };
    Some((2, decoded))
}

/// `\uXXXX`, or two of them for one character. A lone surrogate is U+FFFD.
fn unicode(rest: &str, last: bool) -> Option<(usize, char)> {
    let Some(high) = unit(rest, last)? else { return Some((1, '\\')) };
    let pair = match high {
        0xD800..=0xDBFF => match rest.as_bytes().get(6..) {
            Some(low @ ([b'\\', b'u', ..] | [b'\\'] | [])) if !(last && low.len() < 6) => {
                unit(rest.get(6..).unwrap_or_default(), last)?.filter(|low| (0xDC00..=0xDFFF).contains(low))
            }
            _ => None,
        },
        _ => None,
    };
    Some(match pair {
        Some(low) => (12, char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).unwrap_or('\u{FFFD}')),
        None => (6, char::from_u32(high).unwrap_or('\u{FFFD}')),
    })
}

/// The code unit of `\uXXXX`: `None` where more must come, `Some(None)` where it is no such escape.
fn unit(rest: &str, last: bool) -> Option<Option<u32>> {
    let digits = rest.as_bytes().get(2..).unwrap_or_default();
    let valid = digits.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
    if valid == 4 {
        return Some(rest.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok()));
    }
    (last || digits.len() > valid).then_some(None)
}
