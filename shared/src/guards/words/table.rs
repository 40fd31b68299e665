//! How the vocabulary is laid out: one open hash table of fingerprints, made by the build script.
//!
//! The build script reads this file too, so nothing here may depend on the rest of the crate.

/// How far from its place an entry may lie.
pub(crate) const STEPS: usize = 64;
/// How many places there are for the first slot of an entry: two thirds more than entries.
const PLACES: usize = 7 << 13;
/// Slots of the table.
pub(crate) const SLOTS: usize = PLACES + STEPS;
/// A slot: three bytes of fingerprint, two of symbol. A symbol of 0 is an empty slot. Of ten million words that are not in
/// the table a few are taken for one that is.
pub(crate) const SLOT: usize = 5;
/// The longest entry in bytes; longer words are of no class.
pub(crate) const LONGEST: usize = 48;
/// The most words of a phrase.
pub(crate) const PHRASE: usize = 4;
/// The shortest stem in bytes.
pub(crate) const SHORTEST_STEM: usize = 4;

/// How many masks tell which stems there are, by their first [`SHORTEST_STEM`] bytes; a power of two.
pub(crate) const STEMS: usize = 1 << 11;
/// The longest stem that has a bit of its own in them: longer ones share its.
const LONGEST_MASKED: usize = SHORTEST_STEM + 15;

/// The bit of a mask for the stems of so many bytes.
#[inline]
pub(crate) const fn mask(bytes: usize) -> u16 {
    1 << (if bytes < LONGEST_MASKED { bytes } else { LONGEST_MASKED } - SHORTEST_STEM)
}

/// From how many bytes on a mask tells which words there are that begin so.
pub(crate) const BEGINNING: usize = 3;
/// How many such masks there are; a power of two.
pub(crate) const BEGINNINGS: usize = 1 << 12;

/// The bit of such a mask for the words of so many bytes; those of eighteen and more share one.
#[inline]
pub(crate) const fn word_mask(bytes: usize) -> u16 {
    1 << (if bytes < BEGINNING + 15 { bytes - BEGINNING } else { 15 })
}

/// Stands for a word of no class.
pub(crate) const OTHER: u16 = 1;
/// The end of a sentence.
pub(crate) const STOP: u16 = 2;
/// A colon.
pub(crate) const COLON: u16 = 3;
/// What a word means to the model whose classes are all there for the rules alone.
pub(crate) const UNKNOWN: u32 = u32::MAX;
/// In the table: the beginning of a phrase, or of an entry of a script without spaces, and no entry itself.
pub(crate) const PREFIX: u16 = 4;
/// Set in a symbol of the table: phrases begin with this word.
pub(crate) const BEGINS: u16 = 1 << 15;
/// The first symbol of a set of classes.
pub(crate) const FIRST: u16 = 5;

/// What an entry is looked up as.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A whole word.
    Word = 1,
    /// The beginning of a word.
    Stem = 2,
    /// Characters of a script without spaces.
    Segment = 3,
    /// Two words or more, with a space between each and the next.
    Phrase = 4,
}

/// A hash in the making (FNV-1a, 64 bits, seeded by the kind).
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    #[inline]
    pub(crate) const fn with(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01B3))
    }

    /// The number of the mask for stems of which this is the beginning.
    #[inline]
    pub(crate) const fn mask(self) -> usize {
        (self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % STEMS
    }

    /// The number of the mask for words of which this is the beginning.
    #[inline]
    pub(crate) const fn word_mask(self) -> usize {
        (self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % BEGINNINGS
    }

    /// Where to begin to look, and for which fingerprint.
    #[inline]
    pub(crate) const fn place(self, kind: Kind) -> (usize, [u8; 3]) {
        let mixed = (self.0 ^ kind as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let [a, b, c, ..] = mixed.to_be_bytes();
        let folded = (mixed ^ (mixed >> 32)) & 0xFFFF_FFFF;
        ((folded as usize * PLACES) >> 32, [a, b, c])
    }
}
