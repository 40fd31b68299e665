//! How the automaton over the text is laid out by the build script.
//!
//! The build script reads this file too, so nothing here may depend on the rest of the crate.

/// A state is told by where its successors begin, in so many cells.
pub(crate) const UNIT: usize = 8;
/// Set in a successor: matches end before the byte that led there.
pub(crate) const ENDS: u16 = 1 << 15;
