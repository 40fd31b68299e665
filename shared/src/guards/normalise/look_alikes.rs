//! Letters of other scripts that look Latin.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

/// What a letter looks like, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Not a letter that makes words with look-alikes.
    Other,
    /// A letter of another script that looks like no Latin one.
    Plain,
    /// Looks like this one, well enough to spell whole words with.
    Close(u8),
    /// Looks somewhat like this one: read so only beside Latin letters, since it also spells genuine words.
    Loose(u8),
}

const FIRST: u32 = 0x370;
const LAST: u32 = 0x58F;

/// Pairs of a letter of Greek, Cyrillic or Armenian and the Latin one that it looks just like.
const CLOSE: &str = "αaаaеeεeοoоoрpρpсcϲcуyγyхxχxѕsіiіiιiјjϳjһhԁdԛqԝwӏlνvυuոnսuօoցgհhզqԍgѵvєe\
ΑAАAΕEЕEΟOОOΡPРPСCϹCУYΥYХXΧXЅSІIΙIЈJͿJҺHԀDԚQԜWӀlΝNѴVՕOՍUՏSՐP";

/// The same, where the likeness is loose or the letter common in genuine words of look-alikes.
const LOOSE: &str = "вbкkκkмmнhтtτtгrпnиnзeдaшwщwяrчyёeйnѐeїiґrωwηnπnσoδdβbλlμuθoφoζzξeψw\
ВBΒBКKΚKМMΜMНHΗHТTΤTΖZГrПnИnЗEЯRЁEЇI";

static TABLE: [Likeness; (LAST - FIRST + 1) as usize] = table();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse to index out of bounds")]
const fn table() -> [Likeness; (LAST - FIRST + 1) as usize] {
    let mut table = [Likeness::Plain; (LAST - FIRST + 1) as usize];
    let mut mark = 0x483;
    while mark <= 0x489 {
        table[mark - FIRST as usize] = Likeness::Other;
        mark += 1;
    }
    // Signs among the letters: they end words.
    let signs = [0x375, 0x37E, 0x384, 0x385, 0x387, 0x482, 0x55A, 0x55B, 0x55C, 0x55D, 0x55E, 0x55F, 0x589, 0x58A];
    let mut i = 0;
    while i < signs.len() {
        table[signs[i] - FIRST as usize] = Likeness::Other;
        i += 1;
    }
    fill(fill(table, LOOSE.as_bytes(), false), CLOSE.as_bytes(), true)
}

/// Every pair is a letter of two bytes and one ASCII letter.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse to index out of bounds")]
const fn fill(
    mut table: [Likeness; (LAST - FIRST + 1) as usize],
    pairs: &[u8],
    close: bool,
) -> [Likeness; (LAST - FIRST + 1) as usize] {
    let mut i = 0;
    while i < pairs.len() {
        let letter = ((pairs[i] & 0x1F) as usize) << 6 | (pairs[i + 1] & 0x3F) as usize;
        let latin = pairs[i + 2];
        table[letter - FIRST as usize] = if close { Likeness::Close(latin) } else { Likeness::Loose(latin) };
        i += 3;
    }
    table
}

/// What `c` looks like.
pub(super) fn likeness(c: char) -> Likeness {
    let index = u32::from(c).wrapping_sub(FIRST) as usize;
    TABLE.get(index).copied().unwrap_or(Likeness::Other)
}

/// The letter without its marks, for Latin letters with diacritics and Latin letters in other clothes: small capitals,
/// phonetic letters, letters in black circles and squares, regional indicators.
pub(super) fn bare(c: char) -> Option<char> {
    let plain = match c {
        '\u{C0}'..='\u{2AF}' | '\u{1E00}'..='\u{1EFF}' => return bare_latin(c),
        'ᴀ' => 'a',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ᴍ' => 'm',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ᴛ' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ᴢ' => 'z',
        'ꜰ' => 'f',
        'ꜱ' => 's',
        '\u{1F150}'..='\u{1F169}' => return letter(c, 0x1F150),
        '\u{1F170}'..='\u{1F189}' => return letter(c, 0x1F170),
        '\u{1F1E6}'..='\u{1F1FF}' => return letter(c, 0x1F1E6),
        _ => return None,
    };
    Some(plain)
}

fn letter(c: char, first: u32) -> Option<char> {
    char::from_u32(u32::from(c) - first + u32::from('a'))
}

/// [`latin`] for each of its characters, 0 where there is none: texts in Latin scripts ask for every other word.
static BARE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let table = |range: RangeInclusive<char>| range.map(|c| latin(c).map_or(0, |bare| bare as u8)).collect();
    (table('\u{C0}'..='\u{2AF}'), table('\u{1E00}'..='\u{1EFF}'))
});

fn bare_latin(c: char) -> Option<char> {
    let code = u32::from(c) as usize;
    let bare = if code < 0x1E00 { BARE.0.get(code - 0xC0) } else { BARE.1.get(code - 0x1E00) };
    bare.copied().filter(|bare| *bare != 0).map(char::from)
}

fn latin(c: char) -> Option<char> {
    let special = match c {
        'ı' | 'ɩ' | 'ɪ' => 'i',
        'ł' => 'l',
        'Ł' => 'L',
        'ø' => 'o',
        'Ø' => 'O',
        'đ' | 'ɖ' | 'ɗ' => 'd',
        'Đ' => 'D',
        'ħ' | 'ɦ' => 'h',
        'Ħ' => 'H',
        'ŧ' | 'ʈ' => 't',
        'Ŧ' => 'T',
        'ɑ' | 'ɐ' => 'a',
        'ɡ' | 'ɢ' | 'ɠ' => 'g',
        'ɴ' | 'ŋ' | 'ɲ' | 'ɳ' => 'n',
        'ʀ' | 'ɾ' | 'ɹ' | 'ɼ' => 'r',
        'ʏ' => 'y',
        'ƨ' | 'ʂ' => 's',
        'ʋ' => 'u',
        'ɯ' | 'ʍ' => 'w',
        'ɛ' | 'ə' | 'ǝ' | 'ɘ' => 'e',
        'ɔ' => 'c',
        'ʙ' | 'ɓ' | 'ƀ' => 'b',
        'ʜ' => 'h',
        'ʟ' | 'ɭ' => 'l',
        'ƙ' => 'k',
        'ƥ' => 'p',
        'ɱ' => 'm',
        'ƒ' => 'f',
        'ʐ' | 'ƶ' => 'z',
        _ => '\0',
    };
    if special != '\0' {
        return Some(special);
    }
    let mut base = c;
    // A letter with two marks decomposes twice; the bound is for the reader, decompositions do not nest deeper.
    for _ in 0..4 {
        match CanonicalDecompositionBorrowed::new().decompose(base) {
            Decomposed::Expansion(first, _) | Decomposed::Singleton(first) => base = first,
            Decomposed::Default => break,
        }
    }
    base.is_ascii_alphabetic().then_some(base)
}
