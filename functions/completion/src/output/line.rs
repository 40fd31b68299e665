//! One candidate's answer on its way out: its text runs through one redaction stream, and its parts keep their order.

use std::collections::VecDeque;

use shared::conversation::{Content, Part, Text};
use shared::guards::redact::{Found, RedactionStream};

/// What a candidate has said and not yet let go of.
///
/// Text is one text from the first part to the last, whatever stands between: clients join it. A part that is no text
/// waits until all text before it has gone; a match that runs across it leaves its mark before it.
#[derive(Debug)]
pub(super) struct Line {
    stream: Option<RedactionStream>,
    waiting: VecDeque<Waiting>,
    found: Found,
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
    pub(super) const fn new(stream: RedactionStream) -> Self {
        Self { stream: Some(stream), waiting: VecDeque::new(), found: Found::new() }
    }

    /// Takes the next part. What comes after the end is none of the answer.
    pub(super) fn push(&mut self, part: Part) {
        let Some(stream) = &mut self.stream else { return };
        let Content::Text(text) = &part.content else {
            self.waiting.push_back(Waiting::Other(part));
            return;
        };
        let (length, before) = (text.len(), stream.held());
        let mut released = String::with_capacity(length);
        stream.push(text.expose().as_bytes(), &mut released);
        let held = stream.held();
        let shell = Part { content: Content::Text(Text::default()), ..part };
        self.waiting.push_back(Waiting::Text { shell, ready: String::new(), owed: length });
        self.settle(&released, before + length == released.len() + held, held);
    }

    /// Ends the text, and lets go of all of it.
    pub(super) fn end(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        let before = stream.held();
        let mut released = String::new();
        self.found = stream.finish(&mut released);
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
    pub(super) fn found(&self) -> &Found {
        self.stream.as_ref().map_or(&self.found, RedactionStream::found)
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
