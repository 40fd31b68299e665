//! The patterns over the text, in one automaton.

mod layout;

use layout::{ENDS, UNIT};

/// The automaton, but for where it leads.
struct Automaton {
    /// The column of each byte: bytes of which no pattern knows a difference share one.
    classes: [u8; 256],
    /// The column of the end of the text.
    end: u8,
    /// Which patterns match in each state that a match ends in, by state.
    ends: &'static [(u16, u16)],
}

static AUTOMATON: Automaton = include!(concat!(env!("OUT_DIR"), "/signatures.text"));

/// Where each column leads from each state, two bytes each. State 0 is the first.
static CELLS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/signatures.cells"));

/// Calls `found` with the number of a pattern and the offset where a match of it ends, for every pattern and every end, by
/// end.
pub(super) fn ends(text: &str, mut found: impl FnMut(usize, usize)) {
    let (cells, _) = CELLS.as_chunks();
    let next = |state: u16, column: u8| {
        let cell = cells.get(usize::from(state) * UNIT + usize::from(column));
        cell.map_or(0, |cell| u16::from_le_bytes(*cell))
    };
    let mut told = |state: u16, end: usize| {
        let first = AUTOMATON.ends.partition_point(|(other, _)| *other < state);
        let patterns = AUTOMATON.ends.get(first..).unwrap_or_default().iter().take_while(|(other, _)| *other == state);
        patterns.for_each(|(_, pattern)| found(usize::from(*pattern), end));
    };
    let mut state = 0;
    for (at, byte) in text.bytes().enumerate() {
        state = next(state, AUTOMATON.classes.get(usize::from(byte)).copied().unwrap_or_default());
        if state & ENDS != 0 {
            state &= !ENDS;
            told(state, at);
        }
    }
    let last = next(state, AUTOMATON.end);
    if last & ENDS != 0 {
        told(last & !ENDS, text.len());
    }
}

/// What the automaton takes in the binary.
#[cfg(test)]
pub(super) fn bytes() -> usize {
    CELLS.len() + size_of::<Automaton>() + size_of_val(AUTOMATON.ends)
}
