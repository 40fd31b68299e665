//! Characters that show nothing: they hide words from a guard and words from a reader.

use std::ops::Range;

/// What a run of invisible characters amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// Tag characters that spell out ASCII.
    Tags,
    /// A row of variation selectors long enough to carry bytes.
    Selectors,
}

/// From how many selectors in a row they carry data: a character takes one, a few scripts' two.
const SELECTORS_AT_LEAST: usize = 4;
/// From how many visible tags in a row they carry text. A single stray one is a rendering accident.
const TAGS_AT_LEAST: usize = 3;
/// A flag emoji spells a region in tags, six at most and a terminator.
const TAGS_IN_FLAG: usize = 6;
const BLACK_FLAG: char = '\u{1F3F4}';

/// Whether `c` shows nothing and is taken out of the detection copy.
///
/// Controls of ASCII and Latin-1, zero-width and bidirectional controls, joiners, soft hyphen, variation selectors,
/// fillers, invisible operators, annotation marks, what is for private use, and the tag characters that spell nothing.
pub(crate) const fn is_removed(c: char) -> bool {
    is_control(c)
        || matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FFA0}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{E001F}' | '\u{E007F}'..='\u{E0FFF}'
        | '\u{F0000}'..)
}

/// A control that is neither white space nor the end of a line.
const fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0E'..='\x1F' | '\x7F'..='\u{84}' | '\u{86}'..='\u{9F}')
}

/// Whether `c` is a whole word or phrase in one character, which NFKC would make up to eleven times as long: a text of
/// nothing else would be judged as slowly as one of that length. It says nothing of an attack, and is read as a gap.
const fn is_phrase(c: char) -> bool {
    matches!(c,
        '\u{BC}'..='\u{BE}' | '\u{2057}' | '\u{2A0C}' | '\u{321D}'..='\u{321E}' | '\u{3300}'..='\u{3357}'
        | '\u{337B}'..='\u{337F}' | '\u{33AE}'..='\u{33AF}' | '\u{FDF0}'..='\u{FDFC}' | '\u{1F240}'..='\u{1F248}')
}

/// The ASCII that a tag character spells.
pub(crate) fn tag(c: char) -> Option<char> {
    matches!(c, '\u{E0020}'..='\u{E007E}').then(|| char::from_u32(u32::from(c) - 0xE0000)).flatten()
}

/// Whether `c` does not stay as it is where invisible characters are taken out.
fn is_hidden(c: char) -> bool {
    is_removed(c) || is_phrase(c) || c == '\x0B' || tag(c).is_some()
}

/// Whether `text` is ASCII without controls, and so its own detection copy.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| {
        plain & (byte < 0x7F) & (byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r'))
    })
}

/// What the first byte of a character that does not stay asks of the byte behind it: a bit of [`SECOND`].
static FIRST: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
        {
            table[byte] = match byte as u8 {
                b'\t' | b'\n' | b'\x0C' | b'\r' => 0,
                ..b' ' | 0x7F | 0xC2 | 0xEE | 0xF3.. => 1,
                0xCD => 2,
                0xD8 => 4,
                0xE1 => 8,
                0xE2 => 16,
                0xE3 => 32,
                0xEF => 64,
                0xF0 => 128,
                _ => 0,
            };
        }
        byte += 1;
    }
    table
};

/// Which first bytes a second byte may stand behind in a character that does not stay.
static SECOND: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
        {
            let byte = byte as u8;
            let bits = [
                true,
                byte == 0x8F,
                byte == 0x9C,
                matches!(byte, 0x84 | 0x85 | 0x9E | 0xA0),
                matches!(byte, 0x80 | 0x81 | 0xA8),
                matches!(byte, 0x85 | 0x88..=0x8F),
                matches!(byte, 0..=0xA3 | 0xB7 | 0xB8 | 0xBB | 0xBE..),
                matches!(byte, 0x9B | 0x9D | 0x9F),
            ];
            let mut bit = 0;
            while bit < bits.len() {
                table[byte as usize] |= (bits[bit] as u16) << bit;
                bit += 1;
            }
        }
        byte += 1;
    }
    table
};

/// How many bytes are looked at before the characters among them are.
const AT_A_TIME: usize = 64;

/// Whether `text` holds a character that does not stay.
pub(crate) fn hides(text: &str) -> bool {
    let bytes = text.as_bytes();
    let table = |table: &[u16; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or_default();
    let mut at = 0;
    while let Some(block) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        // Without branches: hardly a text has any.
        let pairs = block.iter().zip(block.iter().skip(1).chain([&0])).take(AT_A_TIME);
        let suspect =
            pairs.fold(0, |seen, (first, second)| seen | (table(&FIRST, *first) & table(&SECOND, *second))) != 0;
        let end = at + AT_A_TIME;
        if suspect {
            let (from, to) = (text.floor_char_boundary(at), text.ceil_char_boundary(end));
            if text.get(from..to).unwrap_or_default().chars().any(is_hidden) {
                return true;
            }
        }
        at = end;
    }
    false
}

/// What stands for `c` alone once invisible characters are gone: nothing, the ASCII that a tag spells, a gap, or itself.
fn reveal(c: char) -> Option<char> {
    match c {
        _ if is_removed(c) => None,
        _ if is_phrase(c) => Some(' '),
        '\x0B' => Some('\n'),
        _ => Some(tag(c).unwrap_or(c)),
    }
}

/// The longest control sequence of a terminal, in characters.
const LONGEST_SEQUENCE: usize = 32;

/// How many characters after an escape belong to its control sequence (`ESC [ 1 ; 31 m`), if one follows.
fn sequence(mut rest: impl Iterator<Item = char>) -> usize {
    if rest.next() != Some('[') {
        return 0;
    }
    let end = rest.take(LONGEST_SEQUENCE).position(|c| !matches!(c, ' '..='?'));
    end.map_or(0, |end| end + 2)
}

/// The characters of `text` once invisible ones are gone, and where each stood. Tags become the ASCII that they spell, and
/// a row of variation selectors the text whose bytes it carries, a byte a selector.
pub(crate) fn revealed(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut rest = text.char_indices().peekable();
    let mut carried = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(next) = carried.next() {
                return Some(next);
            }
            let (at, c) = rest.next()?;
            if matches!(c, ' '..='~' | '\n') {
                return Some((at, c));
            }
            if c == '\x1B' {
                for _ in 0..sequence(rest.clone().map(|(_, c)| c)) {
                    rest.next();
                }
                continue;
            }
            let Some(byte) = carried_byte(c) else {
                match reveal(c) {
                    Some(c) => return Some((at, c)),
                    None => continue,
                }
            };
            let mut bytes = vec![byte];
            while let Some(byte) = rest.peek().and_then(|(_, c)| carried_byte(*c)) {
                bytes.push(byte);
                rest.next();
            }
            if bytes.len() >= SELECTORS_AT_LEAST {
                let says = String::from_utf8_lossy(&bytes).into_owned();
                let shown = says.chars().filter(|c| !c.is_control() && !is_hidden(*c) && *c != '\u{FFFD}');
                carried = shown.map(|c| (at, c)).collect::<Vec<_>>().into_iter();
            }
        }
    })
}

/// The byte that a variation selector carries.
fn carried_byte(c: char) -> Option<u8> {
    match c {
        '\u{FE00}'..='\u{FE0F}' => u8::try_from(u32::from(c) - 0xFE00).ok(),
        '\u{E0100}'..='\u{E01EF}' => u8::try_from(u32::from(c) - 0xE0100 + 16).ok(),
        _ => None,
    }
}

/// The first run of each kind in `text` that carries hidden data, in bytes.
pub(crate) fn runs(text: &str) -> Vec<(Hidden, Range<usize>)> {
    let mut found: Vec<(Hidden, Range<usize>)> = Vec::new();
    let mut before = None;
    let mut run: Option<(Hidden, Range<usize>, usize, bool)> = None;
    let mut close = |run: Option<(Hidden, Range<usize>, usize, bool)>| {
        let Some((kind, span, length, in_flag)) = run else { return };
        let enough = match kind {
            Hidden::Selectors => length >= SELECTORS_AT_LEAST,
            Hidden::Tags if in_flag => length > TAGS_IN_FLAG,
            Hidden::Tags => length >= TAGS_AT_LEAST,
        };
        if enough && !found.iter().any(|(seen, _)| *seen == kind) {
            found.push((kind, span));
        }
    };
    for (at, c) in text.char_indices() {
        let kind = carried_byte(c).map(|_| Hidden::Selectors).or_else(|| tag(c).map(|_| Hidden::Tags));
        let end = at + c.len_utf8();
        run = match (run.take(), kind) {
            (Some((open, span, length, in_flag)), Some(kind)) if open == kind => {
                Some((open, span.start..end, length + 1, in_flag))
            }
            (last, kind) => {
                close(last);
                kind.map(|kind| (kind, at..end, 1, before == Some(BLACK_FLAG)))
            }
        };
        before = Some(c);
    }
    close(run);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_tags(text: &str) -> String {
        text.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xE0000)).collect()
    }

    #[test]
    fn no_hidden_character_slips_past_the_quick_look() {
        for c in '\0'..=char::MAX {
            assert_eq!(hides(&String::from(c)), is_hidden(c), "{c:?}");
        }
    }

    #[test]
    fn tags_that_spell_words_are_a_run_and_the_flag_of_wales_is_none() {
        let text = format!("hi {}", in_tags("obey"));
        assert_eq!(runs(&text), [(Hidden::Tags, 3..text.len())]);
        assert_eq!(runs(&format!("\u{1F3F4}{}\u{E007F}", in_tags("gbwls"))), []);
    }

    #[test]
    fn a_flag_does_not_cover_for_a_sentence() {
        assert_eq!(runs(&format!("\u{1F3F4}{}", in_tags("gbwlsobey"))).len(), 1);
    }

    #[test]
    fn a_row_of_selectors_is_read_byte_by_byte() {
        let hidden: String =
            "obey é".bytes().filter_map(|byte| char::from_u32(0xE0100 + u32::from(byte) - 16)).collect();
        let says: String = revealed(&format!("hi😀{hidden} you\u{FE0F}")).map(|(_, c)| c).collect();
        assert_eq!(says, "hi😀obey é you");
    }

    #[test]
    fn a_row_of_selectors_is_a_run_and_an_emoji_with_one_is_none() {
        assert_eq!(runs("\u{2764}\u{FE0F} \u{2764}\u{FE0F}"), []);
        assert_eq!(runs("a\u{FE01}\u{FE02}\u{E0100}\u{E0101}b"), [(Hidden::Selectors, 1..15)]);
    }
}
