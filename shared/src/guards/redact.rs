//! Redaction of secrets and personal data, whole and streaming: one function with two forms.
//!
//! At each position in turn the longest match of any pattern counts, of equals the earlier in the table. A match that
//! its check refuses is none, and the scan goes on one byte after its start; else the secret in it is replaced by
//! `[REDACTED:name]`, and the scan goes on after the match. A private key's header is followed by a block, swallowed
//! up to its footer, to the first byte that no key can hold, or for 64 KiB.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod block;
mod checks;
mod compile;
mod operator;
#[cfg_attr(not(test), expect(dead_code, reason = "the build script compiles the languages"))]
mod patterns;
mod rules;
mod scan;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod utf8;

pub use patterns::Class;
pub use stream::{Found, RedactionStream};

use super::BadPattern;
use operator::Own;
use rules::Rules;
use scan::{Scan, Sink};
use stream::Output;

/// The `[output]` table of a policy, as far as the redactor reads it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Types to turn off or on; a type not named is on.
    pub types: BTreeMap<String, bool>,
    /// The operator's own patterns.
    pub patterns: Vec<OperatorPattern>,
    /// Addresses that are taken out: not the redactor's to read.
    pub links: super::links::Settings,
}

/// A pattern of the operator's own, replaced by `[REDACTED:name]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorPattern {
    /// The name in the mark and in records: lower-case letters, digits and `_`.
    pub name: String,
    /// A regular expression with a finite longest match. The longest match counts, whatever its quantifiers prefer.
    pub pattern: String,
}

/// A text without its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Redaction<'a> {
    /// The text with its marks.
    pub text: Cow<'a, str>,
    /// How often each type was redacted.
    pub found: Found,
}

impl fmt::Debug for Redaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("text", &format_args!("{} bytes", self.text.len()))
            .field("found", &self.found)
            .finish()
    }
}

/// What is redacted, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Bytes of the text, on character boundaries.
    pub range: Range<usize>,
    /// The type's name.
    pub name: Arc<str>,
}

/// Takes secrets and personal data out of texts. Built once per policy; cloning shares it.
#[derive(Clone)]
pub struct Redactor {
    all: Arc<Rules>,
    secrets: Arc<OnceLock<Arc<Rules>>>,
    types: Arc<BTreeMap<String, bool>>,
}

impl Redactor {
    /// All standard types, and nothing else. Nothing is compiled: the automaton is part of the program.
    #[must_use]
    pub fn standard() -> Self {
        Self::with(BTreeMap::new(), Own::default())
    }

    /// What a policy wants.
    ///
    /// # Errors
    /// [`BadPattern`] for a type that does not exist (its index counts the types) and for an operator's pattern that is
    /// malformed, has no finite longest match, can be empty, looks around, or makes the automaton too large.
    pub fn new(settings: &Settings) -> Result<Self, BadPattern> {
        for (index, name) in settings.types.keys().enumerate() {
            if name == patterns::KEPT || !Self::types().any(|(known, _)| known == name) {
                let names: Vec<&str> = Self::types().map(|(name, _)| name).collect();
                let reason = format!("there is no such type; the types are {}", names.join(", "));
                return Err(BadPattern { name: name.clone(), index, reason });
            }
        }
        Ok(Self::with(settings.types.clone(), operator::compile(&settings.patterns)?))
    }

    fn with(types: BTreeMap<String, bool>, own: Own) -> Self {
        let all = Rules::new(|name, _| types.get(name).copied().unwrap_or(true), own);
        Self { all: Arc::new(all), secrets: Arc::default(), types: Arc::new(types) }
    }

    /// The standard types and their classes, in the table's order.
    pub fn types() -> impl Iterator<Item = (&'static str, Class)> {
        let entries = patterns::TABLE.iter().filter(|entry| entry.name != patterns::KEPT);
        let mut last = patterns::KEPT;
        entries.filter_map(move |entry| {
            (std::mem::replace(&mut last, entry.name) != entry.name).then_some((entry.name, entry.class))
        })
    }

    /// The same redactor for secrets and the operator's patterns alone: personal data passes. Made at its first use.
    #[must_use]
    pub fn secrets(&self) -> Self {
        let secrets = self.secrets.get_or_init(|| {
            let on = |name: &str, class| class == Class::Secret && self.types.get(name).copied().unwrap_or(true);
            Arc::new(self.all.with(on))
        });
        Self { all: Arc::clone(secrets), secrets: Arc::clone(&self.secrets), types: Arc::clone(&self.types) }
    }

    /// Redacts a whole text.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Redaction<'a> {
        let mut found = Found::new();
        let mut out = String::with_capacity(text.len());
        Scan::default().finish(&self.all, text, &mut Output { out: &mut out, found: &mut found, json: None });
        let text = if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out) };
        Redaction { text, found }
    }

    /// What [`Self::redact`] replaces, in order.
    #[must_use]
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let mut spans = Spans(Vec::new());
        Scan::default().finish(&self.all, text, &mut spans);
        spans.0
    }

    /// Redacts a text as it comes. Cheap: one per text.
    #[must_use]
    pub fn stream(&self) -> RedactionStream {
        RedactionStream::new(Arc::clone(&self.all), false)
    }

    /// Redacts a text that is JSON as it comes: escapes are decoded for matching, and the output is JSON of the same
    /// shape, with marks in its strings and for numbers that were secrets. Text that is no JSON is redacted as well.
    #[must_use]
    pub fn json_stream(&self) -> RedactionStream {
        RedactionStream::new(Arc::clone(&self.all), true)
    }

    /// Redacts a whole text that is JSON, as [`Self::json_stream`] does.
    #[must_use]
    pub fn redact_json_text(&self, text: &str) -> Redaction<'static> {
        let (mut stream, mut out) = (self.json_stream(), String::new());
        stream.push(text.as_bytes(), &mut out);
        let found = stream.finish(&mut out);
        Redaction { text: Cow::Owned(out), found }
    }

    /// Redacts every string of a JSON value: keys, values, and numbers, which become strings where they are secrets.
    pub fn redact_json(&self, value: &mut Value) -> Found {
        let mut found = Found::new();
        self.visit(value, &mut found);
        found
    }

    fn visit(&self, value: &mut Value, found: &mut Found) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let text = number.to_string();
                let whole = matches!(self.spans(&text).as_slice(), [only] if only.range == (0..text.len()));
                if whole {
                    *value = Value::String(self.string(text, found));
                }
            }
            Value::String(text) => *text = self.string(std::mem::take(text), found),
            Value::Array(values) => values.iter_mut().for_each(|value| self.visit(value, found)),
            Value::Object(fields) => {
                let old = std::mem::take(fields);
                for (key, mut value) in old {
                    self.visit(&mut value, found);
                    fields.insert(self.string(key, found), value);
                }
            }
        }
    }

    fn string(&self, text: String, found: &mut Found) -> String {
        let redaction = self.redact(&text);
        for (name, count) in redaction.found {
            *found.entry(name).or_default() += count;
        }
        match redaction.text {
            Cow::Borrowed(_) => text,
            Cow::Owned(redacted) => redacted,
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("types", &self.types).finish_non_exhaustive()
    }
}

struct Spans(Vec<Span>);

impl Sink for Spans {
    fn release(&mut self, _text: &str, _range: Range<usize>) {}

    fn replace(&mut self, rules: &Rules, pattern: usize, range: Range<usize>) {
        self.0.push(Span { range, name: rules.name(pattern) });
    }

    fn swallow(&mut self, range: Range<usize>) {
        if let Some(last) = self.0.last_mut() {
            last.range.end = range.end;
        }
    }
}
