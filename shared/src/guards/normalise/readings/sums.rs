//! Words by the sum of their letters' values, which is that of any shuffling of them: how the build script lays them out.
//!
//! The build script reads this file too, so nothing here may depend on the rest of the crate.

/// From how many letters a shuffled word is put right; a shorter one is too easily another word.
pub(crate) const SHORTEST: usize = 5;
/// Up to how many.
pub(crate) const LONGEST: usize = 16;
/// How many lists the words are in, by the lower bits of their sums; a power of two.
pub(crate) const LISTS: usize = 1 << 11;
/// How many words of 64 bits tell which sums there are.
pub(crate) const BITS: usize = 1 << 10;

/// A letter's value, lower or upper case alike, and in the upper half that of the letter thirteen on; 0 for what is none.
/// Sums of [`LONGEST`] do not run over.
static VALUES: [u64; 256] = {
    let mut values = [0; 256];
    let mut at = 0;
    while at < 26 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            values[b'a' as usize + at] = scattered(at) | scattered((at + 13) % 26) << 32;
            values[b'A' as usize + at] = values[b'a' as usize + at];
        }
        at += 1;
    }
    values
};

/// Some 27 bits for a letter, such that sums of other letters are seldom the same.
const fn scattered(letter: usize) -> u64 {
    (letter as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 37
}

/// What a letter of ASCII adds to its word's sum; 0 for what is none.
#[inline]
pub(crate) fn value(letter: u8) -> u64 {
    VALUES.get(usize::from(letter)).copied().unwrap_or_default()
}

/// The list that a word with this sum is in.
#[inline]
pub(crate) const fn list(sum: u32) -> usize {
    sum as usize % LISTS
}

/// Which bit of which word tells that there may be a sum.
#[inline]
pub(crate) const fn bit(sum: u32) -> (usize, u64) {
    (sum as usize / 64 % BITS, 1 << (sum % 64))
}
