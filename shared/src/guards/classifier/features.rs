//! What the model sees of a text: hashes of word and character n-grams, token by token, in one pass.
//!
//! Tokens are words, single ideographs and kana, and runs of the punctuation that markup is made of. A word gives its
//! character 3- to 5-grams with its edges marked (2- to 4-grams where letters are three bytes long: syllables and the
//! scripts of India and South-East Asia). Every token gives itself, its pairs with the two tokens before it, and the triple
//! they form. Digits count as one digit, case does not count, and a long run of ASCII letters and digits counts as a run
//! and no more: its letters are an encoding's.

use std::ops::Range;

/// The longest word, in characters. What is longer is a run (ASCII) or is read in pieces (scripts without spaces).
const WORD: usize = 24;

/// Takes the features of a text as they are found.
pub trait Sink {
    /// A feature: its hash, and the bytes of the text that it was made from.
    fn feature(&mut self, hash: u32, span: Range<usize>);
    /// A token has ended; its features have been given.
    fn token(&mut self, span: Range<usize>);
}

const fn mix(hash: u32, with: u32) -> u32 {
    (hash.rotate_left(5) ^ with).wrapping_mul(0x9E37_79B1)
}

const CHARACTERS: u32 = 0x51ED_270B;
const WORDS: u32 = 0x27D4_EB2F;
const PAIR: u32 = 0x1656_67B1;
const SKIP: u32 = 0x85EB_CA77;
const TRIPLE: u32 = 0xC2B2_AE3D;
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

/// Gives every feature of `text`, which is a detection copy, to `sink`. Linear; allocates nothing.
pub fn read(text: &str, sink: &mut impl Sink) {
    let mut reader = Reader { sink, word: Word::EMPTY, before: [None, None] };
    let mut last = None;
    for (at, c) in text.char_indices() {
        let kind = kind(c);
        match kind {
            Kind::Letter => reader.letter(at, c),
            Kind::Ideograph => {
                reader.end_word();
                reader.token(mix(WORDS, fold(c)), at..at + c.len_utf8());
            }
            Kind::Mark => {
                reader.end_word();
                // A ruler of many equal marks says no more than one of two.
                if last != Some(c) || !text.get(..at).is_some_and(|before| before.ends_with([c, c]) && before.len() > 1)
                {
                    reader.token(mix(WORDS, u32::from(c)), at..at + 1);
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

struct Reader<'s, S> {
    sink: &'s mut S,
    word: Word,
    /// The two tokens before, the nearer first.
    before: [Option<(u32, usize)>; 2],
}

impl<S: Sink> Reader<'_, S> {
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
        let hash = if self.word.overlong {
            mix(WORDS, RUN)
        } else {
            if let Some(edge) = self.word.characters.get_mut(self.word.length) {
                *edge = EDGE;
            }
            let letters = self.word.characters.get(..=self.word.length).unwrap_or_default();
            let sizes = if self.word.wide { 2..=4 } else { 3..=5 };
            for start in 0..letters.len() {
                let mut hash = CHARACTERS;
                for (size, letter) in letters.iter().skip(start).take(*sizes.end()).enumerate() {
                    hash = mix(hash, *letter);
                    if sizes.contains(&(size + 1)) {
                        self.sink.feature(hash, span.clone());
                    }
                }
            }
            letters.iter().fold(WORDS, |hash, letter| mix(hash, *letter))
        };
        self.token(hash, span);
        self.word.length = 1;
        self.word.overlong = false;
        self.word.wide = false;
        self.word.ascii = true;
    }

    fn token(&mut self, hash: u32, span: Range<usize>) {
        self.sink.feature(hash, span.clone());
        if let [Some((near, start)), far] = self.before {
            self.sink.feature(mix(mix(PAIR, near), hash), start..span.end);
            if let Some((far, start)) = far {
                self.sink.feature(mix(mix(SKIP, far), hash), start..span.end);
                self.sink.feature(mix(mix(mix(TRIPLE, far), near), hash), start..span.end);
            }
        }
        self.before = [Some((hash, span.start)), self.before[0]];
        self.sink.token(span);
    }
}
