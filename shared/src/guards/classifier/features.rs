//! What the model sees of a text: hashes of word and character n-grams and of classes of words, in one pass.
//!
//! Tokens are words, single ideographs and kana, and runs of the punctuation that markup is made of. A word gives its
//! character 3- to 5-grams with its edges marked (2- to 4-grams where letters are three bytes long: syllables and the
//! scripts of India and South-East Asia). Every token gives itself, its pairs with the two tokens before it, and the triple
//! they form. Digits count as one digit, case does not count, and a long run of ASCII letters and digits counts as a run
//! and no more: its letters are an encoding's. What is said a third time in a row gives no feature again
//! and counts as no word.
//!
//! The signatures' vocabulary gives each of its words classes that all languages share ("set aside", "rules", "what came
//! before"). They are features of their own: each class, and the pairs and triples of those that stand together.

use std::ops::Range;

use crate::guards::words::{Meaning, Words};

/// The longest word, in characters. What is longer is a run (ASCII) or is read in pieces (scripts without spaces).
const WORD: usize = 24;

/// Takes the features of a text as they are found.
pub trait Sink {
    /// A feature: its group, its hash, and the bytes of the text that it was made from.
    fn feature(&mut self, group: Group, hash: u32, span: Range<usize>);
    /// Several features of one group.
    fn features(&mut self, group: Group, made: impl Iterator<Item = (u32, Range<usize>)>) {
        made.for_each(|(hash, span)| self.feature(group, hash, span));
    }
    /// A token has ended; its features have been given. Whether it is a word, as markup and a repetition are none.
    fn token(&mut self, word: bool, span: Range<usize>);
}

/// Features that are weighed against each other by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// How words are spelled, and which stand together.
    Spelling,
    /// The classes of words.
    Classes,
}

impl Group {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Spelling, Self::Classes];

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }

    /// What each of `count` features of this group counts in a window. A few classes say more than a few letters, and not
    /// all: hence the four.
    #[must_use]
    pub fn share(self, count: usize) -> f32 {
        match self {
            Self::Spelling => 1.0 / (count as f32 + EVIDENCE).sqrt(),
            Self::Classes => CLASSES_SAY / (count as f32 + 4.0).sqrt(),
        }
    }
}

/// How many further spellings, which say nothing, every window is taken to have: so that few letters are little evidence,
/// and what is short comes out near the prior. An English word gives about a dozen.
const EVIDENCE: f32 = 20.0;
/// What a class counts beside a spelling.
const CLASSES_SAY: f32 = 1.0;
/// How many words of no class part what stands before them from what stands after.
const APART: u32 = 4;

const fn mix(hash: u32, with: u32) -> u32 {
    (hash.rotate_left(5) ^ with).wrapping_mul(0x9E37_79B1)
}

const CHARACTERS: u32 = 0x51ED_270B;
const WORDS: u32 = 0x27D4_EB2F;
const PAIR: u32 = 0x1656_67B1;
const SKIP: u32 = 0x85EB_CA77;
const TRIPLE: u32 = 0xC2B2_AE3D;
const CLASS: [u32; 4] = [0xB0B0_1111, 0xB0B0_2222, 0xB0B0_3333, 0xB0B0_4444];
/// What stands for the end of a sentence among classes, and for many words of none.
const STOP: u32 = 2;
const FAR: u32 = 1;
/// The edge of a word, and what stands for a run. No character has these values.
const EDGE: u32 = 0x11_0000;
const RUN: u32 = 0x11_0001;

/// What a character is to the tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Separates, and says nothing: white space, and the punctuation of prose.
    Gap,
    Ideograph,
    Letter,
    Mark,
}

#[inline]
fn kind(c: char) -> Kind {
    match c {
        '\0'..='\x7F' => ASCII.get(c as usize).map_or(Kind::Gap, |(kind, _)| *kind),
        // Letters throughout, told without a look into Unicode's tables: Greek, Cyrillic, Hebrew, Arabic, Hangul.
        '\u{3A3}'..='\u{3F5}' | '\u{400}'..='\u{481}' | '\u{48A}'..='\u{52F}' => Kind::Letter,
        '\u{5D0}'..='\u{5EA}' | '\u{620}'..='\u{657}' | '\u{66E}'..='\u{6D3}' => Kind::Letter,
        '\u{80}'..='\u{8FF}' => {
            if c.is_alphanumeric() {
                Kind::Letter
            } else {
                Kind::Gap
            }
        }
        _ => kind_beyond(c),
    }
}

/// The same of a character that has three bytes or more.
#[inline]
fn kind_beyond(c: char) -> Kind {
    match c {
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => {
            Kind::Ideograph
        }
        // Vowel signs of the scripts of India and South-East Asia are marks to Unicode and part of the word to a reader.
        '\u{900}'..='\u{DFF}'
        | '\u{E01}'..='\u{E4E}'
        | '\u{E80}'..='\u{FFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17D3}' => Kind::Letter,
        '\u{AC00}'..='\u{D7A3}' => Kind::Letter,
        '\u{3001}'..='\u{3002}' => Kind::Gap,
        _ if c.is_alphanumeric() => Kind::Letter,
        _ => Kind::Gap,
    }
}

/// What each character of ASCII is, and what it counts as.
static ASCII: [(Kind, u8); 128] = {
    let mut ascii = [(Kind::Gap, 0); 128];
    let mut byte = 0_u8;
    while byte < 128 {
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Kind::Letter,
            b'<' | b'>' | b'|' | b'[' | b']' | b'{' | b'}' | b'#' | b'*' | b'=' | b'`' | b'/' | b'\\' | b'_' | b'$'
            | b'%' | b'@' | b'~' | b':' | b'!' | b'"' => Kind::Mark,
            _ => Kind::Gap,
        };
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            ascii[byte as usize] = (kind, if byte.is_ascii_digit() { b'0' } else { byte.to_ascii_lowercase() });
        }
        byte += 1;
    }
    ascii
};

#[inline]
fn fold(c: char) -> u32 {
    match c {
        '\0'..='\x7F' => ASCII.get(c as usize).map_or(0, |(_, folded)| u32::from(*folded)),
        // Told without a look into Unicode's tables: the letters of Greek and Cyrillic, and scripts without cases.
        'α'..='ω' | 'а'..='џ' | '\u{590}'..='\u{109F}' | '\u{2E80}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' => {
            u32::from(c)
        }
        'Α'..='Ρ' | 'Σ'..='Ω' | 'А'..='Я' => u32::from(c) + 0x20,
        _ => c.to_lowercase().next().map_or(u32::from(c), u32::from),
    }
}

/// Gives every feature of `text`, which is a detection copy, to `sink`. Linear.
pub fn read(text: &str, sink: &mut impl Sink) {
    read_with(text, Words::of(text).meanings(0..text.len()), sink);
}

/// The same where the meanings of the text's words are known. Allocates nothing.
pub(in crate::guards) fn read_with(
    text: &str,
    meanings: impl Iterator<Item = (Meaning, Range<usize>)>,
    sink: &mut impl Sink,
) {
    let classes = Classes { meanings: meanings.peekable(), before: [(0, 0); 2], unknown: 0 };
    let grams = [[0; 3]; WORD + 2];
    let mut reader = Reader { sink, word: Word::EMPTY, grams, before: [None, None], classes };
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        if !byte.is_ascii() {
            let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            let end = at + c.len_utf8();
            match kind(c) {
                Kind::Letter => reader.letter(at, c),
                Kind::Ideograph => {
                    reader.end_word();
                    reader.token(true, mix(WORDS, fold(c)), at..end);
                }
                Kind::Mark | Kind::Gap => reader.end_word(),
            }
            at = end;
            continue;
        }
        match ASCII.get(usize::from(byte)).map_or(Kind::Gap, |(kind, _)| *kind) {
            Kind::Letter => match reader.letters(at, bytes.get(at..).unwrap_or_default()) {
                0 => {
                    reader.letter(at, char::from(byte));
                    at += 1;
                }
                taken => at += taken,
            },
            Kind::Mark => {
                reader.end_word();
                // A ruler of many equal marks says no more than one of two.
                if at < 2 || bytes.get(at - 1) != Some(&byte) {
                    reader.token(false, mix(WORDS, u32::from(byte)), at..at + 1);
                }
                at += 1;
            }
            Kind::Ideograph | Kind::Gap => {
                reader.end_word();
                at += 1;
            }
        }
    }
    reader.end_word();
}

/// A word as it grows.
struct Word {
    characters: [u32; WORD + 2],
    /// How many characters, the leading edge among them.
    length: usize,
    /// More ASCII than a word holds.
    overlong: bool,
    wide: bool,
    ascii: bool,
    span: Range<usize>,
}

impl Word {
    const EMPTY: Self =
        Self { characters: [EDGE; WORD + 2], length: 1, overlong: false, wide: false, ascii: true, span: 0..0 };
}

/// The classes of the words that are still to come.
struct Classes<M: Iterator> {
    meanings: std::iter::Peekable<M>,
    /// The two classes before, the nearer first, and where each begins.
    before: [(u32, usize); 2],
    unknown: u32,
}

impl<M: Iterator<Item = (Meaning, Range<usize>)>> Classes<M> {
    /// Gives the features of the words that end by `end`.
    #[inline]
    fn up_to(&mut self, end: usize, sink: &mut impl Sink) {
        while let Some((meaning, span)) = self.meanings.next_if(|(_, span)| span.end <= end) {
            match meaning {
                Meaning::Nothing => {}
                Meaning::Unknown => {
                    self.unknown += 1;
                    if self.unknown == APART {
                        self.before = [(FAR, span.start); 2];
                    }
                }
                Meaning::Stop => self.before = [(STOP, span.start), self.before[0]],
                Meaning::Classes(class) => {
                    self.unknown = 0;
                    let [(near, since), (far, longer)] = self.before;
                    if near == class && far == class {
                        continue;
                    }
                    let [alone, pair, skip, triple] = CLASS;
                    let made = [
                        (mix(alone, class), span.start..span.end),
                        (mix(mix(pair, near), class), since..span.end),
                        (mix(mix(skip, far), class), longer..span.end),
                        (mix(mix(mix(triple, far), near), class), longer..span.end),
                    ];
                    sink.features(Group::Classes, made.into_iter());
                    self.before = [(class, span.start), self.before[0]];
                }
            }
        }
    }
}

/// Writes the hashes of a word's n-grams of 3 to 5 characters, or of 2 to 4, from each character on. Returns how many.
#[inline]
fn grams(letters: &[u32], wide: bool, made: &mut [[u32; 3]; WORD + 2]) -> usize {
    let one = |a: &u32| mix(CHARACTERS, *a);
    let two = |a, b: &u32| mix(one(a), *b);
    let whole = if wide {
        for ([a, b, c, d], made) in letters.array_windows().zip(&mut *made) {
            let begun = two(a, b);
            let longer = mix(begun, *c);
            *made = [begun, longer, mix(longer, *d)];
        }
        letters.len().saturating_sub(3)
    } else {
        for ([a, b, c, d, e], made) in letters.array_windows().zip(&mut *made) {
            let begun = mix(two(a, b), *c);
            let longer = mix(begun, *d);
            *made = [begun, longer, mix(longer, *e)];
        }
        letters.len().saturating_sub(4)
    };
    // Those that the end of the word cuts short.
    let (last, count) = match letters {
        [.., a, b, c] if wide => ([two(a, b), mix(two(a, b), *c), two(b, c)], 3),
        [.., a, b, c, d] => {
            let begun = mix(two(a, b), *c);
            ([begun, mix(begun, *d), mix(two(b, c), *d)], 3)
        }
        [a, b, c] => ([mix(two(a, b), *c), 0, 0], 1),
        _ => ([0; 3], 0),
    };
    made.get_mut(whole).into_iter().for_each(|made| *made = last);
    whole * 3 + count
}

struct Reader<'s, S, M: Iterator> {
    sink: &'s mut S,
    word: Word,
    /// Room for the hashes of its n-grams.
    grams: [[u32; 3]; WORD + 2],
    /// The two tokens before, the nearer first.
    before: [Option<(u32, usize)>; 2],
    classes: Classes<M>,
}

impl<S: Sink, M: Iterator<Item = (Meaning, Range<usize>)>> Reader<'_, S, M> {
    /// Adds letters and digits of ASCII from `at` on, as many as the word holds; returns how many.
    #[inline]
    fn letters(&mut self, at: usize, rest: &[u8]) -> usize {
        let mut taken = 0;
        let room = self.word.characters.get_mut(self.word.length..=WORD).unwrap_or_default();
        for (slot, byte) in room.iter_mut().zip(rest) {
            let Some((Kind::Letter, folded)) = ASCII.get(usize::from(*byte)) else { break };
            *slot = u32::from(*folded);
            taken += 1;
        }
        if self.word.length == 1 {
            self.word.span.start = at;
        }
        self.word.length += taken;
        self.word.span.end = at + taken;
        taken
    }

    #[inline]
    fn letter(&mut self, at: usize, c: char) {
        if self.word.length > WORD {
            if self.word.ascii && c.is_ascii() {
                self.word.overlong = true;
                self.word.span.end = at + 1;
                return;
            }
            self.end_word();
        }
        if self.word.length == 1 {
            self.word.span.start = at;
        }
        if let Some(place) = self.word.characters.get_mut(self.word.length) {
            *place = fold(c);
        }
        self.word.length += 1;
        self.word.wide |= c.len_utf8() >= 3;
        self.word.ascii &= c.is_ascii();
        self.word.span.end = at + c.len_utf8();
    }

    fn end_word(&mut self) {
        if self.word.length == 1 {
            return;
        }
        let span = self.word.span.clone();
        let end = self.word.length;
        let hash = if self.word.overlong {
            mix(WORDS, RUN)
        } else {
            if let Some(edge) = self.word.characters.get_mut(end) {
                *edge = EDGE;
            }
            let letters = self.word.characters.get(..=end).unwrap_or_default();
            letters.iter().fold(WORDS, |hash, letter| mix(hash, *letter))
        };
        if !self.word.overlong && !self.is_repeated(hash) {
            let letters = self.word.characters.get(..=end).unwrap_or_default();
            let count = grams(letters, self.word.wide, &mut self.grams);
            let hashes = self.grams.as_flattened().get(..count).unwrap_or_default();
            self.sink.features(Group::Spelling, hashes.iter().map(|hash| (*hash, span.clone())));
        }
        self.token(true, hash, span);
        self.word.length = 1;
        self.word.overlong = false;
        self.word.wide = false;
        self.word.ascii = true;
    }

    /// Whether this was said twice just before: saying it on and on says no more.
    #[inline]
    fn is_repeated(&self, hash: u32) -> bool {
        self.before.iter().all(|before| before.is_some_and(|(before, _)| before == hash))
    }

    fn token(&mut self, word: bool, hash: u32, span: Range<usize>) {
        if self.is_repeated(hash) {
            self.classes.up_to(span.end, self.sink);
            self.sink.token(false, span);
            return;
        }
        match self.before {
            [Some((near, since)), Some((far, longer))] => {
                let made = [
                    (hash, span.clone()),
                    (mix(mix(PAIR, near), hash), since..span.end),
                    (mix(mix(SKIP, far), hash), longer..span.end),
                    (mix(mix(mix(TRIPLE, far), near), hash), longer..span.end),
                ];
                self.sink.features(Group::Spelling, made.into_iter());
            }
            [near, _] => {
                self.sink.feature(Group::Spelling, hash, span.clone());
                if let Some((near, since)) = near {
                    self.sink.feature(Group::Spelling, mix(mix(PAIR, near), hash), since..span.end);
                }
            }
        }
        self.before = [Some((hash, span.start)), self.before[0]];
        self.classes.up_to(span.end, self.sink);
        self.sink.token(word, span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_without_unicodes_tables_is_told_as_they_tell_it() {
        for c in '\u{80}'..=char::MAX {
            assert_eq!(fold(c), c.to_lowercase().next().map_or(0, u32::from), "{c:?}");
            if c.is_alphanumeric() {
                assert!(kind(c) != Kind::Gap && kind(c) != Kind::Mark, "{c:?}");
            }
        }
        for c in ('\u{80}'..='\u{8FF}').chain('\u{10A0}'..='\u{177F}').chain('\u{A4D0}'..='\u{F8FF}') {
            assert!((kind(c) == Kind::Letter) == c.is_alphanumeric(), "{c:?}");
        }
    }

    #[test]
    fn a_word_gives_every_n_gram_of_its_three_sizes_from_each_character_on() {
        for length in 3..=WORD + 2 {
            let letters: Vec<u32> = (0..length).map(|at| 97 + u32::try_from(at).unwrap()).collect();
            for (wide, sizes) in [(false, 3..=5), (true, 2..=4)] {
                let all = (0..length).flat_map(|from| sizes.clone().map(move |size| from..from + size));
                let hash = |letters: &[u32]| letters.iter().fold(CHARACTERS, |hash, letter| mix(hash, *letter));
                let all: Vec<u32> = all.filter_map(|range| letters.get(range).map(hash)).collect();
                let mut made = [[0; 3]; WORD + 2];
                let count = grams(&letters, wide, &mut made);
                assert_eq!(made.as_flattened().get(..count), Some(all.as_slice()), "{length} {wide}");
            }
        }
    }
}
