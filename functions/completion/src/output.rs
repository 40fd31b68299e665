//! Makes an answer fit to leave: redacted, and watched for the system prompt's canary.

use std::collections::BTreeMap;

use shared::answer::{Candidate, Chunk, for_each_string};
use shared::conversation::{Content, Part, Provenance, Text};
use shared::guards::redact::{Found, RedactionStream, Redactor};
use shared::policy::ToolArguments;

/// The redactor's name for our own marker.
const CANARY: &str = "canary";

/// Redacts one answer, piece by piece.
pub struct Outlet<'r> {
    redactor: &'r Redactor,
    /// What redacts the arguments of function calls.
    arguments: Redactor,
    json: bool,
    /// One stream a candidate: text that is cut between two chunks is still one text.
    streams: BTreeMap<u32, RedactionStream>,
    found: Found,
    leaked: bool,
}

impl<'r> Outlet<'r> {
    /// An outlet for one answer. `json` says that its text is JSON, whose escapes are read through.
    #[must_use]
    pub fn new(redactor: &'r Redactor, json: bool, arguments: ToolArguments) -> Self {
        let arguments = match arguments {
            ToolArguments::All => redactor.clone(),
            ToolArguments::Secrets => redactor.secrets(),
        };
        Self { redactor, arguments, json, streams: BTreeMap::new(), found: Found::new(), leaked: false }
    }

    /// What may leave of a chunk now. Text that may still become a match is held for a later one, at the latest for
    /// the one that ends its candidate.
    pub fn pass(&mut self, mut chunk: Chunk) -> Chunk {
        for candidate in &mut chunk.candidates {
            self.candidate(candidate);
        }
        chunk
    }

    /// What was found so far, in text that is still held back too.
    #[must_use]
    pub fn found(&self) -> Found {
        let mut all = self.found.clone();
        self.streams.values().for_each(|stream| add(&mut all, stream.found().clone()));
        all
    }

    /// Whether the answer repeated the system instruction's marker.
    #[must_use]
    pub fn leaked(&self) -> bool {
        self.leaked || self.found.contains_key(CANARY)
    }

    fn candidate(&mut self, candidate: &mut Candidate) {
        let index = candidate.index;
        let mut parts = Vec::with_capacity(candidate.parts.len());
        for part in std::mem::take(&mut candidate.parts) {
            if let Content::Text(text) = &part.content {
                let released = self.push(index, text);
                // An empty text matters only for the signature that it carries.
                if !released.is_empty() || part.thought_signature.is_some() {
                    parts.push(Part { content: Content::Text(released.into()), ..part });
                }
                continue;
            }
            // What is not text ends the text before it.
            parts.extend(self.flush(index));
            parts.push(self.whole(part));
        }
        if candidate.finish_reason.is_some() {
            parts.extend(self.flush(index));
        }
        candidate.parts = parts;
        if let Some(message) = &mut candidate.finish_message {
            *message = self.text(message);
        }
        for (_, extra) in &mut candidate.extras {
            for_each_string(&mut extra.0, &mut |text| *text = redact(self.redactor, &mut self.found, text));
        }
    }

    fn push(&mut self, index: u32, text: &Text) -> String {
        let (redactor, json) = (self.redactor, self.json);
        let stream =
            self.streams.entry(index).or_insert_with(|| if json { redactor.json_stream() } else { redactor.stream() });
        let mut released = String::with_capacity(text.len());
        stream.push(text.expose().as_bytes(), &mut released);
        self.leaked |= stream.found().contains_key(CANARY);
        released
    }

    fn flush(&mut self, index: u32) -> Option<Part> {
        let stream = self.streams.remove(&index)?;
        let mut rest = String::new();
        add(&mut self.found, stream.finish(&mut rest));
        (!rest.is_empty()).then(|| Part::text(Provenance::Model, rest))
    }

    fn whole(&mut self, mut part: Part) -> Part {
        match &mut part.content {
            Content::Call { args, .. } => {
                let found = self.arguments.redact_json(&mut args.0);
                add(&mut self.found, found);
            }
            Content::Code { code, .. } => *code = self.text(code),
            Content::CodeResult { output, .. } => *output = self.text(output),
            Content::Reply { response, .. } => {
                let found = self.redactor.redact_json(&mut response.0);
                add(&mut self.found, found);
            }
            Content::Text(text) => *text = self.text(text),
            Content::Inline { .. } => {}
        }
        part
    }

    fn text(&mut self, text: &Text) -> Text {
        redact(self.redactor, &mut self.found, text.expose()).into()
    }
}

fn redact(redactor: &Redactor, all: &mut Found, text: &str) -> String {
    let redaction = redactor.redact(text);
    add(all, redaction.found);
    redaction.text.into_owned()
}

fn add(all: &mut Found, found: Found) {
    for (name, count) in found {
        *all.entry(name).or_default() += count;
    }
}
