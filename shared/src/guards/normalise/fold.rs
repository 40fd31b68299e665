//! The last step: marks off Latin letters, look-alikes read as what they look like, odd white space as plain.

use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

use super::look_alikes::{Likeness, bare, likeness};

/// Where folded text goes, with or without a note of where each character came from.
pub(super) trait Sink {
    fn push(&mut self, c: char, origin: usize);
    fn len(&self) -> usize;
    /// Takes back what was pushed since the length was `from`, appending it to `into`.
    fn take_back(&mut self, from: usize, into: &mut Vec<(char, usize)>);
}

impl Sink for String {
    fn push(&mut self, c: char, _: usize) {
        Self::push(self, c);
    }

    fn len(&self) -> usize {
        Self::len(self)
    }

    fn take_back(&mut self, from: usize, into: &mut Vec<(char, usize)>) {
        into.extend(self.get(from..).unwrap_or_default().chars().map(|c| (c, 0)));
        self.truncate(from);
    }
}

/// A word in the making: letters of Latin, Greek, Cyrillic and Armenian in a row.
#[derive(Default)]
struct Word {
    start: usize,
    latin: bool,
    foreign: bool,
    /// Holds a letter of another script that is not a close look-alike.
    genuine: bool,
}

/// Folds characters of text in NFKC, one after the other.
pub(super) struct Fold<S> {
    sink: S,
    word: Word,
    /// Whether combining marks are dropped: the last character was a Latin letter or of ASCII, or there was none.
    drops: bool,
    scratch: Vec<(char, usize)>,
}

impl Fold<String> {
    /// What [`Self::push`] does character by character, with runs of ASCII and of other scripts copied whole.
    pub(super) fn push_all(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let run = if c.is_ascii() {
                rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len())
            } else {
                rest.find(|c| !stays(c)).unwrap_or(rest.len())
            };
            let (run, behind) = rest.split_at(run);
            if run.is_empty() {
                self.push(c, 0);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
                continue;
            }
            if c.is_ascii() {
                self.push_ascii(run);
            } else {
                self.close();
                self.sink.push_str(run);
                self.word = Word { start: self.sink.len(), ..Word::default() };
                self.drops = self.drops && run.chars().all(joins);
            }
            rest = behind;
        }
    }

    /// A run of ASCII: what stands before its first sign belongs to the word before, what stands behind its last one to
    /// the word after, and the words between are in one script.
    fn push_ascii(&mut self, run: &str) {
        let is_sign = |byte: u8| !byte.is_ascii_alphabetic();
        let (before, rest) = run.split_at(run.bytes().position(is_sign).unwrap_or(run.len()));
        self.word.latin |= !before.is_empty();
        self.sink.push_str(before);
        if !rest.is_empty() {
            self.close();
            self.sink.push_str(rest);
            let behind = rest.bytes().rev().take_while(|byte| !is_sign(*byte)).count();
            self.word = Word { start: self.sink.len() - behind, latin: behind > 0, ..Word::default() };
        }
        self.drops = true;
    }
}

/// Whether `c` is of a script that has neither look-alikes nor marks to drop: it ends a word and stays as it is.
#[inline]
const fn stays(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{167F}' | '\u{1681}'..='\u{1AAF}' | '\u{3000}'..='\u{A6FF}' | '\u{AC00}'..='\u{FE1F}')
}

/// Whether `c` is a mark of its own script that leaves the letter before it open for more: a Latin mark behind it still
/// belongs to that letter, and the next NFKC would move it there.
fn joins(c: char) -> bool {
    CLASSES.get_u8(c) != 0
}

const CLASSES: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();

impl<S: Sink> Fold<S> {
    pub(super) fn new(sink: S) -> Self {
        Self { sink, word: Word::default(), drops: true, scratch: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, c: char, origin: usize) {
        if c.is_ascii() {
            if c.is_ascii_alphabetic() {
                self.latin(c, origin);
            } else {
                self.end(c, origin, true);
            }
        } else {
            self.push_other(c, origin);
        }
    }

    fn push_other(&mut self, c: char, origin: usize) {
        match c {
            _ if stays(c) => {
                self.close();
                self.end(c, origin, self.drops && joins(c));
            }
            '\u{370}'..='\u{58F}' if !is_mark(c) => match likeness(c) {
                Likeness::Other => self.end(c, origin, false),
                Likeness::Plain | Likeness::Loose(_) => {
                    self.word.genuine = true;
                    self.foreign(c, origin);
                }
                Likeness::Close(_) => self.foreign(c, origin),
            },
            '\u{85}' | '\u{2028}' | '\u{2029}' => self.end('\n', origin, true),
            '\u{1680}' => self.end(' ', origin, true),
            '\u{2018}'..='\u{201B}' => self.end('\'', origin, true),
            '\u{201C}'..='\u{201F}' => self.end('"', origin, true),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => self.end('-', origin, true),
            _ if is_mark(c) => {
                if !self.drops {
                    self.sink.push(c, origin);
                }
            }
            _ => match bare(c) {
                Some(plain) => self.latin(plain, origin),
                None => self.end(c, origin, false),
            },
        }
    }

    fn latin(&mut self, c: char, origin: usize) {
        self.word.latin = true;
        self.drops = true;
        self.sink.push(c, origin);
    }

    fn foreign(&mut self, c: char, origin: usize) {
        self.word.foreign = true;
        self.drops = false;
        self.sink.push(c, origin);
    }

    /// Ends a word with a character that belongs to none.
    fn end(&mut self, c: char, origin: usize, drops: bool) {
        self.close();
        self.sink.push(c, origin);
        self.word = Word { start: self.sink.len(), ..Word::default() };
        self.drops = drops;
    }

    /// Reads the look-alikes of the finished word as Latin, if it mixes scripts or is made of close look-alikes alone.
    /// A word in one script is genuine, and stays as it is.
    fn close(&mut self) {
        if !self.word.foreign || (!self.word.latin && self.word.genuine) {
            return;
        }
        self.sink.take_back(self.word.start, &mut self.scratch);
        let mut drops = false;
        for (c, origin) in self.scratch.drain(..) {
            let read = match likeness(c) {
                Likeness::Close(latin) | Likeness::Loose(latin) => char::from(latin),
                Likeness::Other | Likeness::Plain => c,
            };
            if !(drops && is_mark(c)) {
                drops = read.is_ascii_alphabetic();
                self.sink.push(read, origin);
            }
        }
        self.drops = drops;
    }

    pub(super) fn finish(mut self) -> S {
        self.close();
        self.sink
    }
}

/// Combining marks that are laid over letters of any script.
const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_fold_as_their_characters_do_one_by_one(
            pieces in proptest::collection::vec(
                prop_oneof![
                    "[a-zA-Z]{1,4}", "[ -/]{1,3}", "[а-яё]{1,4}", "[оеарс]{1,3}", "[α-ω]{1,3}", "[一-三]{1,3}", "[가-각]{1,2}",
                    "[ऀ-ॿ]{1,3}", "[\u{5B0}\u{3099}]", "[\u{301}\u{308}\u{20DD}]{1,2}", "[“”‘’–—\u{A0}]", "[éüßıø]{1,2}",
                    any::<char>().prop_map(String::from),
                ],
                0..12,
            )
        ) {
            let text = pieces.concat();
            let mut runs = Fold::new(String::new());
            runs.push_all(&text);
            let mut characters = Fold::new(String::new());
            text.chars().for_each(|c| characters.push(c, 0));
            prop_assert_eq!(runs.finish(), characters.finish());
        }
    }
}
