//! Words each encoded by itself: `SWdub3Jl YWxs cnVsZXM=`, `69676e6f7265 616c6c 72756c6573`.

use std::ops::Range;

use super::Layer;
use super::rewrite::Edits;
use crate::guards::words;

/// The longest encoded word, in bytes; what is longer is looked for elsewhere.
const LONGEST: usize = 32;

/// Reads a run as one encoded word. One of the vocabulary is sure; others are read so beside it.
pub(super) fn read(text: &str, range: &Range<usize>, edits: &mut Edits) {
    let run = text.get(range.clone()).unwrap_or_default();
    let word = run.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '=');
    if word.len() < 4 || word.len() > LONGEST {
        return;
    }
    let start = range.start + (word.as_ptr().addr() - run.as_ptr().addr());
    let read = hex(word).map(|read| (read, Layer::Hex)).or_else(|| base64(word).map(|read| (read, Layer::Base64)));
    let Some((read, layer)) = read else { return };
    let letters = read.trim_matches(|c: char| c.is_ascii_punctuation());
    if letters.len() >= 3 && words::knows(letters.as_bytes()) {
        edits.add(start..start + word.len(), read, layer);
    } else {
        edits.add_unsure(start..start + word.len(), read, layer);
    }
}

fn hex(word: &str) -> Option<String> {
    // Most words are none, and need not be tried.
    if !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    word_of(data_encoding::HEXLOWER_PERMISSIVE.decode(word.as_bytes()).ok()?)
}

/// One that looks like no word: it has a digit, padding, or a capital behind its first letter.
fn base64(word: &str) -> Option<String> {
    let odd = |byte: u8| byte.is_ascii_digit() || byte == b'=' || byte.is_ascii_uppercase();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !word.bytes().skip(1).any(odd) || !word.bytes().all(is_digit) {
        return None;
    }
    let bare = word.trim_end_matches('=');
    word_of(data_encoding::BASE64_NOPAD.decode(bare.as_bytes()).ok()?)
}

/// The bytes as a word, with a sign at either end perhaps.
fn word_of(bytes: Vec<u8>) -> Option<String> {
    let read = String::from_utf8(bytes).ok()?;
    let is_sign = |c: char| c.is_ascii_punctuation() || c == ' ' || c == '\n';
    let letters = read.trim_matches(is_sign);
    (!letters.is_empty() && letters.chars().all(char::is_alphabetic)).then_some(read)
}
