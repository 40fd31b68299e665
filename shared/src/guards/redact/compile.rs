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

/// How many low bits of a state tell its shape; the others tell its row.
pub(crate) const SHAPE_BITS: u32 = 12;

/// Set in a cell that holds the number of a row's masks. No state has it.
pub(crate) const MASKS: u32 = 1 << 31;

/// A deterministic automaton over bytes. State 0 is dead.
///
/// Most states lead to few others, and many do so in the same way. So a state's row holds each of its successors once,
/// behind the number of its masks, and its shape, which states share, tells where in the row a class's successor is.
/// That is a fifth of what one successor per state and class would take.
pub(crate) struct Parts {
    /// The class of each byte: bytes of a class act alike.
    pub(crate) classes: [u8; 256],
    /// How many classes there are.
    pub(crate) width: usize,
    /// The state before a match's first byte, by the byte that precedes it.
    pub(crate) begin: [u32; 256],
    /// The place in its row of a state's successor, by shape and class.
    pub(crate) shapes: Vec<u8>,
    /// The rows of all states.
    pub(crate) cells: Vec<u32>,
    /// The patterns that end in a state, and those that may still end after it, given more bytes.
    pub(crate) masks: Vec<[u64; 2]>,
    /// The first state in which a pattern ends; all after it are such, none before it is.
    pub(crate) first_end: u32,
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
        self.lay_out(&group, &live)
    }

    /// Lays the groups out: the dead one first, then those where nothing ends, then those where something does.
    fn lay_out(&self, group: &[usize], live: &[u64]) -> Option<Parts> {
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
        let mut shapes: HashMap<Vec<u8>, u32> = HashMap::from([(vec![1; self.width], 0)]);
        let mut masks: HashMap<[u64; 2], u32> = HashMap::from([([0, 0], 0)]);
        let mut parts = Parts {
            classes: self.classes,
            width: self.width,
            begin: [0; 256],
            shapes: vec![1; self.width],
            cells: vec![MASKS, 0],
            masks: vec![[0, 0]],
            first_end: MASKS,
        };
        let mut ids: HashMap<usize, u32> = HashMap::from([(dead, 0)]);
        let mut rows: Vec<(usize, Vec<usize>)> = Vec::new();
        for (_, state, of) in &order {
            let (shape, targets) = self.shape(*state, group)?;
            let number = u32::try_from(shapes.len()).ok()?;
            let number = *shapes.entry(shape).or_insert_with_key(|shape| {
                parts.shapes.extend(shape);
                number
            });
            let row = u32::try_from(parts.cells.len()).ok()?;
            if number >> SHAPE_BITS != 0 || row >> (MASKS.trailing_zeros() - SHAPE_BITS) != 0 {
                return None;
            }
            let id = row << SHAPE_BITS | number;
            let mask = [self.ends.get(*state).copied()?, live.get(*state).copied()?];
            if mask[0] != 0 {
                parts.first_end = parts.first_end.min(row << SHAPE_BITS);
            }
            let number = u32::try_from(masks.len()).ok()?;
            let number = *masks.entry(mask).or_insert_with(|| {
                parts.masks.push(mask);
                number
            });
            ids.insert(*of, id);
            parts.cells.push(MASKS | number);
            rows.push((parts.cells.len(), targets.clone()));
            parts.cells.extend(std::iter::repeat_n(0, targets.len()));
        }
        for (at, targets) in rows {
            for (cell, target) in parts.cells.iter_mut().skip(at).zip(targets) {
                *cell = *ids.get(&target)?;
            }
        }
        for (byte, begin) in (0..=255_usize).zip(parts.begin.iter_mut()) {
            let class = usize::from(self.classes.get(byte).copied()?);
            *begin = *ids.get(group.get(*self.row(1).get(class)?)?)?;
        }
        Some(parts)
    }

    /// The places of a state's successors in its row, by class, from 1; and the groups that these are.
    fn shape(&self, state: usize, group: &[usize]) -> Option<(Vec<u8>, Vec<usize>)> {
        let mut targets: Vec<usize> = Vec::new();
        let mut shape = Vec::with_capacity(self.width);
        for to in self.row(state) {
            let to = *group.get(*to)?;
            let place = targets.iter().position(|target| *target == to).unwrap_or_else(|| {
                targets.push(to);
                targets.len() - 1
            });
            shape.push(u8::try_from(place + 1).ok()?);
        }
        Some((shape, targets))
    }
}
