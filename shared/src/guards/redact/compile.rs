//! From languages to one automaton: deterministic, minimal, and as small tables.
//!
//! The build script compiles the embedded table with it, and the redactor an operator's patterns.

use std::collections::{BTreeSet, HashMap};

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::NFA;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

/// How many patterns one automaton may have: a state's patterns are the bits of a word.
pub(crate) const MOST_PATTERNS: usize = 64;

/// A deterministic automaton over bytes. State 0 is dead.
pub(crate) struct Parts {
    /// The class of each byte: bytes of a class act alike.
    pub(crate) classes: [u8; 256],
    /// How many classes there are.
    pub(crate) width: usize,
    /// The state before a match's first byte, by the byte that precedes it.
    pub(crate) begin: [u16; 256],
    /// The next state, by state and class.
    pub(crate) next: Vec<u16>,
    /// The patterns that end in a state.
    pub(crate) ends: Vec<u64>,
    /// The patterns that may still end after a state, given more bytes.
    pub(crate) live: Vec<u64>,
    /// The first state in which a pattern ends; all after it are such, none before it is.
    pub(crate) first_end: u16,
}

/// The automaton is larger than its limit.
pub(crate) struct TooLarge;

/// Makes the automaton of patterns that each begin with the byte before their match.
pub(crate) fn compile(nfa: &NFA, limit_bytes: usize) -> Result<Parts, TooLarge> {
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::All)
        .accelerate(false)
        .dfa_size_limit(Some(limit_bytes))
        .determinize_size_limit(Some(limit_bytes));
    let dfa = dense::Builder::new().configure(config).build_from_nfa(nfa).map_err(|_| TooLarge)?;
    let graph = Graph::explore(&dfa).ok_or(TooLarge)?;
    graph.minimal().ok_or(TooLarge)
}

/// States as found, with one successor per byte class. State 0 is dead, state 1 the start.
struct Graph {
    classes: [u8; 256],
    width: usize,
    next: Vec<usize>,
    ends: Vec<u64>,
}

impl Graph {
    /// Reads the automaton's states. `None` where it cannot be read as such.
    fn explore(dfa: &dense::DFA<Vec<u32>>) -> Option<Self> {
        let map = dfa.byte_classes();
        let mut classes = [0_u8; 256];
        let mut samples: Vec<u8> = Vec::new();
        for (byte, class) in (0..=255_u8).zip(classes.iter_mut()) {
            *class = map.get(byte);
            if usize::from(*class) == samples.len() {
                samples.push(byte);
            }
        }
        let width = samples.len();
        let start = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        let mut found: HashMap<StateID, usize> = HashMap::from([(start, 1)]);
        let mut queue = vec![start];
        let mut next = vec![0; width * 2];
        let mut ends = vec![0, 0];
        let mut at = 0;
        while let Some(state) = queue.get(at).copied() {
            at += 1;
            // The library tells of a match one byte late; its end-of-input state tells at once.
            let end = dfa.next_eoi_state(state);
            if dfa.is_match_state(end) {
                let mask =
                    (0..dfa.match_len(end)).fold(0_u64, |mask, i| mask | (1 << dfa.match_pattern(end, i).as_usize()));
                *ends.get_mut(at)? = mask;
            }
            for (class, byte) in samples.iter().enumerate() {
                let to = dfa.next_state(state, *byte);
                if dfa.is_dead_state(to) {
                    continue;
                }
                let id = *found.entry(to).or_insert_with(|| {
                    queue.push(to);
                    next.resize(next.len() + width, 0);
                    ends.push(0);
                    ends.len() - 1
                });
                *next.get_mut(at * width + class)? = id;
            }
        }
        Some(Self { classes, width, next, ends })
    }

    fn states(&self) -> usize {
        self.ends.len()
    }

    fn row(&self, state: usize) -> &[usize] {
        self.next.get(state * self.width..(state + 1) * self.width).unwrap_or_default()
    }

    /// For each state the patterns that may end after it, given more bytes.
    fn live(&self) -> Vec<u64> {
        let mut live = vec![0_u64; self.states()];
        loop {
            let mut changed = false;
            for state in (1..self.states()).rev() {
                let mask = self.row(state).iter().fold(0, |mask, to| {
                    mask | live.get(*to).copied().unwrap_or(0) | self.ends.get(*to).copied().unwrap_or(0)
                });
                if let Some(old) = live.get_mut(state)
                    && *old != mask
                {
                    *old = mask;
                    changed = true;
                }
            }
            if !changed {
                return live;
            }
        }
    }

    /// The smallest automaton of the same languages: states are split until those that stay together act alike.
    fn minimal(&self) -> Option<Parts> {
        let live = self.live();
        let mut group: Vec<usize> = vec![0; self.states()];
        let mut groups = 0;
        loop {
            let mut kinds: HashMap<(usize, u64, u64), usize> = HashMap::new();
            let mut split = vec![0; self.states()];
            for state in 0..self.states() {
                let ends = self.ends.get(state).copied()?;
                let alive = ends | live.get(state).copied()?;
                let (mut first, mut second) = (ends ^ 0x9E37_79B9_7F4A_7C15, u64::from(alive != 0));
                if alive != 0 {
                    for to in self.row(state) {
                        let to = group.get(*to).copied()? as u64;
                        first = (first.rotate_left(23) ^ to).wrapping_mul(0xD6E8_FEB8_6659_FD93);
                        second = (second.rotate_left(29) ^ to).wrapping_mul(0xA076_1D64_78BD_642F);
                    }
                }
                let key = (group.get(state).copied()?, first, second);
                let fresh = kinds.len();
                *split.get_mut(state)? = *kinds.entry(key).or_insert(fresh);
            }
            let count = kinds.len();
            group = split;
            if count == groups {
                break;
            }
            groups = count;
        }
        self.number(&group, &live)
    }

    /// Numbers the groups: the dead one 0, then those where nothing ends, then those where something does.
    fn number(&self, group: &[usize], live: &[u64]) -> Option<Parts> {
        let dead = *group.first()?;
        let mut members: HashMap<usize, usize> = HashMap::new();
        for (state, of) in group.iter().enumerate() {
            members.entry(*of).or_insert(state);
        }
        let start = *group.get(1)?;
        let order: BTreeSet<(bool, usize, usize)> = members
            .iter()
            .filter(|(of, _)| **of != dead && **of != start)
            .map(|(of, state)| (self.ends.get(*state).is_some_and(|ends| *ends != 0), *state, *of))
            .collect();
        let mut ids: HashMap<usize, u16> = HashMap::from([(dead, 0)]);
        let mut states = vec![0];
        for (_, state, of) in &order {
            ids.insert(*of, u16::try_from(states.len()).ok()?);
            states.push(*state);
        }
        let id = |state: usize| group.get(state).and_then(|of| ids.get(of)).copied();
        let mut parts = Parts {
            classes: self.classes,
            width: self.width,
            begin: [0; 256],
            next: Vec::new(),
            ends: Vec::new(),
            live: Vec::new(),
            first_end: u16::try_from(states.len()).ok()?,
        };
        for (number, state) in states.iter().enumerate() {
            let ends = if number == 0 { 0 } else { self.ends.get(*state).copied()? };
            if ends != 0 {
                parts.first_end = parts.first_end.min(u16::try_from(number).ok()?);
            }
            parts.ends.push(ends);
            parts.live.push(if number == 0 { 0 } else { live.get(*state).copied()? });
            for to in self.row(*state) {
                parts.next.push(if number == 0 { 0 } else { id(*to)? });
            }
        }
        for (byte, begin) in (0..=255_usize).zip(parts.begin.iter_mut()) {
            let class = usize::from(self.classes.get(byte).copied()?);
            *begin = id(self.row(1).get(class).copied()?)?;
        }
        Some(parts)
    }
}
