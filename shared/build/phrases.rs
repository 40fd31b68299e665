//! Compiles each pattern over words into a small automaton of its own.
//!
//! Together they would multiply each other's states. Apart they are a few hundred bytes each, and at any word all but a few
//! are in their first state, from which the word and the next one do not lead: those cost nothing.

use std::collections::{BTreeMap, BTreeSet};

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

/// Set in a successor: a match ends there.
const ENDS: u8 = 1 << 7;
/// A bit for each phrase.
type Set = [u64; 4];

/// A pattern over words, spelled over columns: symbols of which it knows no difference share one.
pub(crate) struct Pattern {
    pub(crate) spelled: String,
    /// The column of each symbol.
    pub(crate) columns: Vec<u8>,
}

/// An automaton over columns. State 0 is the first.
struct Phrase {
    width: usize,
    next: Vec<u8>,
}

impl Phrase {
    /// Where a column leads from a state.
    fn next(&self, state: u8, column: u8) -> u8 {
        let place = usize::from(state & !ENDS) * self.width + usize::from(column);
        self.next.get(place).copied().unwrap_or_default()
    }
}

/// The automata of all patterns, as Rust, and how many bytes they are in the binary.
#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn spell(patterns: &[Pattern], symbols: usize) -> (String, usize) {
    let compiled: Vec<Phrase> = patterns.iter().map(compile).collect();
    let (mut phrases, mut next, mut columns) = (Vec::new(), Vec::<u8>::new(), Vec::new());
    for Phrase { width, next: own } in &compiled {
        phrases.push((next.len(), u8::try_from(*width).expect("few columns")));
        next.extend(own);
    }
    let mut begins = vec![Set::default(); symbols];
    let mut goes_on = vec![Set::default(); symbols];
    let mut completes = vec![Set::default(); symbols];
    let mut alone = Set::default();
    for (number, (pattern, phrase)) in patterns.iter().zip(&compiled).enumerate() {
        let add = |set: &mut Set| {
            *set.get_mut(number / 64).expect("at most 256 phrases") |= 1 << (number % 64);
        };
        let firsts: BTreeSet<u8> = pattern.columns.iter().map(|column| phrase.next(0, *column)).collect();
        if firsts.iter().any(|first| first & ENDS != 0) {
            add(&mut alone);
        }
        let last: BTreeSet<u8> = (0..phrase.width)
            .filter(|column| phrase.next.iter().skip(*column).step_by(phrase.width).any(|next| next & ENDS != 0))
            .filter_map(|column| u8::try_from(column).ok())
            .collect();
        let sets = begins.iter_mut().zip(&mut goes_on).zip(&mut completes);
        for (column, ((begins, goes_on), completes)) in pattern.columns.iter().zip(sets) {
            if last.contains(column) {
                add(completes);
            }
            if phrase.next(0, *column) != 0 {
                add(begins);
            }
            let leads_on = |first: &u8| first & ENDS != 0 || phrase.next(*first, *column) != 0;
            if firsts.iter().filter(|first| **first != 0).any(leads_on) {
                add(goes_on);
            }
        }
    }
    for symbol in 0..symbols {
        columns.extend(patterns.iter().map(|pattern| pattern.columns.get(symbol).copied().unwrap_or_default()));
    }
    let bytes = columns.len() + 8 * phrases.len() + next.len() + (3 * symbols + 1) * size_of::<Set>();
    let spelled = format!(
        "Phrases{{columns:&{columns:?},phrases:&{phrases:?},next:&{next:?},begins:&{begins:?},goes_on:&{goes_on:?},completes:&{completes:?},alone:{alone:?}}}"
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
    let mut rows: Vec<Option<Vec<u8>>> = vec![None; blocks];
    for (row, own) in next.iter().zip(&block) {
        let to = |to: &usize| {
            let ends = states.get(*to).is_some_and(|state| ends(*state));
            let number = u8::try_from(*block.get(*to).expect("each state has a block")).ok();
            let Some(number) = number.filter(|number| *number < ENDS) else {
                panic!("`{pattern}` has more than {ENDS} states: let an earlier gap repeat without a count")
            };
            number | if ends { ENDS } else { 0 }
        };
        if let Some(slot) = rows.get_mut(*own) {
            slot.get_or_insert_with(|| row.iter().map(to).collect());
        }
    }
    assert!(block.first() == Some(&0), "the first state is the first block");
    let rows: Vec<Vec<u8>> = rows.into_iter().flatten().collect();
    Phrase { width: usize::from(most) + 1, next: rows.concat() }
}
