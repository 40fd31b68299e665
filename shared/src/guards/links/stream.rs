//! The stream form: text comes in pieces, and goes out as soon as no address can still claim it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::scan::{Scan, Sink};
use super::{Kind, Links};
use crate::guards::json::Decoder;
use crate::guards::redact::Found;

/// One text being filtered as it comes. However it is cut, what goes out is the same.
pub struct LinkStream {
    links: Links,
    scan: Scan,
    form: Form,
    found: Found,
}

enum Form {
    /// The text from some point before which all is released.
    Plain(String),
    Json(Box<Decoder>),
}

impl LinkStream {
    pub(super) fn new(links: Links, json: bool) -> Self {
        let form = if json { Form::Json(Box::default()) } else { Form::Plain(String::new()) };
        Self { links, scan: Scan::new(json), form, found: Found::new() }
    }

    /// Takes a piece, and appends to `out` what may be released.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        match &mut self.form {
            Form::Plain(text) => text.push_str(piece),
            Form::Json(decoder) => decoder.push(piece),
        }
        self.run(out, |scan, links, text, sink| scan.run(links, text, sink));
    }

    /// Releases the rest, and tells what was found in all of the text.
    pub fn finish(mut self, out: &mut String) -> Found {
        if let Form::Json(decoder) = &mut self.form {
            decoder.finish("");
        }
        self.run(out, |scan, links, text, sink| scan.finish(links, text, sink));
        self.found
    }

    /// What was found so far.
    #[must_use]
    pub const fn found(&self) -> &Found {
        &self.found
    }

    /// How many bytes are held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.form {
            Form::Plain(text) => text.len() - self.scan.released(),
            Form::Json(decoder) => decoder.held(self.scan.released()),
        }
    }

    fn run(&mut self, out: &mut String, go: impl FnOnce(&mut Scan, &Links, &str, &mut Output<'_>)) {
        let (scan, links, found) = (&mut self.scan, &self.links, &mut self.found);
        match &mut self.form {
            Form::Plain(text) => {
                go(scan, links, text, &mut Output { out, found, json: None });
                let settled = scan.released();
                text.drain(..settled);
                scan.forget(settled);
            }
            Form::Json(decoder) => {
                let text = decoder.take_text();
                go(scan, links, &text, &mut Output { out, found, json: Some(decoder) });
                let settled = scan.released();
                decoder.settle(text, settled);
                scan.forget(settled);
            }
        }
    }
}

impl fmt::Debug for LinkStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkStream").field("held", &self.held()).field("found", &self.found).finish_non_exhaustive()
    }
}

/// Where a scan's results go: the text with its marks, and the counts.
struct Output<'a> {
    out: &'a mut String,
    found: &'a mut Found,
    json: Option<&'a Decoder>,
}

impl Sink for Output<'_> {
    fn release(&mut self, text: &str, range: Range<usize>) {
        self.out.push_str(
            self.json.map_or_else(|| text.get(range.clone()), |json| json.source(&range)).unwrap_or_default(),
        );
    }

    fn take(&mut self, kind: Kind) {
        for piece in ["[REDACTED:", kind.name(), "]"] {
            self.out.push_str(piece);
        }
        *self.found.entry(Arc::from(kind.name())).or_default() += 1;
    }
}
