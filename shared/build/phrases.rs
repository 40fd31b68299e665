//! Compiles each pattern over words into a small automaton of its own.
//!
//! Together they would multiply each other's states. Apart they are a few kilobytes each, and at any word all but a few
//! are in their first state, from which the word does not lead: those cost nothing.

use std::collections::BTreeMap;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

/// Set in a successor: a match ends there.
const ENDS: u16 = 1 << 15;

/// A pattern over words, spelled over columns: symbols of which it knows no difference share one.
pub(crate) struct Pattern {
    pub(crate) spelled: String,
    /// The column of each symbol.
    pub(crate) columns: Vec<u8>,
}

/// An automaton over columns. State 0 is the first.
struct Phrase {
    width: usize,
    next: Vec<u16>,
}

/// The automata of all patterns, as Rust, and how many bytes they are in the binary.
#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn spell(patterns: &[Pattern], symbols: usize) -> (String, usize) {
    let compiled: Vec<Phrase> = patterns.iter().map(compile).collect();
    let (mut phrases, mut next, mut columns) = (Vec::new(), Vec::<u16>::new(), Vec::new());
    for Phrase { width, next: own } in &compiled {
        phrases.push((next.len(), u8::try_from(*width).expect("few columns")));
        next.extend(own);
    }
    let (mut starts, mut starting) = (vec![0], Vec::new());
    for symbol in 0..symbols {
        let own = patterns.iter().map(|pattern| pattern.columns.get(symbol).copied().unwrap_or_default());
        for (number, (column, phrase)) in own.clone().zip(&compiled).enumerate() {
            if phrase.next.get(usize::from(column)).is_some_and(|next| *next != 0) {
                starting.push(u8::try_from(number).expect("at most 256 phrases"));
            }
        }
        columns.extend(own);
        starts.push(u16::try_from(starting.len()).expect("few starts"));
    }
    let bytes = columns.len() + 8 * phrases.len() + 2 * next.len() + 2 * starts.len() + starting.len();
    let spelled = format!(
        "Phrases{{columns:&{columns:?},phrases:&{phrases:?},next:&{next:?},starts:&{starts:?},starting:&{starting:?}}}"
    );
    (spelled, bytes)
}

#[expect(clippy::expect_used, clippy::panic, reason = "a build script reports by failing")]
fn compile(Pattern { spelled: pattern, columns }: &Pattern) -> Phrase {
    let most = columns.iter().copied().max().unwrap_or_default();
    let dfa = dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Unanchored)
                .determinize_size_limit(Some(64 << 20)),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false))
        .build(pattern)
        .unwrap_or_else(|e| panic!("`{pattern}`: {e}"));
    let first = dfa.start_state(&start::Config::new().anchored(Anchored::No)).expect("it was built to be unanchored");
    let ends = |state: StateID| dfa.is_match_state(dfa.next_eoi_state(state));
    // Every state that can be reached, and where each column leads from it.
    let mut numbers: BTreeMap<StateID, usize> = BTreeMap::from([(first, 0)]);
    let mut states = vec![first];
    let mut next: Vec<Vec<usize>> = Vec::new();
    while let Some(state) = states.get(next.len()).copied() {
        let row = (0..=most).map(|column| {
            let to = dfa.next_state(state, column);
            *numbers.entry(to).or_insert_with(|| {
                states.push(to);
                states.len() - 1
            })
        });
        next.push(row.collect());
    }
    // States that nothing further tells apart are one (Moore).
    let mut block: Vec<usize> = states.iter().map(|state| usize::from(ends(*state))).collect();
    let mut blocks = 0;
    loop {
        let mut seen: BTreeMap<(usize, Vec<usize>), usize> = BTreeMap::new();
        let refined: Vec<usize> = next
            .iter()
            .zip(&block)
            .map(|(row, own)| {
                let key = (*own, row.iter().filter_map(|to| block.get(*to).copied()).collect());
                let fresh = seen.len();
                *seen.entry(key).or_insert(fresh)
            })
            .collect();
        block = refined;
        if seen.len() == blocks {
            break;
        }
        blocks = seen.len();
    }
    let mut rows: Vec<Option<Vec<u16>>> = vec![None; blocks];
    for (row, own) in next.iter().zip(&block) {
        let to = |to: &usize| {
            let ends = states.get(*to).is_some_and(|state| ends(*state));
            let number = u16::try_from(*block.get(*to).expect("each state has a block")).expect("few states");
            assert!(number < ENDS, "few states");
            number | if ends { ENDS } else { 0 }
        };
        if let Some(slot) = rows.get_mut(*own) {
            slot.get_or_insert_with(|| row.iter().map(to).collect());
        }
    }
    assert!(block.first() == Some(&0), "the first state is the first block");
    let rows: Vec<Vec<u16>> = rows.into_iter().flatten().collect();
    Phrase { width: usize::from(most) + 1, next: rows.concat() }
}
