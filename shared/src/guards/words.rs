//! A text as the signatures see it: a row of symbols, one for each word, by what kind of word it is.
//!
//! Words of all languages share their classes, so that one rule ("set aside", "what came before", "rules") holds for
//! all. Whatever is between words counts for nothing, but for the end of a sentence and the colon.

pub(super) mod table;

use std::ops::Range;

use table::{BEGINS, COLON, FIRST, Hash, Kind, OTHER, PREFIX, STOP};

/// The vocabulary, as the build script laid it out.
static TABLE: &[u8; table::SLOTS * table::SLOT] = include_bytes!(concat!(env!("OUT_DIR"), "/words.table"));

/// Which lengths the stems have that begin alike, two bytes a mask.
static STEMS: &[u8; table::STEMS * 2] = include_bytes!(concat!(env!("OUT_DIR"), "/words.stems"));

/// Which lengths the words have that begin alike, two bytes a mask.
static BEGINNINGS: &[u8; table::BEGINNINGS * 2] = include_bytes!(concat!(env!("OUT_DIR"), "/words.beginnings"));

/// Which of eight subjects of texts about attacks each symbol speaks of, a bit a subject.
static SUBJECTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/words.subjects"));

/// What each symbol is to the statistical model, four bytes a symbol: 0 for what means nothing.
static MEANINGS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/words.meanings"));

/// What a word is to the statistical model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A word that only joins others, or a colon.
    Nothing,
    /// A word of no class.
    Unknown,
    /// The end of a sentence.
    Stop,
    /// A word of the vocabulary, by a number that stands for its classes.
    Classes(u32),
}

/// The symbols of a text, and where each stands.
#[derive(Debug, Default)]
pub(super) struct Words {
    symbols: Vec<u16>,
    spans: Vec<Range<u32>>,
}

impl Words {
    /// The words of `text`, a detection copy. Linear; a text of 4 GiB or more is read so far.
    pub(super) fn of(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(u32::MAX as usize)).unwrap_or_default();
        let mut words = Self::default();
        words.symbols.reserve(text.len() / 5);
        words.spans.reserve(text.len() / 5);
        words.read(text);
        words
    }

    /// A symbol for each word.
    pub(super) fn symbols(&self) -> &[u16] {
        &self.symbols
    }

    /// The bytes of the text that a range of symbols stands for.
    pub(super) fn span(&self, range: Range<usize>) -> Range<usize> {
        let all = self.spans.get(range).unwrap_or_default();
        let (start, end) = (all.first().map_or(0, |first| first.start), all.last().map_or(0, |last| last.end));
        start as usize..end as usize
    }

    /// How many subjects of texts about attacks the words within a range of the text speak of.
    pub(super) fn subjects(&self, range: Range<usize>) -> u32 {
        let symbols = self.symbols.get(self.after(range.start)..self.after(range.end)).unwrap_or_default();
        let bits = symbols.iter().filter_map(|symbol| SUBJECTS.get(usize::from(*symbol)));
        bits.fold(0, |all, bits| all | bits).count_ones()
    }

    /// What the words within a range of the text mean, and where each stands in that range.
    pub(super) fn meanings(&self, range: Range<usize>) -> impl Iterator<Item = (Meaning, Range<usize>)> + Clone {
        let words = self.after(range.start)..self.after(range.end);
        let symbols = self.symbols.get(words.clone()).unwrap_or_default();
        let spans = self.spans.get(words).unwrap_or_default();
        symbols.iter().zip(spans).map(move |(symbol, span)| {
            let span =
                (span.start as usize).saturating_sub(range.start)..(span.end as usize).saturating_sub(range.start);
            (meaning(*symbol), span)
        })
    }

    /// The number of the first word that ends after `at`.
    pub(super) fn after(&self, at: usize) -> usize {
        self.spans.partition_point(|span| span.end as usize <= at)
    }

    fn push(&mut self, symbol: u16, from: usize, to: usize) {
        self.symbols.push(symbol);
        #[expect(clippy::cast_possible_truncation, reason = "the text is cut to what 32 bits can count")]
        self.spans.push(from as u32..to as u32);
    }

    fn read(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            at = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => self.word(bytes, at),
                b'.' | b'!' | b'?' | b';' => {
                    let ends = bytes.get(at + 1).is_none_or(|next| !next.is_ascii_alphanumeric());
                    if ends && self.symbols.last() != Some(&STOP) {
                        self.push(STOP, at, at + 1);
                    }
                    at + 1
                }
                b':' => {
                    self.push(COLON, at, at + 1);
                    at + 1
                }
                0x80.. => self.wide(text, at),
                _ => at + 1,
            };
        }
    }

    /// Reads a word that begins at `from`, and returns where it ends.
    #[inline]
    fn word(&mut self, bytes: &[u8], from: usize) -> usize {
        let (symbol, end) = symbol_at(bytes, from);
        self.push(symbol, from, end);
        end
    }

    /// Reads what begins with a character beyond ASCII.
    fn wide(&mut self, text: &str, from: usize) -> usize {
        let bytes = text.as_bytes();
        match lead(bytes, from) {
            Lead::Letter => return self.word(bytes, from),
            Lead::Unspaced => return self.segment(text, from),
            Lead::Other => {}
        }
        let Some(c) = text.get(from..).and_then(|rest| rest.chars().next()) else { return from + 1 };
        let after = from + c.len_utf8();
        if matches!(c, '。' | '।' | '؟' | '۔' | '…') && self.symbols.last() != Some(&STOP) {
            self.push(STOP, from, after);
        }
        after
    }

    /// Reads the longest entry of an unspaced script, or a character of no class.
    fn segment(&mut self, text: &str, from: usize) -> usize {
        let rest = text.get(from..).unwrap_or_default();
        let mut found = None;
        let mut hash = Hash::new();
        let mut first = rest.len();
        for (at, c) in rest.char_indices() {
            let end = at + c.len_utf8();
            first = first.min(end);
            hash = rest.get(at..end).unwrap_or_default().bytes().fold(hash, Hash::with);
            match find(hash, Kind::Segment) {
                Some((PREFIX, _)) => {}
                Some((symbol, _)) => found = Some((symbol, end)),
                None => break,
            }
        }
        let (symbol, length) = found.unwrap_or((OTHER, first));
        if symbol != OTHER || self.symbols.last() != Some(&OTHER) {
            self.push(symbol, from, from + length);
        } else if let Some(last) = self.spans.last_mut() {
            #[expect(clippy::cast_possible_truncation, reason = "the text is cut to what 32 bits can count")]
            let end = (from + length) as u32;
            last.end = end;
        }
        from + length
    }
}

fn meaning(symbol: u16) -> Meaning {
    match symbol {
        OTHER => Meaning::Unknown,
        STOP => Meaning::Stop,
        _ => {
            let (meanings, _) = MEANINGS.as_chunks();
            match meanings.get(usize::from(symbol)).map_or(0, |bytes| u32::from_le_bytes(*bytes)) {
                0 => Meaning::Nothing,
                table::UNKNOWN => Meaning::Unknown,
                number => Meaning::Classes(number),
            }
        }
    }
}

/// Whether `word` is in the vocabulary, whatever its case.
pub(super) fn knows(word: &[u8]) -> bool {
    let (symbol, end) = symbol_at(word, 0);
    symbol >= FIRST && end == word.len()
}

/// Calls `found` with the length of each word of the vocabulary that ASCII letters begin with, at most `longest`.
pub(super) fn prefixes(letters: &[u8], longest: usize, mut found: impl FnMut(usize)) {
    let mut hash = Hash::new();
    let mut mask = 0;
    for (length, letter) in (1..).zip(letters.iter().take(longest)) {
        hash = hash.with(letter.to_ascii_lowercase());
        let may_be = match length {
            1 => letter.eq_ignore_ascii_case(&b'a'),
            2 => true,
            _ => {
                if length == table::BEGINNING {
                    let (masks, _) = BEGINNINGS.as_chunks();
                    mask = masks.get(hash.word_mask()).map_or(0, |mask| u16::from_le_bytes(*mask));
                }
                // Nothing longer begins so.
                if mask < table::word_mask(length) {
                    break;
                }
                mask & table::word_mask(length) != 0
            }
        };
        if may_be && find(hash, Kind::Word).is_some_and(|(symbol, _)| symbol >= FIRST) {
            found(length);
        }
    }
}

/// What a character beyond ASCII is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Letter,
    Unspaced,
    Other,
}

/// The kind of the character that begins at `at`, told by its first two bytes.
#[inline]
fn lead(bytes: &[u8], at: usize) -> Lead {
    let second = bytes.get(at + 1).copied().unwrap_or_default();
    match (bytes.get(at).copied().unwrap_or_default(), second) {
        (0xE0, 0xB8..=0xBB) | (0xE3, 0x81..) | (0xE4..=0xE9, _) => Lead::Unspaced,
        (0xE0, 0xA5) if matches!(bytes.get(at + 2), Some(0xA4 | 0xA5)) => Lead::Other,
        (0xD8, 0x8C | 0x9B | 0x9F) | (0xDB, 0x94) | (0xEA, ..0xB0) => Lead::Other,
        (0xC3..=0xE1 | 0xEA..=0xED, _) => Lead::Letter,
        _ => Lead::Other,
    }
}

/// The symbol of the word or phrase that begins at `from`, and where it ends. Apostrophes within a word are skipped.
#[inline]
fn symbol_at(bytes: &[u8], from: usize) -> (u16, usize) {
    let mut hash = Hash::new();
    let end = each(bytes, from, |byte| hash = hash.with(byte));
    if end - from > table::LONGEST {
        return (OTHER, end);
    }
    match find(hash, Kind::Word) {
        Some((symbol, true)) => phrase(bytes, hash, end).unwrap_or((symbol, end)),
        Some((symbol, false)) => (symbol, end),
        None if end - from < table::SHORTEST_STEM => (OTHER, end),
        None => (stem(bytes, from, end), end),
    }
}

/// The longest phrase that begins with a word that ends at `end`, which `hash` is of.
fn phrase(bytes: &[u8], mut hash: Hash, mut end: usize) -> Option<(u16, usize)> {
    let mut longest = None;
    for _ in 1..table::PHRASE {
        let gap = bytes.get(end..)?.iter().take(2).take_while(|byte| matches!(byte, b' ' | b'\n' | b'-')).count();
        let from = end + gap;
        let letter = bytes.get(from).is_some_and(u8::is_ascii_alphanumeric) || lead(bytes, from) == Lead::Letter;
        if gap == 0 || !letter {
            break;
        }
        hash = hash.with(b' ');
        end = each(bytes, from, |byte| hash = hash.with(byte));
        match find(hash, Kind::Phrase) {
            Some((PREFIX, _)) => {}
            Some((symbol, _)) => longest = Some((symbol, end)),
            None => break,
        }
    }
    longest
}

/// The longest stem that a word begins with.
fn stem(bytes: &[u8], from: usize, end: usize) -> u16 {
    let mut hash = Hash::new();
    let mut found = OTHER;
    let (mut length, mut mask) = (0, 0);
    let _end = each_while(bytes.get(..end).unwrap_or_default(), from, |byte| {
        hash = hash.with(byte);
        length += 1;
        if length == table::SHORTEST_STEM {
            let (masks, _) = STEMS.as_chunks();
            mask = masks.get(hash.mask()).map_or(0, |mask| u16::from_le_bytes(*mask));
        }
        if length >= table::SHORTEST_STEM && mask & table::mask(length) != 0 {
            found = find(hash, Kind::Stem).map_or(found, |(symbol, _)| symbol);
        }
        // Nothing longer begins so.
        length < table::SHORTEST_STEM || mask >= table::mask(length)
    });
    found
}

/// Calls `with` for each byte of the word that begins at `from`, in lower case, and returns where the word ends.
#[inline]
fn each(bytes: &[u8], from: usize, mut with: impl FnMut(u8)) -> usize {
    each_while(bytes, from, |byte| {
        with(byte);
        true
    })
}

/// The byte of a word that a byte is, whatever is behind it, in lower case; 0 where that is still to be asked. ASCII,
/// what continues a character, and what begins a letter of scripts that have nothing else, or no capitals.
static FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            folded[byte as usize] = match byte {
                b'a'..=b'z' | b'0'..=b'9' => byte,
                b'A'..=b'Z' => byte | 0x20,
                0x80..=0xBF | 0xC3..=0xCD | 0xCF | 0xD1..=0xD7 | 0xD9..=0xDA | 0xDC..=0xDF | 0xE1 | 0xEB..=0xED => byte,
                _ => 0,
            };
        }
        if byte == u8::MAX {
            break folded;
        }
        byte += 1;
    }
};

/// The same for as long as `with` says so. Only what then ends is the end of a word.
#[inline]
fn each_while(bytes: &[u8], from: usize, mut with: impl FnMut(u8) -> bool) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at).copied() {
        let folded = FOLDED.get(usize::from(byte)).copied().unwrap_or_default();
        let goes_on = match byte {
            _ if folded != 0 => with(folded),
            b'\'' if at > from && bytes.get(at + 1).is_some_and(|next| next.is_ascii_alphabetic()) => true,
            0xD0 => {
                // Cyrillic capitals, in two blocks: the second has its small letters under another first byte.
                let (first, second) = match bytes.get(at + 1).copied().unwrap_or_default() {
                    second @ 0x80..=0x8F => (0xD1, second + 0x10),
                    second @ 0x90..=0x9F => (0xD0, second + 0x20),
                    second @ 0xA0..=0xAF => (0xD1, second - 0x20),
                    second => (0xD0, second),
                };
                at += 1;
                with(first) && with(second)
            }
            0xCE => {
                // Greek capitals, likewise: those with an accent first.
                let (first, second) = match bytes.get(at + 1).copied().unwrap_or_default() {
                    0x86 => (0xCE, 0xAC),
                    second @ 0x88..=0x8A => (0xCE, second + 0x25),
                    0x8C => (0xCF, 0x8C),
                    second @ 0x8E..=0x8F => (0xCF, second - 1),
                    second @ 0x91..=0x9F => (0xCE, second + 0x20),
                    second @ 0xA0..=0xA9 => (0xCF, second - 0x20),
                    second => (0xCE, second),
                };
                at += 1;
                with(first) && with(second)
            }
            0xC0.. if lead(bytes, at) == Lead::Letter => with(byte),
            _ => break,
        };
        if !goes_on {
            break;
        }
        at += 1;
    }
    at.min(bytes.len()).max(from + 1)
}

/// The symbol of an entry, and whether phrases begin with it.
#[inline]
fn find(hash: Hash, kind: Kind) -> Option<(u16, bool)> {
    let (first, fingerprint) = hash.place(kind);
    for step in 0..table::STEPS {
        let at = (first + step) * table::SLOT;
        let [a, b, c, low, high] = *TABLE.get(at..at + table::SLOT)?.first_chunk()?;
        if (low, high) == (0, 0) {
            return None;
        }
        if [a, b, c] == fingerprint {
            let symbol = u16::from_le_bytes([low, high]);
            return Some((symbol & !BEGINS, symbol & BEGINS != 0));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::normalise::normalise;

    const TONGUES: &str = include_str!("words/tongues.txt");

    fn symbols(text: &str) -> Vec<u16> {
        Words::of(&normalise(text)).symbols
    }

    #[test]
    fn a_phrase_is_one_word_however_its_words_are_parted() {
        let whole = symbols("password");
        for phrase in ["mot de passe", "Mot-de-passe", "kata sandi", "mật khẩu", "facal\nfaire"] {
            assert_eq!(symbols(phrase), whole, "{phrase}");
        }
    }

    #[test]
    fn the_longest_phrase_counts_and_a_beginning_is_none() {
        assert_eq!(symbols("bỏ qua hướng dẫn"), symbols("ignore instructions"));
        assert_eq!(symbols("mot de"), [OTHER, *symbols("mot de").last().unwrap()]);
        assert_eq!(symbols("mot. de passe").iter().filter(|symbol| **symbol == STOP).count(), 1);
        assert_ne!(symbols("mot, de passe"), symbols("mot de passe"));
    }

    #[test]
    fn a_word_of_another_language_is_what_its_english_word_is() {
        for (english, others) in
            [("ignore", ["ignoriere", "игнорируй", "無視"]), ("forget", ["vergiss", "bliye", "ลืม"])]
        {
            for other in others {
                assert_eq!(symbols(other), symbols(english), "{other}");
            }
        }
    }

    #[test]
    fn a_capital_counts_as_its_small_letter() {
        for (capital, small) in [("ΆΈΉΊΌΎΏ ΑΝΟΠΣΩ", "άέήίόύώ ανοπσω"), ("ЗАБУДЬ", "забудь"), ("Ξέχασε", "ξέχασε")]
        {
            let hash = |text: &str| {
                let mut bytes = Vec::new();
                text.split(' ').for_each(|word| {
                    each(word.as_bytes(), 0, |byte| bytes.push(byte));
                });
                bytes
            };
            assert_eq!(hash(capital), hash(small), "{capital}");
        }
        assert_eq!(symbols("ΞΈΧΑΣΕ"), symbols("forget"));
    }

    #[test]
    fn every_word_of_another_language_is_written_as_the_detection_copy_shows_it() {
        for line in TONGUES.lines().filter(|line| !line.starts_with('%') && !line.is_empty()) {
            let (_, entries) = line.split_once(": ").unwrap();
            for entry in entries.split(' ') {
                let spaced = entry.trim_end_matches('*').replace('_', " ");
                assert_eq!(normalise(&spaced), spaced, "{line}");
            }
        }
    }
}
