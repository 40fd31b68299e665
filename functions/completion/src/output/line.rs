//! One candidate's answer on its way out: its text runs through the filter of links and then through the redactor, as one
//! text, and its parts keep their order.

use std::collections::VecDeque;

use shared::conversation::{Content, Part, Text};
use shared::guards::links::LinkStream;
use shared::guards::redact::{Found, RedactionStream};

use super::add;

/// What a candidate has said and not yet let go of.
///
/// Text is one text from the first part to the last, whatever stands between: clients join it. A part that is no text
/// waits until all text before it has gone; a match that runs across it leaves its mark before it.
#[derive(Debug)]
pub(super) struct Line {
    streams: Option<Streams>,
    waiting: VecDeque<Waiting>,
    found: Found,
}

#[derive(Debug)]
struct Streams {
    links: LinkStream,
    secrets: RedactionStream,
}

impl Streams {
    fn held(&self) -> usize {
        self.links.held() + self.secrets.held()
    }

    fn push(&mut self, text: &str, out: &mut String) {
        let mut filtered = String::with_capacity(text.len());
        self.links.push(text, &mut filtered);
        self.secrets.push(filtered.as_bytes(), out);
    }

    fn finish(mut self, out: &mut String) -> Found {
        let mut filtered = String::new();
        let mut found = self.links.finish(&mut filtered);
        self.secrets.push(filtered.as_bytes(), out);
        add(&mut found, self.secrets.finish(out));
        found
    }
}

#[derive(Debug)]
enum Waiting {
    /// A part that is no text, ready to leave.
    Other(Part),
    /// A text part.
    Text {
        /// The part, without its text.
        shell: Part,
        /// Text that may leave.
        ready: String,
        /// How many bytes of it the stream still holds.
        owed: usize,
    },
}

impl Line {
    pub(super) const fn new(links: LinkStream, secrets: RedactionStream) -> Self {
        Self { streams: Some(Streams { links, secrets }), waiting: VecDeque::new(), found: Found::new() }
    }

    /// Takes the next part. What comes after the end is none of the answer.
    pub(super) fn push(&mut self, part: Part) {
        let Some(streams) = &mut self.streams else { return };
        let Content::Text(text) = &part.content else {
            self.waiting.push_back(Waiting::Other(part));
            return;
        };
        let (length, before) = (text.len(), streams.held());
        let mut released = String::with_capacity(length);
        streams.push(text.expose(), &mut released);
        let held = streams.held();
        let shell = Part { content: Content::Text(Text::default()), ..part };
        self.waiting.push_back(Waiting::Text { shell, ready: String::new(), owed: length });
        self.settle(&released, before + length == released.len() + held, held);
    }

    /// Ends the text, and lets go of all of it.
    pub(super) fn end(&mut self) {
        let Some(streams) = self.streams.take() else { return };
        let before = streams.held();
        let mut released = String::new();
        self.found = streams.finish(&mut released);
        self.settle(&released, before == released.len(), 0);
    }

    /// The parts that may leave now, in order. An empty text matters only for the signature that it carries.
    pub(super) fn take(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        while let Some(first) = self.waiting.pop_front() {
            match first {
                Waiting::Other(part) => parts.push(part),
                Waiting::Text { shell, ready, owed: 0 } => {
                    if !ready.is_empty() || shell.thought_signature.is_some() {
                        parts.push(Part { content: Content::Text(ready.into()), ..shell });
                    }
                }
                Waiting::Text { shell, ready, owed } => {
                    if !ready.is_empty() {
                        // The signature goes with the end of its part.
                        parts.push(Part {
                            content: Content::Text(ready.into()),
                            thought_signature: None,
                            provenance: shell.provenance,
                        });
                    }
                    self.waiting.push_front(Waiting::Text { shell, ready: String::new(), owed });
                    break;
                }
            }
        }
        parts
    }

    /// What was found so far, in text that is still held back too.
    pub(super) fn found(&self) -> Found {
        let Some(Streams { links, secrets }) = &self.streams else { return self.found.clone() };
        let mut all = links.found().clone();
        add(&mut all, secrets.found().clone());
        all
    }

    /// Whether a secret of this name was found.
    pub(super) fn has(&self, name: &str) -> bool {
        self.streams.as_ref().map_or(&self.found, |streams| streams.secrets.found()).contains_key(name)
    }

    /// Hands released text to the parts that it came from. Where it is `unchanged` that is a matter of counting;
    /// otherwise there is a mark in it that stands for text of unknown parts, and all of it goes to the first.
    fn settle(&mut self, released: &str, unchanged: bool, held: usize) {
        let mut text = released;
        let mut left = held;
        let texts = self.waiting.iter_mut().filter_map(|waiting| match waiting {
            Waiting::Other(_) => None,
            Waiting::Text { ready, owed, .. } => Some((ready, owed)),
        });
        if unchanged {
            for (ready, owed) in texts {
                let (own, rest) = text.split_at(text.floor_char_boundary(*owed));
                ready.push_str(own);
                *owed -= own.len();
                text = rest;
            }
            return;
        }
        let mut texts: Vec<_> = texts.collect();
        if let Some((ready, _)) = texts.first_mut() {
            ready.push_str(text);
        }
        // What is still held is the end of what was said.
        for (_, owed) in texts.iter_mut().rev() {
            **owed = left.min(**owed);
            left -= **owed;
        }
    }
}
