//! The patterns over words, each with an automaton of its own.

/// Automata over columns, as the build script lays them out: symbols of which a pattern knows no difference share one of
/// its columns. State 0 of each is its first.
struct Phrases {
    /// The column of each symbol in each phrase, symbol by symbol.
    columns: &'static [u8],
    /// Where each phrase's successors begin, and how many columns it has.
    phrases: &'static [(u32, u8)],
    /// Where each column leads from each state, phrase by phrase; [`ENDS`] is set where a match ends.
    next: &'static [u8],
    /// The phrases that each symbol leads out of their first state.
    begins: &'static [Set],
    /// The phrases that each symbol can lead on, once the one before it has led them out of their first state.
    goes_on: &'static [Set],
    /// The phrases of which each symbol can be the last.
    completes: &'static [Set],
    /// The phrases of which one symbol is a match.
    alone: Set,
}

/// A bit for each phrase.
type Set = [u64; 4];

/// Set in a successor: a match ends there.
const ENDS: u8 = 1 << 7;

static ALL: Phrases = include!(concat!(env!("OUT_DIR"), "/signatures.phrases"));

impl Phrases {
    /// The columns of a symbol.
    #[inline]
    fn columns(&self, symbol: u16) -> &'static [u8] {
        let (at, phrases) = (usize::from(symbol), self.phrases.len());
        self.columns.get(at * phrases..(at + 1) * phrases).unwrap_or_default()
    }

    /// The phrases that a symbol leads out of their first state, and that the symbol behind it does not lead straight back.
    #[inline]
    fn begin(&self, symbol: u16, behind: Option<u16>) -> Set {
        let begins = self.begins.get(usize::from(symbol)).copied().unwrap_or_default();
        let goes_on = behind.and_then(|behind| self.goes_on.get(usize::from(behind))).unwrap_or(&self.alone);
        and(begins, *goes_on)
    }

    /// The phrases that may be met in these symbols: any other would have no end.
    fn possible(&self, symbols: &[u16]) -> Set {
        let sets = symbols.iter().filter_map(|symbol| self.completes.get(usize::from(*symbol)));
        sets.fold(Set::default(), |[a, b, c, d], [e, f, g, h]| [a | e, b | f, c | g, d | h])
    }
}

#[inline]
fn and([a, b, c, d]: Set, [e, f, g, h]: Set) -> Set {
    [a & e, b & f, c & g, d & h]
}

/// A phrase that is beyond its first state, and in which.
#[derive(Clone, Copy)]
struct Active {
    phrase: u8,
    state: u8,
}

/// Calls `found` with the number of a phrase and how many symbols stand before the end of a match of it, for every phrase
/// and every end, by end.
pub(super) fn ends(symbols: &[u16], mut found: impl FnMut(usize, usize)) {
    let mut active: Vec<Active> = Vec::with_capacity(ALL.phrases.len());
    let mut idle = ALL.possible(symbols);
    let mut behind = symbols.iter().copied().skip(1);
    for (at, symbol) in symbols.iter().enumerate() {
        let begin = and(ALL.begin(*symbol, behind.next()), idle);
        for (word, (mut bits, idle)) in begin.into_iter().zip(&mut idle).enumerate() {
            *idle &= !bits;
            while bits != 0 {
                #[expect(clippy::cast_possible_truncation, reason = "at most 256 phrases")]
                let phrase = (word as u32 * u64::BITS + bits.trailing_zeros()) as u8;
                active.push(Active { phrase, state: 0 });
                bits &= bits - 1;
            }
        }
        if active.is_empty() {
            continue;
        }
        let columns = ALL.columns(*symbol);
        active.retain_mut(|Active { phrase, state }| {
            let number = usize::from(*phrase);
            let column = columns.get(number).copied().unwrap_or_default();
            let (first, width) = ALL.phrases.get(number).copied().unwrap_or_default();
            let place = first as usize + usize::from(*state) * usize::from(width) + usize::from(column);
            let next = ALL.next.get(place).copied().unwrap_or_default();
            if next & ENDS != 0 {
                found(number, at + 1);
            }
            *state = next & !ENDS;
            if *state == 0
                && let Some(idle) = idle.get_mut(number / 64)
            {
                *idle |= 1 << (number % 64);
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
        + ALL.next.len()
        + size_of_val(ALL.begins)
        + size_of_val(ALL.goes_on)
        + size_of_val(ALL.completes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guards::words::Words;

    /// What each automaton finds that is led by every symbol from the first on, by end.
    fn one_by_one(symbols: &[u16]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (number, (first, width)) in ALL.phrases.iter().enumerate() {
            let mut state = 0;
            for (at, column) in columns(number, symbols).into_iter().enumerate() {
                let next = ALL.next[*first as usize + state * usize::from(*width) + usize::from(column)];
                if next & ENDS != 0 {
                    found.push((at + 1, number));
                }
                state = usize::from(next & !ENDS);
            }
        }
        found.sort_unstable();
        found
    }

    fn together(symbols: &[u16]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        ends(symbols, |phrase, end| found.push((end, phrase)));
        assert!(found.is_sorted_by_key(|(end, _)| *end), "by end");
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn phrases_that_wait_for_their_words_find_what_each_finds_alone(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "ignore", "all", "previous", "instructions", "your", "rules", "above", "and", "reveal", "the", "system",
                    "prompt", "repeat", "word for word", "you", "are", "now", "in", "developer", "mode", "without", "limits",
                    "act", "as", "dan", "do", "anything", "told", "at", "start", "before", "this", "message", ".", ":", "not",
                    "must", "refuse", "answer", "only", "password", "is", "of", "other", "user", "data", "zebra", "i", "am",
                    "owner", "from", "training", "code", "to", "ai", "enter", "what", "secret", "forget", "everything",
                ]),
                0..60,
            )
        ) {
            let words = Words::of(&words.join(" "));
            prop_assert_eq!(together(words.symbols()), one_by_one(words.symbols()));
        }
    }
}
