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

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Kind::Letter,
        '<' | '>' | '|' | '[' | ']' | '{' | '}' | '#' | '*' | '=' | '`' | '/' | '\\' | '_' | '$' | '%' | '@' | '~'
        | ':' | '!' | '"' => Kind::Mark,
        '\0'..='\x7F' => Kind::Gap,
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => {
            Kind::Ideograph
        }
        // Vowel signs of the scripts of India and South-East Asia are marks to Unicode and part of the word to a reader.
        '\u{900}'..='\u{DFF}'
        | '\u{E01}'..='\u{E4E}'
        | '\u{E80}'..='\u{FFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17D3}' => Kind::Letter,
        _ if c.is_alphanumeric() => Kind::Letter,
        _ => Kind::Gap,
    }
}

fn fold(c: char) -> u32 {
    match c {
        '0'..='9' => u32::from('0'),
        'A'..='Z' => u32::from(c.to_ascii_lowercase()),
        '\0'..='\x7F' => u32::from(c),
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
    let mut reader = Reader { sink, word: Word::EMPTY, before: [None, None], classes };
    let mut last = None;
    for (at, c) in text.char_indices() {
        let kind = kind(c);
        match kind {
            Kind::Letter => reader.letter(at, c),
            Kind::Ideograph => {
                reader.end_word();
                reader.token(true, mix(WORDS, fold(c)), at..at + c.len_utf8());
            }
            Kind::Mark => {
                reader.end_word();
                // A ruler of many equal marks says no more than one of two.
                if last != Some(c) || !text.get(..at).is_some_and(|before| before.ends_with([c, c]) && before.len() > 1)
                {
                    reader.token(false, mix(WORDS, u32::from(c)), at..at + 1);
                }
            }
            Kind::Gap => reader.end_word(),
        }
        last = Some(c);
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
                    let mut give = |hash, start| sink.feature(Group::Classes, hash, start..span.end);
                    give(mix(alone, class), span.start);
                    give(mix(mix(pair, near), class), since);
                    give(mix(mix(skip, far), class), longer);
                    give(mix(mix(mix(triple, far), near), class), longer);
                    self.before = [(class, span.start), self.before[0]];
                }
            }
        }
    }
}

struct Reader<'s, S, M: Iterator> {
    sink: &'s mut S,
    word: Word,
    /// The two tokens before, the nearer first.
    before: [Option<(u32, usize)>; 2],
    classes: Classes<M>,
}

impl<S: Sink, M: Iterator<Item = (Meaning, Range<usize>)>> Reader<'_, S, M> {
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
            let sizes = if self.word.wide { 2..=4 } else { 3..=5 };
            for start in 0..letters.len() {
                let mut hash = CHARACTERS;
                for (size, letter) in letters.iter().skip(start).take(*sizes.end()).enumerate() {
                    hash = mix(hash, *letter);
                    if sizes.contains(&(size + 1)) {
                        self.sink.feature(Group::Spelling, hash, span.clone());
                    }
                }
            }
        }
        self.token(true, hash, span);
        self.word.length = 1;
        self.word.overlong = false;
        self.word.wide = false;
        self.word.ascii = true;
    }

    /// Whether this was said twice just before: saying it on and on says no more.
    fn is_repeated(&self, hash: u32) -> bool {
        self.before.iter().all(|before| before.is_some_and(|(before, _)| before == hash))
    }

    fn token(&mut self, word: bool, hash: u32, span: Range<usize>) {
        if self.is_repeated(hash) {
            self.classes.up_to(span.end, self.sink);
            self.sink.token(false, span);
            return;
        }
        let mut give = |hash, span| self.sink.feature(Group::Spelling, hash, span);
        give(hash, span.clone());
        if let [Some((near, start)), far] = self.before {
            give(mix(mix(PAIR, near), hash), start..span.end);
            if let Some((far, start)) = far {
                give(mix(mix(SKIP, far), hash), start..span.end);
                give(mix(mix(mix(TRIPLE, far), near), hash), start..span.end);
            }
        }
        self.before = [Some((hash, span.start)), self.before[0]];
        self.classes.up_to(span.end, self.sink);
        self.sink.token(word, span);
    }
}
