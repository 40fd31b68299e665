//! An automaton as the scan reads it: embedded bytes used in place, or an operator's patterns compiled at load.

use std::borrow::Cow;

use super::compile::Parts;
use super::patterns;

/// Made by the build script from the table of patterns.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/redact.bin"));

/// A state of a table. The dead one is [`DEAD`].
pub(super) type State = u16;

/// Nothing can match any more.
pub(super) const DEAD: State = 0;

/// A deterministic automaton and what bounds its patterns.
pub(super) struct Table {
    classes: [u8; 256],
    width: usize,
    first_end: State,
    begin: [State; 256],
    ends: Cow<'static, [[u8; 8]]>,
    live: Cow<'static, [[u8; 8]]>,
    next: Cow<'static, [[u8; 2]]>,
    /// Patterns whose last byte is not part of the match.
    edged: u64,
    /// The longest match of each pattern.
    longest: Vec<usize>,
    /// The shortest of them: no thread this long or shorter has outlived its patterns.
    shortest: usize,
    /// Whether a match may begin, by the classes of the byte before it and its first.
    starts: Vec<bool>,
}

impl Table {
    /// The standard types.
    #[expect(clippy::expect_used, reason = "the build script wrote it; without it nothing would be redacted")]
    pub(super) fn embedded() -> Self {
        let (classes, width, first_end, begin, [ends, live], next) =
            read(EMBEDDED).expect("the embedded table is whole");
        let (mut edged, mut longest) = (0, Vec::new());
        for (bit, entry) in patterns::TABLE.iter().enumerate() {
            longest.push(entry.longest);
            edged |= u64::from(!entry.after.is_empty()) << bit;
        }
        Self {
            classes,
            width,
            first_end,
            begin,
            ends: Cow::Borrowed(ends),
            live: Cow::Borrowed(live),
            next: Cow::Borrowed(next),
            edged,
            longest,
            shortest: 0,
            starts: Vec::new(),
        }
        .indexed()
    }

    /// A compiled automaton whose matches end with their last byte.
    pub(super) fn compiled(parts: Parts, longest: Vec<usize>) -> Self {
        Self {
            classes: parts.classes,
            width: parts.width,
            first_end: parts.first_end,
            begin: parts.begin,
            ends: parts.ends.iter().map(|mask| mask.to_le_bytes()).collect(),
            live: parts.live.iter().map(|mask| mask.to_le_bytes()).collect(),
            next: parts.next.iter().map(|state| state.to_le_bytes()).collect(),
            edged: 0,
            longest,
            shortest: 0,
            starts: Vec::new(),
        }
        .indexed()
    }

    /// The same automaton, knowing only the patterns of `mask`: a state from which none of them can end is dead.
    pub(super) fn only(&self, mask: u64) -> Self {
        let masked =
            |words: &[[u8; 8]]| words.iter().map(|word| (u64::from_le_bytes(*word) & mask).to_le_bytes()).collect();
        let keep = |state: State| if (self.ends(state) | self.live(state)) & mask == 0 { DEAD } else { state };
        Self {
            classes: self.classes,
            width: self.width,
            first_end: self.first_end,
            begin: self.begin.map(keep),
            ends: masked(&self.ends),
            live: masked(&self.live),
            next: self.next.iter().map(|to| keep(State::from_le_bytes(*to)).to_le_bytes()).collect(),
            edged: self.edged,
            longest: self.longest.clone(),
            shortest: 0,
            starts: Vec::new(),
        }
        .indexed()
    }

    /// With what is derived from the rest.
    fn indexed(mut self) -> Self {
        self.shortest = self.longest.iter().copied().min().unwrap_or(0);
        self.starts = vec![false; self.width * self.width];
        for before in 0..=u8::MAX {
            let begin = self.begin(before);
            let row = self.next.chunks_exact(self.width.max(1)).nth(usize::from(begin)).unwrap_or_default();
            let at = self.class(before) * self.width;
            for (start, to) in self.starts.iter_mut().skip(at).zip(row) {
                *start = State::from_le_bytes(*to) != DEAD;
            }
        }
        self
    }

    /// Whether a thread of this length may have outlived its patterns.
    #[inline]
    pub(super) fn is_long(&self, length: usize) -> bool {
        length >= self.shortest
    }

    #[inline]
    fn class(&self, byte: u8) -> usize {
        self.classes.get(usize::from(byte)).copied().map_or(0, usize::from)
    }

    /// Whether a match may begin with this byte after that one.
    #[inline]
    pub(super) fn starts(&self, before: u8, byte: u8) -> bool {
        self.starts.get(self.class(before) * self.width + self.class(byte)).copied().unwrap_or(false)
    }

    /// The state in which a match may begin after this byte.
    #[inline]
    pub(super) fn begin(&self, before: u8) -> State {
        self.begin.get(usize::from(before)).copied().unwrap_or(DEAD)
    }

    #[inline]
    pub(super) fn next(&self, state: State, byte: u8) -> State {
        self.next.get(usize::from(state) * self.width + self.class(byte)).map_or(DEAD, |to| State::from_le_bytes(*to))
    }

    /// Whether some pattern may end in this state.
    #[inline]
    pub(super) fn is_end(&self, state: State) -> bool {
        state >= self.first_end
    }

    /// The patterns that end in this state.
    pub(super) fn ends(&self, state: State) -> u64 {
        self.ends.get(usize::from(state)).map_or(0, |mask| u64::from_le_bytes(*mask))
    }

    /// The patterns that may still end, given more bytes.
    pub(super) fn live(&self, state: State) -> u64 {
        self.live.get(usize::from(state)).map_or(0, |mask| u64::from_le_bytes(*mask))
    }

    /// Whether the last byte fed is beyond this pattern's match.
    pub(super) fn is_edged(&self, pattern: usize) -> bool {
        self.edged >> pattern & 1 == 1
    }

    /// The longest match of a pattern.
    pub(super) fn longest(&self, pattern: usize) -> usize {
        self.longest.get(pattern).copied().unwrap_or(0)
    }

    /// How many bytes a thread in this state may have been fed and still match, given more.
    pub(super) fn reach(&self, state: State) -> usize {
        bits(self.live(state))
            .map(|pattern| self.longest(pattern) + usize::from(self.is_edged(pattern)))
            .max()
            .unwrap_or(0)
    }
}

/// The positions of the bits that are set.
pub(super) fn bits(mask: u64) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(mask), |rest| Some(rest & rest.wrapping_sub(1)))
        .take_while(|rest| *rest != 0)
        .map(|rest| rest.trailing_zeros() as usize)
}

type Read = ([u8; 256], usize, State, [State; 256], [&'static [[u8; 8]]; 2], &'static [[u8; 2]]);

/// Reads what the build script wrote, in place.
fn read(bytes: &'static [u8]) -> Option<Read> {
    let (head, rest) = bytes.split_at_checked(12)?;
    let (numbers, _) = head.as_chunks::<4>();
    let [width, first_end, states] = *numbers else { return None };
    let states = u32::from_le_bytes(states) as usize;
    let (classes, rest) = rest.split_first_chunk::<256>()?;
    let (begins, rest) = rest.split_at_checked(512)?;
    let mut begin = [DEAD; 256];
    for (to, from) in begin.iter_mut().zip(begins.as_chunks::<2>().0) {
        *to = State::from_le_bytes(*from);
    }
    let (ends, rest) = rest.split_at_checked(states * 8)?;
    let (live, next) = rest.split_at_checked(states * 8)?;
    let first_end = State::try_from(u32::from_le_bytes(first_end)).ok()?;
    Some((
        *classes,
        u32::from_le_bytes(width) as usize,
        first_end,
        begin,
        [ends.as_chunks().0, live.as_chunks().0],
        next.as_chunks().0,
    ))
}
