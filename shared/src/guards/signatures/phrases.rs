//! The patterns over words, each with an automaton of its own.

/// Automata over columns, as the build script lays them out: symbols of which a pattern knows no difference share one of
/// its columns. State 0 of each is its first.
struct Phrases {
    /// The column of each symbol in each phrase, symbol by symbol.
    columns: &'static [u8],
    /// Where each phrase's successors begin, and how many columns it has.
    phrases: &'static [(u32, u8)],
    /// Where each column leads from each state, phrase by phrase; [`ENDS`] is set where a match ends.
    next: &'static [u16],
    /// Where each symbol's phrases begin among `starting`, and where the last's end.
    starts: &'static [u16],
    /// The phrases that a symbol leads out of their first state.
    starting: &'static [u8],
}

/// Set in a successor: a match ends there.
const ENDS: u16 = 1 << 15;

static ALL: Phrases = include!(concat!(env!("OUT_DIR"), "/signatures.phrases"));

impl Phrases {
    /// The columns of a symbol.
    #[inline]
    fn columns(&self, symbol: u16) -> &'static [u8] {
        let (at, phrases) = (usize::from(symbol), self.phrases.len());
        self.columns.get(at * phrases..(at + 1) * phrases).unwrap_or_default()
    }

    /// The phrases that a symbol leads out of their first state.
    #[inline]
    fn starting(&self, symbol: u16) -> &'static [u8] {
        let ends = |at: usize| self.starts.get(at).copied().map_or(0, usize::from);
        let at = usize::from(symbol);
        self.starting.get(ends(at)..ends(at + 1)).unwrap_or_default()
    }
}

/// Calls `found` with the number of a phrase and how many symbols stand before the end of a match of it, for every phrase
/// and every end, by end.
pub(super) fn ends(symbols: &[u16], mut found: impl FnMut(usize, usize)) {
    // Which phrases are beyond their first state, and in which.
    let mut active: Vec<(u8, u16)> = Vec::with_capacity(ALL.phrases.len());
    let mut is_active = [false; 1 << 8];
    for (at, symbol) in symbols.iter().enumerate() {
        for starting in ALL.starting(*symbol) {
            if let Some(is_active) = is_active.get_mut(usize::from(*starting)).filter(|active| !**active) {
                *is_active = true;
                active.push((*starting, 0));
            }
        }
        if active.is_empty() {
            continue;
        }
        let columns = ALL.columns(*symbol);
        active.retain_mut(|(number, state)| {
            let phrase = usize::from(*number);
            let column = columns.get(phrase).copied().unwrap_or_default();
            let (first, width) = ALL.phrases.get(phrase).copied().unwrap_or_default();
            let place = first as usize + usize::from(*state) * usize::from(width) + usize::from(column);
            let next = ALL.next.get(place).copied().unwrap_or_default();
            if next & ENDS != 0 {
                found(phrase, at + 1);
            }
            *state = next & !ENDS;
            if let Some(is_active) = is_active.get_mut(phrase) {
                *is_active = *state != 0;
            }
            *state != 0
        });
    }
}

/// The columns that symbols have in a phrase.
pub(super) fn columns(phrase: usize, symbols: &[u16]) -> Vec<u8> {
    symbols.iter().map(|symbol| ALL.columns(*symbol).get(phrase).copied().unwrap_or_default()).collect()
}

/// What the automata take in the binary.
#[cfg(test)]
pub(super) fn bytes() -> usize {
    size_of_val(ALL.columns)
        + size_of_val(ALL.phrases)
        + size_of_val(ALL.next)
        + size_of_val(ALL.starts)
        + ALL.starting.len()
}
