//! Lays the vocabulary out as a hash table, and gives each set of classes that some word has a symbol of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[path = "../src/guards/normalise/readings/sums.rs"]
mod sums;
#[path = "../src/guards/words/table.rs"]
mod table;
#[path = "../src/guards/words/vocabulary.rs"]
mod vocabulary;

pub(crate) use table::{COLON, OTHER, STOP};
use table::{Hash, Kind};

/// Words of other languages, by the English word whose classes they share.
const TONGUES: &str = include_str!("../src/guards/words/tongues.txt");

type Classes = BTreeSet<&'static str>;

/// The symbols of each class.
pub(crate) struct Symbols {
    pub(crate) of_class: BTreeMap<&'static str, BTreeSet<u16>>,
    /// How many there are, with those that stand for no word.
    pub(crate) count: usize,
}

/// What is looked up, by what it is looked up as.
#[derive(Default)]
struct Entries {
    words: BTreeMap<String, Classes>,
    stems: BTreeMap<String, Classes>,
    segments: BTreeMap<String, Classes>,
    phrases: BTreeMap<String, Classes>,
}

impl Entries {
    #[expect(clippy::panic, reason = "a build script reports by failing")]
    fn of(&mut self, entry: &str) -> &mut Classes {
        let odd = |c: char| !(c.is_alphanumeric() || c == ' ' || ('\u{900}'..='\u{EFF}').contains(&c));
        let entry = entry.replace('_', " ");
        let stem = entry.strip_suffix('*');
        let bare = stem.unwrap_or(&entry);
        let short = stem.is_some_and(|stem| stem.len() < table::SHORTEST_STEM);
        let long = bare.split(' ').any(|word| word.len() > table::LONGEST) || bare.split(' ').count() > table::PHRASE;
        if bare.contains(odd) || long || short || stem.is_some_and(|stem| stem.contains(' ')) {
            panic!("vocabulary: `{entry}` cannot be looked up");
        }
        let kind = match stem {
            _ if bare.starts_with(is_unspaced) => &mut self.segments,
            _ if bare.contains(' ') => &mut self.phrases,
            Some(_) => &mut self.stems,
            None => &mut self.words,
        };
        kind.entry(bare.to_owned()).or_default()
    }
}

/// Every entry with its classes: those of the vocabulary, and the words of other languages, which have the classes of the
/// English word that they stand for.
#[expect(clippy::panic, reason = "a build script reports by failing")]
fn entries() -> Entries {
    let mut all = Entries::default();
    for (class, entries) in vocabulary::CLASSES {
        for entry in entries.split_whitespace() {
            all.of(entry).insert(*class);
        }
    }
    let english = all.words.clone();
    let mut wrong = Vec::new();
    for line in TONGUES.lines().filter(|line| !line.starts_with('%') && !line.is_empty()) {
        let (like, entries) = line.split_once(": ").unwrap_or_else(|| panic!("`{line}` is not `word: entries`"));
        let classes = english.get(like).unwrap_or_else(|| panic!("`{like}` is not in the vocabulary"));
        for entry in entries.split_whitespace() {
            let own = all.of(entry);
            if own.is_empty() {
                own.clone_from(classes);
            } else if own != classes {
                wrong.push(format!("{like}: {entry} ({own:?} and {classes:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "words that are to be of two kinds:\n{}", wrong.join("\n"));
    all
}

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn build(out: &Path) -> Symbols {
    let Entries { mut words, mut stems, segments, phrases } = entries();
    // A word that phrases begin with is an entry, of no class unless it has some by itself.
    let spaces = |phrase: &str| phrase.match_indices(' ').map(|(at, _)| at).collect::<Vec<_>>();
    let begins: BTreeSet<&str> = phrases.keys().filter_map(|phrase| phrase.split(' ').next()).collect();
    for begin in &begins {
        words.entry((*begin).to_owned()).or_default();
    }
    // A whole word wins over a stem, so it has the stem's classes too.
    for (word, classes) in &mut words {
        classes.extend(stems.iter().filter(|(stem, _)| word.starts_with(*stem)).flat_map(|(_, more)| more));
    }
    let longer = stems.clone();
    for (stem, classes) in &mut stems {
        let shorter = longer.iter().filter(|(other, _)| stem.starts_with(*other));
        classes.extend(shorter.flat_map(|(_, more)| more));
    }
    let kinds = [(Kind::Word, &words), (Kind::Stem, &stems), (Kind::Segment, &segments), (Kind::Phrase, &phrases)];
    let all = kinds.iter().flat_map(|(_, entries)| entries.values());
    let sets: BTreeSet<&Classes> = all.filter(|classes| !classes.is_empty()).collect();
    let numbers: BTreeMap<&Classes, u16> = sets
        .iter()
        .enumerate()
        .map(|(at, set)| {
            let number = u16::try_from(at + usize::from(table::FIRST));
            (*set, number.expect("fewer sets of classes than two bytes can count"))
        })
        .collect();
    let count = numbers.len() + usize::from(table::FIRST);
    let mut slots = vec![0; table::SLOTS * table::SLOT];
    let mut put = |kind, text: &str, symbol, begins| insert(&mut slots, kind, text, symbol, begins);
    for (kind, entries) in kinds {
        for (entry, classes) in entries {
            let begins = matches!(kind, Kind::Word) && begins.contains(entry.as_str());
            put(kind, entry, numbers.get(classes).copied().unwrap_or(OTHER), begins);
        }
    }
    let beginnings: BTreeSet<&str> = segments
        .keys()
        .flat_map(|segment| segment.char_indices().skip(1).filter_map(|(at, _)| segment.get(..at)))
        .filter(|beginning| !segments.contains_key(*beginning))
        .collect();
    beginnings.into_iter().for_each(|beginning| put(Kind::Segment, beginning, table::PREFIX, false));
    let beginnings: BTreeSet<&str> = phrases
        .keys()
        .flat_map(|phrase| spaces(phrase).into_iter().skip(1).filter_map(|at| phrase.get(..at)))
        .filter(|beginning| !phrases.contains_key(*beginning))
        .collect();
    beginnings.into_iter().for_each(|beginning| put(Kind::Phrase, beginning, table::PREFIX, false));
    std::fs::write(out.join("words.stems"), masks(stems.keys())).expect("OUT_DIR can be written to");
    std::fs::write(out.join("words.beginnings"), beginnings_of(words.keys())).expect("OUT_DIR can be written to");
    std::fs::write(out.join("letters.sums"), summed()).expect("OUT_DIR can be written to");
    std::fs::write(out.join("words.table"), &slots).expect("OUT_DIR can be written to");
    let mut subjects = vec![0_u8; count];
    let mut of_class: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for (classes, number) in &numbers {
        for class in *classes {
            of_class.entry(class).or_default().insert(*number);
            if let Some(bits) = subjects.get_mut(usize::from(*number)) {
                *bits |= TALK.iter().position(|talk| talk == class).map_or(0, |bit| 1 << bit);
            }
        }
    }
    assert!(TALK.iter().all(|talk| of_class.contains_key(talk)), "a subject without words");
    std::fs::write(out.join("words.subjects"), subjects).expect("OUT_DIR can be written to");
    let mut meanings = vec![0_u8; count * 4];
    for (classes, number) in &numbers {
        let at = usize::from(*number) * 4;
        meanings.get_mut(at..at + 4).expect("within the table").copy_from_slice(&meaning(classes).to_le_bytes());
    }
    std::fs::write(out.join("words.meanings"), meanings).expect("OUT_DIR can be written to");
    Symbols { of_class, count }
}

/// Which lengths the stems have that begin alike, as bits.
fn masks<'s>(stems: impl Iterator<Item = &'s String>) -> Vec<u8> {
    let mut masks = vec![0_u16; table::STEMS];
    for stem in stems {
        let begins = stem.bytes().take(table::SHORTEST_STEM).fold(Hash::new(), Hash::with);
        if let Some(mask) = masks.get_mut(begins.mask()) {
            *mask |= table::mask(stem.len());
        }
    }
    masks.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// Which lengths the words have that begin alike, as bits.
fn beginnings_of<'s>(words: impl Iterator<Item = &'s String>) -> Vec<u8> {
    let mut masks = vec![0_u16; table::BEGINNINGS];
    for word in words.filter(|word| word.len() >= table::BEGINNING) {
        let begins = word.bytes().take(table::BEGINNING).fold(Hash::new(), Hash::with);
        if let Some(mask) = masks.get_mut(begins.word_mask()) {
            *mask |= table::word_mask(word.len());
        }
    }
    masks.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// The vocabulary's words of ASCII letters only, by the sums of their letters, as Rust.
#[expect(clippy::expect_used, reason = "a build script reports by failing")]
fn summed() -> String {
    let entries = vocabulary::CLASSES.iter().flat_map(|(_, entries)| entries.split_whitespace());
    let plain = entries.filter(|entry| entry.bytes().all(|byte| byte.is_ascii_lowercase()));
    let words = plain.filter(|word| (sums::SHORTEST..=sums::LONGEST).contains(&word.len()));
    let words: BTreeSet<(usize, u32, &str)> = words
        .map(|word| {
            let sum = word.bytes().map(sums::value).fold(0, u64::wrapping_add);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half is the sum")]
            let sum = sum as u32;
            (sums::list(sum), sum, word)
        })
        .collect();
    let mut bits = vec![0_u64; sums::BITS];
    let mut lists = vec![0_u16; sums::LISTS + 1];
    let (mut listed, mut letters) = (Vec::new(), String::new());
    for (list, sum, word) in words {
        let (at, bit) = sums::bit(sum);
        *bits.get_mut(at).expect("within the bits") |= bit;
        let at = u16::try_from(letters.len()).expect("fewer letters than two bytes can count");
        listed.push((sum, at, u8::try_from(word.len()).expect("short words")));
        letters.push_str(word);
        let end = u16::try_from(listed.len()).expect("fewer words than two bytes can count");
        lists.iter_mut().skip(list + 1).for_each(|after| *after = end);
    }
    format!("Sums{{bits:{bits:?},lists:{lists:?},words:&{listed:?},letters:{letters:?}}}")
}

/// What a symbol is to the statistical model: a number made from the names of its classes, so that a further class
/// somewhere else changes nothing. Words that only join others mean nothing, which is 0. A class whose name ends with `_`
/// is there for the rules alone.
fn meaning(classes: &Classes) -> u32 {
    let classes: Vec<&str> = classes.iter().copied().filter(|class| !class.ends_with('_')).collect();
    if classes.is_empty() {
        return table::UNKNOWN;
    }
    if classes.iter().all(|class| matches!(*class, "fill" | "link")) {
        return 0;
    }
    let bytes = classes.iter().flat_map(|class| class.bytes().chain([b' ']));
    bytes.fold(0x811C_9DC5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).max(1)
}

/// The classes whose words tell what a text is about.
const TALK: [&str; 8] = [
    "talk_adversarial",
    "talk_attack",
    "talk_defence",
    "talk_flaw",
    "talk_injection",
    "talk_jailbreak",
    "talk_llm",
    "talk_research",
];

#[expect(clippy::expect_used, clippy::panic, reason = "a build script reports by failing")]
fn insert(slots: &mut [u8], kind: Kind, text: &str, symbol: u16, begins: bool) {
    let (first, fingerprint) = text.bytes().fold(Hash::new(), Hash::with).place(kind);
    for step in 0..table::STEPS {
        let at = (first + step) * table::SLOT;
        let slot = slots.get_mut(at..at + table::SLOT).expect("within the table");
        let (mark, taken) = slot.split_at_mut(fingerprint.len());
        if taken.iter().all(|byte| *byte == 0) {
            mark.copy_from_slice(&fingerprint);
            taken.copy_from_slice(&(symbol | if begins { table::BEGINS } else { 0 }).to_le_bytes());
            return;
        }
        assert!(*mark != fingerprint, "two entries with one fingerprint: `{text}`");
    }
    panic!("the vocabulary's table is too full: it needs more places");
}

/// Whether `c` belongs to a script written without spaces: Thai, Lao, kana, Han.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E01}'..='\u{EDF}' | '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}')
}
