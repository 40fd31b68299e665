//! The stream form: text comes in pieces, cut anywhere, and goes out as soon as no pattern can still claim it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::rules::Rules;
use super::scan::{Scan, Sink};
use super::utf8::Characters;
use crate::guards::json::Decoder;

/// How often each type was redacted, by its name.
pub type Found = BTreeMap<Arc<str>, u32>;

/// One text being redacted as it comes.
///
/// However the text is cut, the output and what was found are those of [`Redactor::redact`](super::Redactor::redact).
pub struct RedactionStream {
    rules: Arc<Rules>,
    scan: Scan,
    characters: Characters,
    form: Form,
    found: Found,
}

/// How much of a text is cut off its start now: all that is released, once that is worth moving the rest.
fn disposable(released: usize, length: usize) -> usize {
    const WORTH: usize = 1024;
    if released == length || released >= WORTH { released } else { 0 }
}

/// What the text is.
enum Form {
    /// Itself, from some point before which all is released.
    Plain(String),
    /// JSON: escapes are decoded for matching.
    Json(Box<Decoder>),
}

impl RedactionStream {
    pub(super) fn new(rules: Arc<Rules>, json: bool) -> Self {
        let form = if json { Form::Json(Box::default()) } else { Form::Plain(String::new()) };
        let scan = if json { Scan::of_json() } else { Scan::default() };
        Self { rules, scan, characters: Characters::default(), form, found: Found::new() }
    }

    /// Takes a piece, and appends to `out` what may be released: whole characters only. Bytes that are not UTF-8 become
    /// U+FFFD, as [`String::from_utf8_lossy`] has it.
    pub fn push(&mut self, chunk: &[u8], out: &mut String) {
        let (characters, form) = (&mut self.characters, &mut self.form);
        match form {
            Form::Plain(text) => characters.decode(chunk, |piece| text.push_str(piece)),
            Form::Json(decoder) => characters.decode(chunk, |piece| decoder.push(piece)),
        }
        self.run(out, |scan, rules, text, sink| scan.run(rules, text, sink));
    }

    /// Releases the rest, and tells what was found in all of the text.
    pub fn finish(mut self, out: &mut String) -> Found {
        let cut = self.characters.finish();
        match &mut self.form {
            Form::Plain(text) => text.push_str(cut),
            Form::Json(decoder) => decoder.finish(cut),
        }
        self.run(out, |scan, rules, text, sink| scan.finish(rules, text, sink));
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
        let text = match &self.form {
            Form::Plain(text) => text.len() - self.scan.released(),
            Form::Json(decoder) => decoder.held(self.scan.released()),
        };
        text + self.characters.held()
    }

    /// How many steps the automata took: the measure of the work done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.scan.steps()
    }

    fn run(&mut self, out: &mut String, go: impl FnOnce(&mut Scan, &Rules, &str, &mut Output<'_>)) {
        let (scan, found) = (&mut self.scan, &mut self.found);
        match &mut self.form {
            Form::Plain(text) => {
                go(scan, &self.rules, text, &mut Output { out, found, json: None });
                let settled = disposable(scan.released(), text.len());
                text.drain(..settled);
                scan.forget(settled);
            }
            Form::Json(decoder) => {
                let text = decoder.take_text();
                go(scan, &self.rules, &text, &mut Output { out, found, json: Some(decoder) });
                let settled = disposable(scan.released(), text.len());
                decoder.settle(text, settled);
                scan.forget(settled);
            }
        }
    }
}

impl fmt::Debug for RedactionStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactionStream").field("held", &self.held()).field("found", &self.found).finish()
    }
}

/// Where a scan's results go: the text with its marks, and the counts.
pub(super) struct Output<'a> {
    pub(super) out: &'a mut String,
    pub(super) found: &'a mut Found,
    pub(super) json: Option<&'a Decoder>,
}

impl Sink for Output<'_> {
    fn release(&mut self, text: &str, range: Range<usize>) {
        self.out.push_str(
            self.json.map_or_else(|| text.get(range.clone()), |json| json.source(&range)).unwrap_or_default(),
        );
    }

    fn admits(&self, _text: &str, range: &Range<usize>) -> bool {
        self.json.is_none_or(|json| json.admits(range))
    }

    fn replace(&mut self, rules: &Rules, pattern: usize, range: Range<usize>) {
        let name = rules.name(pattern);
        let quote = if self.json.is_some_and(|json| json.is_bare(&range)) { "\"" } else { "" };
        for piece in [quote, "[REDACTED:", &name, "]", quote] {
            self.out.push_str(piece);
        }
        *self.found.entry(name).or_default() += 1;
    }

    fn swallow(&mut self, _range: Range<usize>) {}
}
