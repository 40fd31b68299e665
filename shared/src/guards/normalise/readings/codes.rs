//! Characters written as numbers: hexadecimal, decimal, octal or binary, as a list or in one piece.

use std::ops::Range;

use super::Layer;

/// The fewest numbers of a list that are believed to spell text.
const FEWEST: usize = 5;

/// What numbers at the beginning of a run amount to.
pub(super) struct Codes {
    /// Where they begin and end. Nothing else needs to be looked for within.
    pub(super) range: Range<usize>,
    /// What they spell, if anything.
    pub(super) read: Option<(String, Layer)>,
}

/// Whether most of a decoded text is letters and spaces, and none of it control characters.
pub(super) fn is_text(text: &str) -> bool {
    let (mut all, mut plain) = (0_usize, 0_usize);
    for c in text.chars() {
        if c.is_control() && !c.is_ascii_whitespace() {
            return false;
        }
        all += 1;
        plain += usize::from(c.is_alphabetic() || c == ' ' || c == '\n');
    }
    all > 0 && plain * 10 >= all * 6
}

/// A way to write a byte as a number.
struct Base {
    radix: u32,
    lengths: std::ops::RangeInclusive<usize>,
    layer: Layer,
}

const BASES: [Base; 4] = [
    Base { radix: 2, lengths: 7..=8, layer: Layer::Numbers },
    Base { radix: 10, lengths: 2..=3, layer: Layer::Numbers },
    Base { radix: 8, lengths: 2..=3, layer: Layer::Numbers },
    Base { radix: 16, lengths: 2..=2, layer: Layer::Hex },
];

/// The numbers at the beginning of the run that begins at `from`, or in one piece within it.
pub(super) fn decode(text: &str, run: Range<usize>) -> Option<Codes> {
    list(text, run.start).or_else(|| piece(text, run))
}

/// A list of numbers. The first that no base would write so ends it.
fn list(text: &str, from: usize) -> Option<Codes> {
    let bytes = text.as_bytes();
    let mut fit = [true; BASES.len()];
    let mut items: Vec<Range<usize>> = Vec::new();
    let mut at = from;
    loop {
        let start = at + prefix(bytes.get(at..).unwrap_or_default());
        let length = bytes
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take(9)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let item = text.get(start..start + length).unwrap_or_default();
        let mut next = fit;
        for (fit, base) in next.iter_mut().zip(&BASES) {
            *fit &= byte(item, base).is_some();
        }
        if next.iter().all(|fit| !fit) {
            break;
        }
        fit = next;
        items.push(start..start + length);
        at = start + length;
        let gap = bytes.get(at..).unwrap_or_default().iter().take(4).take_while(|byte| is_gap(**byte)).count();
        if gap == 0 || gap > 3 {
            break;
        }
        at += gap;
    }
    let (first, last) = (items.first()?, items.last()?);
    if items.len() < FEWEST {
        return None;
    }
    let range = first.start..last.end;
    let spell = |base: &Base| {
        let read: Option<Vec<u8>> = items.iter().map(|item| byte(text.get(item.clone())?, base)).collect();
        String::from_utf8(read?).ok().filter(|read| is_text(read))
    };
    let read = fit.iter().zip(&BASES).filter(|(fit, _)| **fit).find_map(|(_, base)| Some((spell(base)?, base.layer)));
    Some(Codes { range, read })
}

/// What may stand before a number of a list: `0x`, `\x`, `U+`, `0b`, a bracket or a quote.
fn prefix(rest: &[u8]) -> usize {
    let open = usize::from(matches!(rest.first(), Some(b'[' | b'(' | b'{' | b'"' | b'\'')));
    let rest = rest.get(open..).unwrap_or_default();
    let marks: [&[u8]; 6] = [b"0x", b"0X", b"\\x", b"U+", b"0b", b"\\"];
    open + marks.iter().find(|mark| rest.starts_with(mark)).map_or(0, |mark| mark.len())
}

const fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b':' | b'-' | b'"' | b'\'')
}

fn byte(item: &str, base: &Base) -> Option<u8> {
    if !base.lengths.contains(&item.len()) {
        return None;
    }
    let digits = item.bytes().map(|byte| char::from(byte).to_digit(base.radix));
    let value = digits.into_iter().try_fold(0, |value, digit| Some(value * base.radix + digit?))?;
    let value = u8::try_from(value).ok()?;
    // Words are spelled in ASCII; bytes of UTF-8 stand in hexadecimal and binary only.
    let text = matches!(value, b'\t' | b'\n' | b'\r' | b' '..=b'~') || (value >= 0x80 && matches!(base.radix, 2 | 16));
    text.then_some(value)
}

/// Hexadecimal or bits in one piece, the first such piece of a run.
fn piece(text: &str, run: Range<usize>) -> Option<Codes> {
    let bytes = text.as_bytes();
    let mut at = run.start;
    while at < run.end {
        let rest = bytes.get(at..run.end)?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let word = rest.get(..length)?;
        let skip = if word.starts_with(b"0x") || word.starts_with(b"0b") { 2 } else { 0 };
        let digits = text.get(at + skip..at + length)?;
        let spelled = if digits.len() >= 24 && digits.len() % 8 == 0 && digits.bytes().all(|c| matches!(c, b'0' | b'1'))
        {
            pieces(digits, 8, 2).map(|read| (read, Layer::Numbers))
        } else if digits.len() >= 10 && digits.len() % 2 == 0 && digits.bytes().all(|c| c.is_ascii_hexdigit()) {
            pieces(digits, 2, 16).map(|read| (read, Layer::Hex))
        } else {
            None
        };
        if spelled.is_some() {
            return Some(Codes { range: at..at + length, read: spelled });
        }
        at += length.max(1);
    }
    None
}

fn pieces(digits: &str, length: usize, radix: u32) -> Option<String> {
    let mut read = Vec::with_capacity(digits.len() / length);
    for digits in digits.as_bytes().chunks(length) {
        let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
        if byte < b' ' && !byte.is_ascii_whitespace() {
            return None;
        }
        read.push(byte);
    }
    String::from_utf8(read).ok().filter(|read| is_text(read))
}
