//! Makes an answer fit to leave: redacted, and watched for the system prompt's canary.

use std::collections::{BTreeMap, VecDeque};

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
        let mut shares = Shares::default();
        for part in std::mem::take(&mut candidate.parts) {
            if let Content::Text(text) = &part.content {
                let released = self.push(index, text);
                shares.open(Part { content: Content::Text(Text::default()), ..part }, &released);
                continue;
            }
            // What is not text ends the text before it.
            shares.close(self.flush(index));
            shares.parts.push(self.whole(part));
        }
        if candidate.finish_reason.is_some() {
            shares.close(self.flush(index));
        }
        candidate.parts = shares.into_parts();
        if let Some(message) = &mut candidate.finish_message {
            *message = self.text(message);
        }
        for (_, extra) in &mut candidate.extras {
            for_each_string(&mut extra.0, &mut |text| *text = redact(self.redactor, &mut self.found, text));
        }
    }

    fn push(&mut self, index: u32, text: &Text) -> Released {
        let (redactor, json) = (self.redactor, self.json);
        let stream =
            self.streams.entry(index).or_insert_with(|| if json { redactor.json_stream() } else { redactor.stream() });
        let mut released = String::with_capacity(text.len());
        let before: u32 = stream.found().values().sum();
        stream.push(text.expose().as_bytes(), &mut released);
        self.leaked |= stream.found().contains_key(CANARY);
        let unchanged = stream.found().values().sum::<u32>() == before;
        Released { text: released, unchanged, held: stream.held() }
    }

    fn flush(&mut self, index: u32) -> Option<Released> {
        let stream = self.streams.remove(&index)?;
        let before: u32 = stream.found().values().sum();
        let mut rest = String::new();
        let found = stream.finish(&mut rest);
        let unchanged = found.values().sum::<u32>() == before;
        add(&mut self.found, found);
        Some(Released { text: rest, unchanged, held: 0 })
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

/// What a stream let go of at once.
struct Released {
    text: String,
    /// Whether that is what went in, to the letter.
    unchanged: bool,
    /// How many bytes stay behind.
    held: usize,
}

/// Hands text out to the parts it came from: what was held back at the end of one part is released with a later one.
/// Clients join parts, so that only its order is owed to them; but some read the first part alone.
#[derive(Default)]
struct Shares {
    parts: Vec<Part>,
    /// Text parts that still wait for bytes, by place.
    waiting: VecDeque<(usize, usize)>,
}

impl Shares {
    /// Adds a text part, and hands out what its text released.
    fn open(&mut self, part: Part, released: &Released) {
        let place = self.parts.len();
        self.parts.push(part);
        // Whatever else was released or is held after this push came with this part.
        let earlier: usize = self.waiting.iter().map(|(_, bytes)| bytes).sum();
        let own = (released.text.len() + released.held).saturating_sub(earlier);
        self.waiting.push_back((place, own));
        self.hand_out(released, place);
    }

    /// Ends a text.
    fn close(&mut self, released: Option<Released>) {
        let Some(released) = released else { return };
        let place = match (self.waiting.back(), released.text.is_empty()) {
            (_, true) => return,
            (Some((place, _)), false) => *place,
            (None, false) => {
                // All of it was held back from earlier chunks.
                self.parts.push(Part::text(Provenance::Model, ""));
                self.parts.len() - 1
            }
        };
        self.hand_out(&released, place);
        self.waiting.clear();
    }

    fn hand_out(&mut self, released: &Released, newest: usize) {
        let mut text = released.text.as_str();
        if !released.unchanged {
            // A mark stands for text of unknown parts: it goes to the newest.
            self.append(newest, text);
            self.waiting.clear();
            self.waiting.push_back((newest, released.held));
            return;
        }
        while let Some((place, bytes)) = self.waiting.front_mut() {
            let (own, rest) = text.split_at(text.floor_char_boundary(*bytes));
            *bytes -= own.len();
            let (place, done) = (*place, *bytes == 0);
            text = rest;
            self.append(place, own);
            if !done {
                break;
            }
            self.waiting.pop_front();
        }
        self.append(newest, text);
    }

    fn append(&mut self, place: usize, more: &str) {
        if let Some(Part { content: Content::Text(text), .. }) = self.parts.get_mut(place) {
            *text = (std::mem::take(text).into_exposed() + more).into();
        }
    }

    /// The parts. An empty text matters only for the signature that it carries.
    fn into_parts(self) -> Vec<Part> {
        let matters = |part: &Part| {
            part.thought_signature.is_some() || !matches!(&part.content, Content::Text(text) if text.is_empty())
        };
        self.parts.into_iter().filter(matters).collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::conversation::{Json, Signature};

    use super::*;

    fn chunk(parts: Vec<Part>, finish: Option<&str>) -> Chunk {
        let candidate = Candidate { parts, finish_reason: finish.map(str::to_owned), ..Candidate::default() };
        Chunk { candidates: vec![candidate], ..Chunk::default() }
    }

    fn text(text: &str) -> Part {
        Part::text(Provenance::Model, text)
    }

    fn call(args: serde_json::Value) -> Part {
        let content = Content::Call { id: None, name: "send".into(), args: Json(args) };
        Part { provenance: Provenance::Model, content, thought_signature: Some(Signature("c2ln".into())) }
    }

    fn outlet(redactor: &Redactor) -> Outlet<'_> {
        Outlet::new(redactor, false, ToolArguments::Secrets)
    }

    fn parts(chunk: Chunk) -> Vec<Part> {
        chunk.candidates.into_iter().flat_map(|candidate| candidate.parts).collect()
    }

    #[test]
    fn an_address_cut_between_two_chunks_is_one_address() {
        let redactor = Redactor::standard();
        let mut outlet = outlet(&redactor);
        assert_eq!(parts(outlet.pass(chunk(vec![text("write ada@exam")], None))), [text("write ")]);
        assert_eq!(parts(outlet.pass(chunk(vec![text("ple.com.")], Some("STOP")))), [text("[REDACTED:email].")]);
        assert_eq!(outlet.found().values().sum::<u32>(), 1);
    }

    #[test]
    fn an_address_cut_between_two_parts_is_one_address() {
        let redactor = Redactor::standard();
        let whole = outlet(&redactor).pass(chunk(vec![text("ada@exam"), text("ple.com")], Some("STOP")));
        assert_eq!(parts(whole), [text("[REDACTED:email]")]);
    }

    #[test]
    fn text_that_was_held_back_returns_to_its_part() {
        let redactor = Redactor::standard();
        let told = vec![text("Write to ada.lovelace"), text("and say"), text(" héllo ada.l"), text("x")];
        assert_eq!(parts(outlet(&redactor).pass(chunk(told.clone(), Some("STOP")))), told);
    }

    #[test]
    fn text_held_back_from_an_earlier_chunk_comes_with_the_next() {
        let redactor = Redactor::standard();
        let mut outlet = outlet(&redactor);
        assert_eq!(parts(outlet.pass(chunk(vec![text("see ada.l")], None))), [text("see ")]);
        assert_eq!(parts(outlet.pass(chunk(vec![text("ove")], None))), []);
        assert_eq!(parts(outlet.pass(chunk(Vec::new(), Some("STOP")))), [text("ada.love")]);
    }

    #[test]
    fn a_call_follows_all_the_text_before_it_and_keeps_its_signature() {
        let redactor = Redactor::standard();
        let passed = parts(outlet(&redactor).pass(chunk(vec![text("calling"), call(json!({"a": 1}))], None)));
        assert_eq!(passed, [text("calling"), call(json!({"a": 1}))]);
    }

    #[test]
    fn arguments_lose_secrets_and_keep_the_data_that_the_call_is_about() {
        let redactor = Redactor::standard();
        let key = ["AKIA", "ABCDEFGHIJKLMNOP"].concat();
        let args = json!({"to": "ada@example.com", "body": {"lines": [key]}});
        let passed = parts(outlet(&redactor).pass(chunk(vec![call(args)], None)));
        let kept = json!({"to": "ada@example.com", "body": {"lines": ["[REDACTED:aws_key]"]}});
        assert_eq!(passed, [call(kept)]);
    }

    #[test]
    fn a_signature_without_text_passes() {
        let redactor = Redactor::standard();
        let signed = Part { thought_signature: Some(Signature("c2ln".into())), ..text("") };
        assert_eq!(parts(outlet(&redactor).pass(chunk(vec![signed.clone()], None))), [signed]);
    }

    #[test]
    fn the_canary_is_noticed_as_soon_as_it_is_whole() {
        let redactor = Redactor::standard();
        let mut outlet = outlet(&redactor);
        let canary = format!("ghc_{}", "a2".repeat(13));
        let (head, tail) = canary.split_at(20);
        outlet.pass(chunk(vec![text(head)], None));
        assert!(!outlet.leaked());
        outlet.pass(chunk(vec![text(tail), text(" is my reference")], None));
        assert!(outlet.leaked());
    }

    #[test]
    fn further_fields_are_redacted_too() {
        let redactor = Redactor::standard();
        let mut noted = chunk(Vec::new(), Some("STOP"));
        noted.candidates[0].finish_message = Some("ask ada@example.com".into());
        noted.candidates[0].extras.push(("groundingMetadata", Json(json!({"webSearchQueries": ["ada@example.com"]}))));
        let passed = outlet(&redactor).pass(noted);
        let candidate = &passed.candidates[0];
        assert_eq!(candidate.finish_message.as_ref().unwrap().expose(), "ask [REDACTED:email]");
        assert_eq!(candidate.extras[0].1.0, json!({"webSearchQueries": ["[REDACTED:email]"]}));
    }
}
