//! The scan: one machine for the whole text and for the stream.
//!
//! A thread is a match that may come to be: where it starts, its state, its longest match so far. Threads are begun at
//! every position where a pattern can begin, also inside other threads, so nothing is ever read twice. The earliest
//! thread decides; what stands before it is released.

use super::block::{Bite, Block};
use super::rules::{Rules, Ruling};
use super::table::{DEAD, State, Table, bits};
use std::ops::Range;

/// Stands for the start and the end of a text; no UTF-8 has it.
const SENTINEL: u8 = 0xFF;

/// The length at which a thread's reach is looked at first; then at each doubling.
const FIRST_LOOK: usize = 16;

/// What takes the scan's results. Ranges are those of the text given to [`Scan::run`], in order.
pub(super) trait Sink {
    /// This may go out as it is.
    fn release(&mut self, text: &str, range: Range<usize>);
    /// Whether this may be replaced.
    fn admits(&self, _text: &str, _range: &Range<usize>) -> bool {
        true
    }
    /// The mark of this pattern goes out instead of this.
    fn replace(&mut self, rules: &Rules, pattern: usize, range: Range<usize>);
    /// This belongs to the block replaced last.
    fn swallow(&mut self, range: Range<usize>);
}

/// Stands for a sign that is written as `%20`; no UTF-8 has it.
const ESCAPED: u8 = 0xFE;

/// What of an escape stands before the next byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Backslash,
    Percent,
    /// A percent sign, and a first digit of this value.
    Digit(u8),
}

/// What stands before the next byte, and what escapes that one: an escaped newline is a newline, and `%20`
/// is an edge.
#[inline]
fn next_before(escape: Escape, byte: u8) -> (u8, Escape) {
    match byte {
        b'\\' => (byte, Escape::Backslash),
        b'%' => (byte, Escape::Percent),
        _ if escape == Escape::None => (byte, Escape::None),
        _ => unescaped(escape, byte),
    }
}

fn unescaped(escape: Escape, byte: u8) -> (u8, Escape) {
    let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match (escape, digit) {
        (Escape::Backslash, _) if matches!(byte, b'n' | b'r' | b't') => (b'\n', Escape::None),
        (Escape::Percent, Some(digit)) => (byte, Escape::Digit(digit)),
        (Escape::Digit(first), Some(digit)) => {
            let sign = first << 4 | digit;
            let edge = sign.is_ascii() && !sign.is_ascii_alphanumeric() && !matches!(sign, b'-' | b'.' | b'_' | b'\\');
            (if edge { ESCAPED } else { byte }, Escape::None)
        }
        (Escape::None | Escape::Backslash | Escape::Percent | Escape::Digit(_), _) => (byte, Escape::None),
    }
}

#[derive(Clone)]
struct Thread {
    start: usize,
    state: State,
    own: State,
    /// The end and the pattern of its longest match.
    best: Option<(usize, usize)>,
    /// Where its length is to be looked at.
    deadline: usize,
    done: bool,
}

/// Where a scan stands.
#[derive(Clone)]
pub(super) struct Scan {
    threads: Vec<Thread>,
    block: Option<Block>,
    /// Whether the text is of JSON, whose strings end with a quotation mark.
    json: bool,
    position: usize,
    /// Everything before it has gone out or was replaced.
    released: usize,
    /// The byte before the position, or what an escape there stands for.
    before: u8,
    escape: Escape,
    steps: u64,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            threads: Vec::new(),
            block: None,
            json: false,
            position: 0,
            released: 0,
            before: SENTINEL,
            escape: Escape::None,
            steps: 0,
        }
    }
}

impl Scan {
    /// A scan of what a decoder of JSON makes of a text.
    pub(super) fn of_json() -> Self {
        Self { json: true, ..Self::default() }
    }

    /// How many bytes of the text are settled and no longer needed.
    pub(super) fn released(&self) -> usize {
        self.released
    }

    /// Steps of automata so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Goes on with a text whose first `settled` bytes are cut off.
    pub(super) fn forget(&mut self, settled: usize) {
        if settled == 0 {
            return;
        }
        self.position -= settled;
        self.released -= settled;
        for thread in &mut self.threads {
            thread.start -= settled;
            thread.deadline -= settled;
            if let Some((end, _)) = &mut thread.best {
                *end -= settled;
            }
        }
    }

    /// Reads the text from where it stands to its end, and releases what no pattern can still claim.
    pub(super) fn run(&mut self, rules: &Rules, text: &str, sink: &mut impl Sink) {
        loop {
            if !self.swallow(text, sink) {
                return;
            }
            if !self.read(rules, text, sink) {
                break;
            }
        }
        let position = self.position;
        let mut ended = false;
        for thread in &mut self.threads {
            let length = position - thread.start;
            if !thread.done && rules.standard.is_long(length) && length >= thread.reach(rules) {
                thread.done = true;
                ended = true;
            }
        }
        if ended && self.settle(rules, text, sink) {
            return self.run(rules, text, sink);
        }
        let safe = self.threads.first().map_or(self.position, |thread| thread.start);
        if safe > self.released {
            sink.release(text, self.released..safe);
            self.released = safe;
        }
    }

    /// The text ends where it was read to.
    pub(super) fn finish(&mut self, rules: &Rules, text: &str, sink: &mut impl Sink) {
        loop {
            self.run(rules, text, sink);
            if self.block.take().is_some() && self.position < text.len() {
                // The start of a footer that never came is no part of a key.
                continue;
            }
            for thread in &mut self.threads {
                if !thread.done {
                    thread.step(rules, SENTINEL, text.len());
                    thread.done = true;
                }
            }
            if !self.settle(rules, text, sink) {
                break;
            }
        }
        sink.release(text, self.released..text.len());
        self.released = text.len();
    }

    /// Swallows a block, if one is open. False while it stays open.
    fn swallow(&mut self, text: &str, sink: &mut impl Sink) -> bool {
        let Some(mut block) = self.block else { return true };
        let bytes = text.as_bytes();
        let open = loop {
            let rest = bytes.get(self.position..).unwrap_or_default();
            if rest.is_empty() {
                break true;
            }
            let bite = block.bite(rest);
            let (Bite::Swallow(length) | Bite::Footer(length)) = bite else { break bite == Bite::Wait };
            for byte in rest.iter().take(length) {
                block.take(*byte);
                self.pass(*byte);
            }
            self.position += length;
            self.steps += length as u64;
            if bite == Bite::Footer(length) {
                break false;
            }
        };
        if self.position > self.released {
            sink.swallow(self.released..self.position);
            self.released = self.position;
        }
        self.block = open.then_some(block);
        !open
    }

    /// Reads on to the end of the text or the start of a block: then true.
    fn read(&mut self, rules: &Rules, text: &str, sink: &mut impl Sink) -> bool {
        let bytes = text.as_bytes();
        loop {
            self.hurry(rules, bytes);
            let Some(byte) = bytes.get(self.position).copied() else { return false };
            let mut ended = false;
            for thread in &mut self.threads {
                if !thread.done {
                    thread.step(rules, byte, self.position);
                    ended |= thread.done;
                }
            }
            self.steps += self.threads.len() as u64 + 1;
            if rules.begins(self.before, byte) {
                ended |= self.begin(rules, byte);
            }
            self.pass(byte);
            self.position += 1;
            if ended && self.settle(rules, text, sink) {
                return true;
            }
        }
    }

    /// Reads on as long as there is at most one thread, and no match yet: what most text is.
    fn hurry(&mut self, rules: &Rules, bytes: &[u8]) {
        let table = &rules.standard;
        let (mut start, mut state, mut deadline) = match self.threads.as_slice() {
            [] => (self.position, DEAD, usize::MAX),
            [Thread { start, state, own: DEAD, best: None, deadline, done: false }] => (*start, *state, *deadline),
            _ => return,
        };
        let own = rules.own.as_ref();
        let (mut before, mut escape) = (self.before, self.escape);
        let from = self.position;
        let mut position = from;
        while let Some(byte) = bytes.get(position).copied() {
            // Without branches on what the text is like: from the dead state only the dead one follows.
            let to = table.next(state, byte);
            let begun = table.begun(before, byte);
            let both = to != DEAD && begun != DEAD;
            if both
                || table.is_end(to | begun)
                || position >= deadline
                || own.is_some_and(|own| own.starts(before, byte))
            {
                break;
            }
            let fresh = begun != DEAD;
            start = if fresh { position } else { start };
            deadline = if fresh { position + FIRST_LOOK } else { deadline };
            state = to | begun;
            (before, escape) = next_before(escape, byte);
            position += 1;
            if state == DEAD && !byte.is_ascii() && own.is_none() {
                // Few standard patterns begin with another script, so that nearly all of it can be passed at once.
                let rest = bytes.get(position..).unwrap_or_default();
                let stops = |byte: &u8| byte.is_ascii() || table.wakes(*byte);
                let run = rest.iter().position(stops).unwrap_or(rest.len());
                before = run.checked_sub(1).and_then(|last| rest.get(last)).copied().unwrap_or(before);
                position += run;
            }
        }
        self.steps += 2 * (position - from) as u64;
        (self.position, self.before, self.escape) = (position, before, escape);
        self.threads.clear();
        if state != DEAD {
            self.threads.push(Thread { start, state, own: DEAD, best: None, deadline, done: false });
        }
    }

    /// Begins a thread, if a pattern can begin here. True if it is done already.
    fn begin(&mut self, rules: &Rules, byte: u8) -> bool {
        let state = rules.standard.begin(self.before);
        let own = rules.own.as_ref().map_or(DEAD, |own| own.begin(self.before));
        let mut thread = Thread { start: self.position, state, own, best: None, deadline: usize::MAX, done: false };
        thread.step(rules, byte, self.position);
        if thread.done && thread.best.is_none() {
            return false;
        }
        thread.deadline = thread.start + FIRST_LOOK;
        let done = thread.done;
        self.threads.push(thread);
        done
    }

    /// Notes a byte as read.
    fn pass(&mut self, byte: u8) {
        (self.before, self.escape) = next_before(self.escape, byte);
    }

    /// Decides for the earliest threads that are done. True if that opened a block.
    fn settle(&mut self, rules: &Rules, text: &str, sink: &mut impl Sink) -> bool {
        self.threads.retain(|thread| !thread.done || thread.best.is_some());
        while let Some(Thread { start, best: Some((end, pattern)), done: true, .. }) = self.threads.first().cloned() {
            let ruling = rules.rule(pattern, text.get(start..end).unwrap_or_default());
            let replaced = match ruling {
                Ruling::Refuse => None,
                Ruling::Keep => Some(start..start),
                Ruling::Redact(part) => {
                    Some(start + part.start..start + part.end).filter(|part| sink.admits(text, part))
                }
            };
            let Some(replaced) = replaced else {
                self.threads.remove(0);
                continue;
            };
            self.threads.retain(|thread| thread.start >= end);
            if replaced.is_empty() {
                continue;
            }
            if replaced.start > self.released {
                sink.release(text, self.released..replaced.start);
            }
            self.released = replaced.end;
            sink.replace(rules, pattern, replaced);
            if rules.is_block(pattern) {
                // Threads that began in the key, and what they read, are void.
                self.threads.clear();
                self.position = end;
                self.before = b'-';
                self.escape = Escape::None;
                self.block = Some(Block::new(self.json));
                return true;
            }
        }
        false
    }
}

impl Thread {
    #[inline]
    fn step(&mut self, rules: &Rules, byte: u8, position: usize) {
        self.state = rules.standard.next(self.state, byte);
        if rules.standard.is_end(self.state) {
            self.note(&rules.standard, self.state, position, 0);
        }
        if let Some(own) = &rules.own {
            self.own = own.next(self.own, byte);
            if own.is_end(self.own) {
                self.note(own, self.own, position, super::rules::OWN);
            }
        }
        if self.state == DEAD && self.own == DEAD {
            self.done = true;
        } else if position >= self.deadline {
            let (length, reach) = (position + 1 - self.start, self.reach(rules));
            self.done = length >= reach;
            self.deadline = self.start + reach.min(length * 2);
        }
    }

    /// Notes the patterns that end in a state.
    #[cold]
    fn note(&mut self, table: &Table, state: State, position: usize, offset: usize) {
        for pattern in bits(table.ends(state)) {
            let end = if table.is_edged(pattern) { position } else { position + 1 };
            let better =
                self.best.is_none_or(|(longest, first)| end > longest || end == longest && pattern + offset < first);
            if better && end - self.start <= table.longest(pattern) {
                self.best = Some((end, pattern + offset));
            }
        }
        // Where nothing can follow, the match is known at once.
        if table.live(state) == 0 {
            if offset == 0 {
                self.state = DEAD;
            } else {
                self.own = DEAD;
            }
        }
    }

    /// How many bytes it may have read and still match, given more.
    fn reach(&self, rules: &Rules) -> usize {
        let own = rules.own.as_ref().map_or(0, |own| own.reach(self.own));
        rules.standard.reach(self.state).max(own)
    }
}
