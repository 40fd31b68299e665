//! Base64 and base32, wherever they stand in a run, wrapped or cut into pieces.

use super::Layer;
use super::codes::is_text;
use super::letters::segment;

/// The fewest bytes that are believed: shorter ones turn up in names by chance.
const FEWEST: usize = 9;
/// The fewest characters in one piece.
const PIECE: usize = 8;
/// The most characters between two pieces: white space, quotes, a plus.
const GAP: usize = 8;
/// How often a run is tried again behind a `/` or `-`, which may belong to a path.
const TRIES: usize = 4;

/// The first encoded stretch that begins in `range`: where it begins and ends, what it says, and how.
pub(super) fn next(text: &str, range: std::ops::Range<usize>) -> Option<(usize, usize, String, Layer)> {
    let bytes = text.as_bytes();
    let mut at = range.start;
    while at < range.end {
        let rest = bytes.get(at..range.end)?;
        let Some(skip) = rest.iter().position(|byte| sextet(*byte).is_some()) else { break };
        let start = at + skip;
        let run = bytes.get(start..range.end)?;
        let length = run.iter().take_while(|byte| sextet(**byte).is_some()).count();
        at = start + length;
        let run = run.get(..length)?;
        if length < PIECE || !run.iter().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            continue;
        }
        let again = run.iter().enumerate().filter(|(_, byte)| matches!(byte, b'/' | b'-' | b'_')).map(|(at, _)| at + 1);
        for from in std::iter::once(0).chain(again).take(TRIES) {
            if let Some((end, read)) = base64(text, start + from) {
                return Some((start + from, end, read, Layer::Base64));
            }
        }
        if let Some((end, read)) = base32(bytes, start) {
            return Some((start, end, read, Layer::Base32));
        }
    }
    None
}

const fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Reads pieces from `from` on for as long as they yield text. The end is that of the last whole piece.
fn base64(text: &str, from: usize) -> Option<(usize, String)> {
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::new();
    let mut held: (u32, u32) = (0, 0);
    let mut good: Option<(usize, Vec<u8>, usize)> = None;
    // Up to where the bytes are known to be whole characters.
    let mut valid = 0;
    let mut at = from;
    loop {
        match bytes.get(at).copied().map(|byte| (byte, sextet(byte))) {
            Some((_, Some(value))) => {
                held = (held.0 << 6 | u32::from(value), held.1 + 6);
                at += 1;
                if held.1 < 24 {
                    continue;
                }
                let [_, a, b, c] = held.0.to_be_bytes();
                held = (0, 0);
                if ![a, b, c].into_iter().all(may_be_text) {
                    break;
                }
                out.extend([a, b, c]);
            }
            after => {
                let padded = after.is_some_and(|(byte, _)| byte == b'=');
                let [_, a, b, _] = (held.0 << 24_u32.saturating_sub(held.1)).to_be_bytes();
                let tail: &[u8] = match held.1 {
                    12 => &[a],
                    18 => &[a, b],
                    _ => &[],
                };
                let mut fresh = out.get(valid..).unwrap_or_default().to_vec();
                fresh.extend(tail);
                let checked = std::str::from_utf8(&fresh);
                if checked.is_err_and(|bad| bad.error_len().is_some()) {
                    break;
                }
                let whole = held.1 != 6 && checked.is_ok() && tail.iter().copied().all(may_be_text);
                if std::str::from_utf8(out.get(valid..).unwrap_or_default()).is_ok() {
                    valid = out.len();
                }
                while bytes.get(at) == Some(&b'=') {
                    at += 1;
                }
                if whole {
                    good = Some((at, tail.to_vec(), out.len()));
                }
                if padded {
                    out.extend(tail);
                    held = (0, 0);
                }
                let rest = bytes.get(at..).unwrap_or_default();
                let gap = rest.iter().take(GAP + 1).take_while(|byte| is_gap(**byte)).count();
                if gap == 0 || gap > GAP || (padded && !whole) {
                    break;
                }
                at += gap;
                if !looks_encoded(bytes, at) {
                    break;
                }
            }
        }
    }
    let (end, tail, length) = good?;
    out.truncate(length);
    out.extend(tail);
    // UTF-16, as PowerShell takes it: every other byte is zero.
    if out.iter().skip(1).step_by(2).all(|byte| *byte == 0) {
        out.retain(|byte| *byte != 0);
    }
    let mut read = String::from_utf8(out).ok()?;
    // Words that were encoded one by one have nothing between them.
    if read.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        let glued = std::mem::take(&mut read);
        segment(&glued, &mut read);
    }
    (read.len() >= FEWEST && is_text(&read)).then_some((end, read))
}

/// Whether the piece that begins at `at` is no word: it has a digit, or a capital that is not its first letter.
fn looks_encoded(bytes: &[u8], at: usize) -> bool {
    let piece = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| sextet(**byte).is_some());
    piece.enumerate().take(80).any(|(at, byte)| byte.is_ascii_digit() || (at > 0 && byte.is_ascii_uppercase()))
}

const fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'"' | b'\''
                | b'`'
                | b','
                | b';'
                | b'\\'
                | b'|'
                | b'.'
                | b':'
                | b'*'
                | b'#'
                | b'!'
                | b'~'
                | b'^'
                | b'@'
                | b'&'
                | b'$'
                | b'%'
        )
}

/// A byte that text may have, of UTF-8 or UTF-16.
const fn may_be_text(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..=0xF4)
}

fn base32(bytes: &[u8], from: usize) -> Option<(usize, String)> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    };
    let mut out = Vec::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    let mut at = from;
    while let Some(value) = bytes.get(at).copied().and_then(digit) {
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            let [.., byte] = (held >> bits).to_be_bytes();
            if !may_be_text(byte) {
                return None;
            }
            out.push(byte);
        }
        at += 1;
    }
    if bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    while bytes.get(at) == Some(&b'=') {
        at += 1;
    }
    let read = String::from_utf8(out).ok()?;
    (read.len() >= FEWEST && is_text(&read)).then_some((at, read))
}
