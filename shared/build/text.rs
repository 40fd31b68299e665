//! Compiles the patterns over the text into one automaton, dense and unanchored: a byte costs one look-up whatever the text,
//! so no text is slower than another.
//!
//! It is laid out so that nothing has to be checked or made when it is first used, and small: bytes of which no pattern
//! knows a difference share a column.

use std::collections::BTreeMap;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

#[path = "../src/guards/signatures/text/layout.rs"]
mod layout;

/// More than this and some pattern blows the automaton up, as counted gaps do: mend the pattern instead.
const MOST_BYTES: usize = 16 << 20;

/// What the guard includes: the automaton but for its successors, as Rust; and those, two bytes each, little-endian.
#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn compile(patterns: &[String]) -> (String, Vec<u8>) {
    let dfa = dense(patterns);
    let first = dfa.start_state(&start::Config::new().anchored(Anchored::No)).expect("it was built to be unanchored");
    // Every state that can be reached, and where each byte leads from it; the last column is for the end of the text.
    let mut numbers: BTreeMap<StateID, usize> = BTreeMap::from([(first, 0)]);
    let mut states = vec![first];
    let mut next: Vec<Vec<usize>> = Vec::new();
    while let Some(state) = states.get(next.len()).copied() {
        let bytes = (0..=u8::MAX).map(|byte| dfa.next_state(state, byte));
        let row = bytes.chain([dfa.next_eoi_state(state)]).map(|to| {
            *numbers.entry(to).or_insert_with(|| {
                states.push(to);
                states.len() - 1
            })
        });
        next.push(row.collect());
    }
    let mut kinds: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let mut told = Vec::new();
    let classes = (0..=usize::from(u8::MAX) + 1).map(|byte| {
        let column: Vec<usize> = next.iter().filter_map(|row| row.get(byte).copied()).collect();
        let fresh = kinds.len();
        if !kinds.contains_key(&column) {
            told.push(byte);
        }
        *kinds.entry(column).or_insert(fresh)
    });
    let mut classes: Vec<u8> = classes.map(|class| u8::try_from(class).expect("few classes")).collect();
    let end = classes.pop().unwrap_or_default();
    let width = told.len().next_multiple_of(layout::UNIT);
    let place = |number: usize| u16::try_from(number * width / layout::UNIT).ok().filter(|place| *place < layout::ENDS);
    let is_end = |number: &usize| states.get(*number).is_some_and(|state| dfa.is_match_state(*state));
    let mut cells = Vec::with_capacity(states.len() * width * 2);
    for row in &next {
        let mut cell = |number: usize| {
            let place = place(number).expect("an automaton that two bytes can count the states of");
            cells.extend((place | if is_end(&number) { layout::ENDS } else { 0 }).to_le_bytes());
        };
        told.iter().for_each(|byte| cell(row.get(*byte).copied().unwrap_or_default()));
        (told.len()..width).for_each(|_| cell(0));
    }
    let ends: Vec<(u16, u16)> = (0..states.len())
        .filter(is_end)
        .filter_map(|number| Some((place(number)?, *states.get(number)?)))
        .flat_map(|(place, state)| {
            let patterns = (0..dfa.match_len(state)).map(|at| dfa.match_pattern(state, at).as_usize());
            patterns.map(|pattern| (place, u16::try_from(pattern).expect("few patterns"))).collect::<Vec<_>>()
        })
        .collect();
    (format!("Automaton{{classes:{classes:?},end:{end},ends:&{ends:?}}}"), cells)
}

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
fn dense(patterns: &[String]) -> dense::DFA<Vec<u32>> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Unanchored)
                .minimize(true)
                .determinize_size_limit(Some(8 * MOST_BYTES))
                .dfa_size_limit(Some(MOST_BYTES)),
        )
        .syntax(syntax::Config::new().case_insensitive(true).multi_line(true).unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false))
        .build_many(patterns)
        .expect("every built-in pattern compiles, and their automaton stays small")
}
