//! The scan: byte by byte, so that it is the same however a text is cut.

use std::ops::Range;

use super::address::{self, Reading};
use super::context::{Context, Place};
use super::{Kind, Links, Treatment};

/// The longest address that is held. A longer one carries data.
pub(super) const LONGEST: usize = 2048;
/// Up to this length every byte may tell what an address is; then delimiters and doublings do.
const FIRST: usize = 16;
/// How many delimiters are looked at: enough for a scheme's and the one after the host.
const DELIMITERS: u8 = 8;

/// What takes the scan's results, in order.
pub(super) trait Sink {
    /// This may go out as it is.
    fn release(&mut self, text: &str, range: Range<usize>);
    /// A mark goes out instead of this.
    fn take(&mut self, kind: Kind);
}

/// Where a scan stands.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    context: Context,
    address: Option<Address>,
    /// An address was taken out, and goes on.
    taking: Option<Place>,
    position: usize,
    released: usize,
}

/// An address, from its start to where it is read.
#[derive(Clone, Debug)]
struct Address {
    start: usize,
    place: Place,
    kind: Kind,
    stage: Stage,
    delimiters: u8,
    parentheses: u8,
    /// Whether its host is over.
    past_host: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is not known where it points.
    Begun,
    /// It points to a host that is not allowed, and what becomes of it shows at its end.
    Foreign,
}

impl Scan {
    pub(super) fn new(json: bool) -> Self {
        Self { context: Context::new(json), address: None, taking: None, position: 0, released: 0 }
    }

    /// How many bytes of the text are settled.
    pub(super) const fn released(&self) -> usize {
        self.released
    }

    /// Goes on with a text whose first `settled` bytes are cut off.
    pub(super) fn forget(&mut self, settled: usize) {
        self.position -= settled;
        self.released -= settled;
        if let Some(address) = &mut self.address {
            address.start -= settled;
        }
    }

    /// Reads the text from where it stands to its end, and releases what is no address.
    pub(super) fn run(&mut self, links: &Links, text: &str, sink: &mut impl Sink) {
        while let Some(rest) = text.as_bytes().get(self.position..).filter(|rest| !rest.is_empty()) {
            if self.address.is_none() && self.taking.is_none() {
                self.position += self.context.skip(rest);
            }
            let Some(byte) = text.as_bytes().get(self.position).copied() else { break };
            if self.taking.is_some_and(|place| byte == b'\n' || ends(place, byte, 0, false)) {
                self.taking = None;
            }
            if self.address.as_ref().is_some_and(|at| ends(at.place, byte, at.parentheses, at.past_host)) {
                self.close(links, text, sink);
            }
            let begun = self.context.begins(byte).filter(|_| self.taking.is_none());
            // An address within another counts where it would be loaded nevertheless: in Markdown's brackets.
            if matches!(begun, Some((Place::Markdown { .. }, _))) {
                self.close(links, text, sink);
            }
            if self.address.is_none()
                && let Some((place, kind)) = begun
                && links.treatment(kind) != Treatment::Keep
            {
                let start = self.position;
                let (stage, delimiters, parentheses, past_host) = (Stage::Begun, 0, 0, false);
                self.address = Some(Address { start, place, kind, stage, delimiters, parentheses, past_host });
            }
            self.context.see(byte);
            self.position += 1;
            if self.taking.is_some() {
                self.released = self.position;
            }
            self.step(links, text, byte, sink);
        }
        let safe = self.address.as_ref().map_or(self.position, |address| address.start);
        self.release(text, safe, sink);
    }

    /// The text ends where it was read to.
    pub(super) fn finish(&mut self, links: &Links, text: &str, sink: &mut impl Sink) {
        self.run(links, text, sink);
        self.close(links, text, sink);
        self.release(text, text.len(), sink);
    }

    fn release(&mut self, text: &str, to: usize, sink: &mut impl Sink) {
        if to > self.released {
            sink.release(text, self.released..to);
            self.released = to;
        }
    }

    fn take(&mut self, text: &str, address: &Address, end: usize, sink: &mut impl Sink) {
        self.release(text, address.start, sink);
        sink.take(address.kind);
        self.released = end;
    }

    /// Looks at the address that has come so far, where that may tell something.
    fn step(&mut self, links: &Links, text: &str, byte: u8, sink: &mut impl Sink) {
        let Some(mut address) = self.address.take() else { return };
        let length = self.position - address.start;
        address.parentheses = match byte {
            b'(' => address.parentheses.saturating_add(1),
            b')' => address.parentheses.saturating_sub(1),
            _ => address.parentheses,
        };
        let delimits = matches!(byte, b'/' | b'\\' | b'?' | b'#') && address.delimiters < DELIMITERS;
        address.delimiters += u8::from(delimits);
        let due = length.is_power_of_two() || address.stage == Stage::Begun && (length <= FIRST || delimits);
        let raw = text.get(address.start..self.position);
        let (Some(raw), true) = (raw, due || length >= LONGEST) else {
            self.address = Some(address);
            return;
        };
        if address.stage == Stage::Begun {
            match read(&address, raw, length >= LONGEST) {
                Reading::Local => return,
                Reading::Remote(host) if links.allows(&host) => return,
                Reading::Open => {}
                Reading::Remote(_) => (address.stage, address.past_host) = (Stage::Foreign, true),
            }
        }
        let out = address.stage == Stage::Foreign
            && match links.treatment(address.kind) {
                Treatment::Keep => false,
                Treatment::Data => length >= 64 && address::carries_data(raw),
                // Where plain text has one the end shows which marks are the sentence's.
                Treatment::Remove => !matches!(address.place, Place::Plain { .. }),
            };
        if out || length >= LONGEST {
            self.take(text, &address, self.position, sink);
            self.taking = Some(address.place);
        } else {
            self.address = Some(address);
        }
    }

    /// The address that is open ends here.
    fn close(&mut self, links: &Links, text: &str, sink: &mut impl Sink) {
        let Some(address) = self.address.take() else { return };
        let Some(raw) = text.get(address.start..self.position) else { return };
        let Reading::Remote(host) = read(&address, raw, true) else { return };
        let out = match links.treatment(address.kind) {
            Treatment::Keep => false,
            Treatment::Data => address::carries_data(raw),
            Treatment::Remove => true,
        };
        if out && !links.allows(&host) {
            let end = if matches!(address.place, Place::Plain { .. }) { without_marks(raw).len() } else { raw.len() };
            self.take(text, &address, address.start + end, sink);
        }
    }
}

fn read(address: &Address, raw: &str, whole: bool) -> Reading {
    match address.place {
        Place::Plain { .. } => address::read_plain(raw, whole),
        Place::Attribute { .. } | Place::Markdown { .. } => address::read(raw, whole),
    }
}

/// An address without the marks at its end that belong to the sentence around it.
fn without_marks(raw: &str) -> &str {
    let ours = |c: char| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | ']' | '|');
    raw.trim_end_matches(|c| ours(c) || c == ')' && !raw.contains('('))
}

/// Whether an address in this place ends before this byte.
fn ends(place: Place, byte: u8, parentheses: u8, past_host: bool) -> bool {
    let blank = byte <= b' ' || byte == 0x7F;
    match place {
        // Other scripts write on without a space; in a host they may belong to it.
        Place::Plain { bracketed } => {
            blank
                || matches!(byte, b'<' | b'>' | b'"' | b'`')
                || byte == b']' && bracketed
                || !byte.is_ascii() && past_host
        }
        Place::Markdown { angle: true } => matches!(byte, b'\n' | b'\r' | b'<' | b'>' | b'"'),
        Place::Markdown { angle: false } => {
            blank || matches!(byte, b'<' | b'>' | b'"' | b'`') || byte == b')' && parentheses == 0
        }
        Place::Attribute { quote: Some(quote), spaced } => {
            byte == quote || matches!(byte, b'<' | b'"') || byte == b' ' && !spaced
        }
        Place::Attribute { quote: None, .. } => blank || matches!(byte, b'>' | b'"' | b'\''),
    }
}
