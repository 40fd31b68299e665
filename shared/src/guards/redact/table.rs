//! An automaton as the scan reads it: embedded bytes used in place, or an operator's patterns compiled at load.

use std::borrow::Cow;

use super::compile::{MASKS, Parts, SHAPE_BITS};
use super::patterns;

/// Made by the build script from the table of patterns.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/redact.bin"));

/// A state of a table: where its row is, and its shape. The dead one is [`DEAD`].
pub(super) type State = u32;

/// Nothing can match any more.
pub(super) const DEAD: State = 0;

/// A deterministic automaton, laid out as [`Parts`] tells, and what bounds its patterns.
pub(super) struct Table {
    classes: [u8; 256],
    width: usize,
    first_end: State,
    begin: [State; 256],
    masks: Cow<'static, [[[u8; 8]; 2]]>,
    shapes: Cow<'static, [u8]>,
    cells: Cow<'static, [[u8; 4]]>,
    /// Patterns whose last byte is not part of the match.
    edged: u64,
    /// The longest match of each pattern.
    longest: Vec<usize>,
    /// The shortest of them: no thread this long or shorter has outlived its patterns.
    shortest: usize,
    /// The state after a match's first byte, by the classes of the byte before it and of that byte.
    begun: Vec<State>,
    /// Bytes of other scripts than Latin with which a match may begin.
    wakes: [bool; 256],
}

impl Table {
    /// The standard types.
    #[expect(clippy::expect_used, reason = "the build script wrote it; without it nothing would be redacted")]
    pub(super) fn embedded() -> Self {
        let mut table = read(EMBEDDED).expect("the embedded table is whole");
        for (bit, entry) in patterns::TABLE.iter().enumerate() {
            table.longest.push(entry.longest);
            table.edged |= u64::from(!entry.after.is_empty()) << bit;
        }
        table.indexed()
    }

    /// A compiled automaton whose matches end with their last byte.
    pub(super) fn compiled(parts: Parts, longest: Vec<usize>) -> Self {
        Self {
            classes: parts.classes,
            width: parts.width,
            first_end: parts.first_end,
            begin: parts.begin,
            masks: parts.masks.iter().map(|masks| masks.map(u64::to_le_bytes)).collect(),
            shapes: parts.shapes.into(),
            cells: parts.cells.iter().map(|cell| cell.to_le_bytes()).collect(),
            edged: 0,
            longest,
            shortest: 0,
            begun: Vec::new(),
            wakes: [false; 256],
        }
        .indexed()
    }

    /// The same automaton, knowing only the patterns of `mask`: a state from which none of them can end is dead.
    pub(super) fn only(&self, mask: u64) -> Self {
        let masked = |word: &[u8; 8]| (u64::from_le_bytes(*word) & mask).to_le_bytes();
        let keep = |state: State| if (self.ends(state) | self.live(state)) & mask == 0 { DEAD } else { state };
        Self {
            classes: self.classes,
            width: self.width,
            first_end: self.first_end,
            begin: self.begin.map(keep),
            masks: self.masks.iter().map(|masks| masks.each_ref().map(masked)).collect(),
            shapes: self.shapes.clone(),
            cells: self
                .cells
                .iter()
                .map(|cell| u32::from_le_bytes(*cell))
                .map(|cell| if cell & MASKS == 0 { keep(cell) } else { cell })
                .map(u32::to_le_bytes)
                .collect(),
            edged: self.edged,
            longest: self.longest.clone(),
            shortest: 0,
            begun: Vec::new(),
            wakes: [false; 256],
        }
        .indexed()
    }

    /// With what is derived from the rest.
    fn indexed(mut self) -> Self {
        self.shortest = self.longest.iter().copied().min().unwrap_or(0);
        let mut begun = vec![DEAD; self.width * self.width];
        for before in 0..=u8::MAX {
            let (begin, row) = (self.begin(before), self.class(before) * self.width);
            for class in 0..self.width {
                if let Some(state) = begun.get_mut(row + class) {
                    *state = self.step(begin, class);
                }
            }
        }
        self.begun = begun;
        for byte in 0x80..=u8::MAX {
            let wakes = (0..=u8::MAX).any(|before| self.starts(before, byte));
            self.wakes.get_mut(usize::from(byte)).into_iter().for_each(|slot| *slot = wakes);
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

    /// Whether a match may begin with this byte, of another script than Latin.
    #[inline]
    pub(super) fn wakes(&self, byte: u8) -> bool {
        self.wakes.get(usize::from(byte)).copied().unwrap_or(true)
    }

    /// Whether a match may begin with this byte after that one.
    #[inline]
    pub(super) fn starts(&self, before: u8, byte: u8) -> bool {
        self.begun(before, byte) != DEAD
    }

    /// The state after this byte, if a match begins with it, after that one.
    #[inline]
    pub(super) fn begun(&self, before: u8, byte: u8) -> State {
        self.begun.get(self.class(before) * self.width + self.class(byte)).copied().unwrap_or(DEAD)
    }

    /// The state in which a match may begin after this byte.
    #[inline]
    pub(super) fn begin(&self, before: u8) -> State {
        self.begin.get(usize::from(before)).copied().unwrap_or(DEAD)
    }

    #[inline]
    pub(super) fn next(&self, state: State, byte: u8) -> State {
        self.step(state, self.class(byte))
    }

    #[inline]
    fn step(&self, state: State, class: usize) -> State {
        let shape = (state & ((1 << SHAPE_BITS) - 1)) as usize;
        let place = self.shapes.get(shape * self.width + class).copied().map_or(0, usize::from);
        self.cell(state, place)
    }

    #[inline]
    fn cell(&self, state: State, place: usize) -> u32 {
        let row = (state >> SHAPE_BITS) as usize;
        self.cells.get(row + place).map_or(0, |cell| u32::from_le_bytes(*cell))
    }

    /// Whether some pattern may end in this state.
    #[inline]
    pub(super) fn is_end(&self, state: State) -> bool {
        state >= self.first_end
    }

    /// The patterns that end in this state.
    pub(super) fn ends(&self, state: State) -> u64 {
        let [ends, _] = self.masks(state);
        ends
    }

    /// The patterns that may still end, given more bytes.
    pub(super) fn live(&self, state: State) -> u64 {
        let [_, live] = self.masks(state);
        live
    }

    fn masks(&self, state: State) -> [u64; 2] {
        let number = self.cell(state, 0) & !MASKS;
        self.masks.get(number as usize).map_or([0; 2], |masks| masks.map(u64::from_le_bytes))
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

/// Reads what the build script wrote, in place.
fn read(bytes: &'static [u8]) -> Option<Table> {
    let (head, rest) = bytes.split_first_chunk::<16>()?;
    let (numbers, _) = head.as_chunks::<4>();
    let [width, first_end, shapes, masks] = *numbers else { return None };
    let [width, shapes, masks] = [width, shapes, masks].map(|number| u32::from_le_bytes(number) as usize);
    let (classes, rest) = rest.split_first_chunk::<256>()?;
    let (begins, rest) = rest.split_first_chunk::<1024>()?;
    let mut begin = [DEAD; 256];
    for (to, from) in begin.iter_mut().zip(begins.as_chunks::<4>().0) {
        *to = State::from_le_bytes(*from);
    }
    let (masks, rest) = rest.split_at_checked(masks * 16)?;
    let (shapes, cells) = rest.split_at_checked(shapes * width)?;
    Some(Table {
        classes: *classes,
        width,
        first_end: State::from_le_bytes(first_end),
        begin,
        masks: Cow::Borrowed(masks.as_chunks().0.as_chunks().0),
        shapes: Cow::Borrowed(shapes),
        cells: Cow::Borrowed(cells.as_chunks().0),
        edged: 0,
        longest: Vec::new(),
        shortest: 0,
        begun: Vec::new(),
        wakes: [false; 256],
    })
}
