//! The patterns over words, each with an automaton of its own.

/// An automaton over columns, as the build script lays it out. State 0 is the first.
struct Phrase {
    /// The column of each symbol: symbols of which the pattern knows no difference share one.
    columns: &'static [u8],
    width: usize,
    /// Where each column leads from each state; [`ENDS`] is set where a match ends.
    next: &'static [u16],
}

/// Set in a successor: a match ends there.
const ENDS: u16 = 1 << 15;

/// The automata, and for each symbol those that it leads out of their first state.
static ALL: (&[Phrase], &[&[u8]]) = include!(concat!(env!("OUT_DIR"), "/signatures.phrases"));

/// Calls `found` with the number of a phrase and how many symbols stand before the end of a match of it, for every phrase
/// and every end, by end.
pub(super) fn ends(symbols: &[u16], mut found: impl FnMut(usize, usize)) {
    let (phrases, starts) = ALL;
    let mut states = vec![0_u16; phrases.len()];
    let mut active: Vec<u8> = Vec::with_capacity(phrases.len());
    for (at, symbol) in symbols.iter().enumerate() {
        for starting in starts.get(usize::from(*symbol)).copied().unwrap_or_default() {
            if states.get(usize::from(*starting)) == Some(&0) {
                active.push(*starting);
            }
        }
        active.retain(|number| {
            let number = usize::from(*number);
            let (Some(phrase), Some(state)) = (phrases.get(number), states.get_mut(number)) else { return false };
            let column = phrase.columns.get(usize::from(*symbol)).copied().unwrap_or_default();
            let next =
                phrase.next.get(usize::from(*state) * phrase.width + usize::from(column)).copied().unwrap_or_default();
            if next & ENDS != 0 {
                found(number, at + 1);
            }
            *state = next & !ENDS;
            *state != 0
        });
    }
}

/// The columns that symbols have in a phrase.
pub(super) fn columns(phrase: usize, symbols: &[u16]) -> Vec<u8> {
    let (phrases, _) = ALL;
    let columns = phrases.get(phrase).map_or(&[][..], |phrase| phrase.columns);
    symbols.iter().map(|symbol| columns.get(usize::from(*symbol)).copied().unwrap_or_default()).collect()
}

/// What the automata take in the binary.
#[cfg(test)]
pub(super) fn bytes() -> usize {
    ALL.0.iter().map(|phrase| phrase.columns.len() + 2 * phrase.next.len()).sum()
}
