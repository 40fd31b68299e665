//! Writes answers of the `OpenAI` surface: a completion, or the chunks of one.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use shared::answer::{Candidate, Chunk, Usage};
use shared::conversation::{Content, Part, Signature};

use super::calls;
use crate::finish::{self, Finish};
use crate::problem::{Code, Problem};
use crate::surface::{Request, event};

/// What a client reads where its prompt or the answer was held back.
const WITHHELD: &str = "The prompt or the answer was blocked.";

/// One completion, told whole or in chunks.
#[derive(Debug)]
pub(crate) struct Voice {
    request_id: String,
    created: u64,
    model: String,
    usage_event: bool,
    /// Whether a chunk has gone out, and with it the role.
    begun: bool,
    /// Whether there was any text.
    said: bool,
    /// How many calls there were.
    calls: usize,
    ending: Option<Ending>,
    usage: Option<Usage>,
}

/// How a completion ended, of the ways that there are words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Filtered,
    Length,
    Stop,
}

/// What a chunk adds.
struct Delta {
    text: String,
    calls: Vec<Value>,
}

impl Voice {
    pub(crate) fn new(request: &Request, request_id: &str, created: u64) -> Self {
        Self {
            request_id: request_id.to_owned(),
            created,
            model: request.model.clone(),
            usage_event: request.usage_event,
            begun: false,
            said: false,
            calls: 0,
            ending: None,
            usage: None,
        }
    }

    /// A `chat.completion`.
    pub(crate) fn whole(&mut self, chunk: &Chunk) -> Result<Value, Problem> {
        let Delta { text, mut calls } = self.hear(chunk)?;
        for call in calls.iter_mut().filter_map(Value::as_object_mut) {
            call.remove("index");
        }
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        let silent = text.is_empty() && (self.calls > 0 || self.ending == Some(Ending::Filtered));
        message.insert("content".into(), if silent { Value::Null } else { text.into() });
        message.insert("refusal".into(), self.refusal().into());
        if !calls.is_empty() {
            message.insert("tool_calls".into(), calls.into());
        }
        let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason()});
        let mut body = self.frame("chat.completion", json!([choice]));
        body.insert("usage".into(), self.usage());
        Ok(body.into())
    }

    /// A `chat.completion.chunk` as an event; nothing where there is nothing to tell yet. How it ended waits for
    /// [`Voice::end`], so that nothing reads as a success before the whole of it is one.
    pub(crate) fn piece(&mut self, chunk: &Chunk) -> Result<Bytes, Problem> {
        let Delta { text, calls } = self.hear(chunk)?;
        if text.is_empty() && calls.is_empty() {
            return Ok(Bytes::new());
        }
        let mut delta = Map::new();
        if !text.is_empty() {
            delta.insert("content".into(), text.into());
        }
        if !calls.is_empty() {
            delta.insert("tool_calls".into(), calls.into());
        }
        Ok(self.chunk(delta, None))
    }

    /// The last chunks, and the mark behind them.
    pub(crate) fn end(&mut self) -> Bytes {
        let mut delta = Map::new();
        delta.extend(self.refusal().map(|text| ("refusal".to_owned(), text.into())));
        let mut all = self.chunk(delta, Some(self.finish_reason())).to_vec();
        if self.usage_event {
            let mut body = self.frame("chat.completion.chunk", json!([]));
            body.insert("usage".into(), self.usage());
            all.extend(event(&body));
        }
        all.extend(b"data: [DONE]\n\n");
        all.into()
    }

    /// Takes in what a chunk says, and how it ends.
    fn hear(&mut self, chunk: &Chunk) -> Result<Delta, Problem> {
        self.usage = chunk.usage.or(self.usage);
        if let Some(model) = &chunk.model_version {
            self.model.clone_from(model);
        }
        if chunk.blocked() {
            self.ending = Some(Ending::Filtered);
        }
        let mut delta = Delta { text: String::new(), calls: Vec::new() };
        // One choice is asked for, and one is answered.
        let Some(candidate) = chunk.candidates.first() else { return Ok(delta) };
        if let Some(reason) = &candidate.finish_reason {
            self.ending = Some(ending(reason)?);
        }
        self.parts(candidate, &mut delta);
        self.said |= !delta.text.is_empty();
        Ok(delta)
    }

    fn parts(&mut self, candidate: &Candidate, delta: &mut Delta) {
        for part in &candidate.parts {
            match &part.content {
                Content::Text(text) => delta.text.push_str(text.expose()),
                Content::Call { id, name, args } => {
                    let call = self.call(id.as_deref(), name, &args.0, part);
                    delta.calls.push(call);
                }
                // A completion has no place for these, and no field of this surface asks for them.
                Content::Code { .. } | Content::CodeResult { .. } | Content::Inline { .. } | Content::Reply { .. } => {
                    tracing::debug!("dropped a part that a completion cannot hold");
                }
            }
        }
    }

    fn call(&mut self, id: Option<&str>, name: &str, args: &Value, part: &Part) -> Value {
        let place = self.calls;
        self.calls += 1;
        let mut call = Map::new();
        call.insert("index".into(), place.into());
        let id = id.filter(|id| !id.is_empty()).map_or_else(|| calls::mint(&self.request_id, place), str::to_owned);
        call.insert("id".into(), id.into());
        call.insert("type".into(), "function".into());
        call.insert("function".into(), json!({"name": name, "arguments": args.to_string()}));
        if let Some(Signature(signature)) = &part.thought_signature {
            call.insert("extra_content".into(), json!({"google": {"thought_signature": signature}}));
        }
        call.into()
    }

    fn chunk(&mut self, mut delta: Map<String, Value>, finish_reason: Option<&str>) -> Bytes {
        if !self.begun {
            self.begun = true;
            delta.insert("role".into(), "assistant".into());
        }
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        let mut body = self.frame("chat.completion.chunk", json!([choice]));
        if self.usage_event {
            body.insert("usage".into(), Value::Null);
        }
        event(&body)
    }

    fn frame(&self, object: &str, choices: Value) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("id".into(), format!("chatcmpl-{}", self.request_id).into());
        body.insert("object".into(), object.into());
        body.insert("created".into(), self.created.into());
        body.insert("model".into(), self.model.as_str().into());
        body.insert("choices".into(), choices);
        body
    }

    fn refusal(&self) -> Option<&'static str> {
        (self.ending == Some(Ending::Filtered) && !self.said && self.calls == 0).then_some(WITHHELD)
    }

    fn finish_reason(&self) -> &'static str {
        match self.ending {
            Some(Ending::Filtered) => "content_filter",
            Some(Ending::Length) => "length",
            Some(Ending::Stop) | None if self.calls > 0 => "tool_calls",
            Some(Ending::Stop) | None => "stop",
        }
    }

    /// Thoughts are part of what was completed, and billed as such.
    fn usage(&self) -> Value {
        self.usage.map_or(Value::Null, |usage| {
            json!({
                "prompt_tokens": usage.prompt + usage.tool_use,
                "completion_tokens": usage.candidates + usage.thoughts,
                "total_tokens": usage.total,
                "prompt_tokens_details": {"cached_tokens": usage.cached},
                "completion_tokens_details": {"reasoning_tokens": usage.thoughts},
            })
        })
    }
}

/// What a finish reason of Gemini's is to an `OpenAI` client, which has no word for an answer that failed.
fn ending(reason: &str) -> Result<Ending, Problem> {
    match Finish::of(reason) {
        Finish::Stop => Ok(Ending::Stop),
        Finish::Length => Ok(Ending::Length),
        Finish::Withheld => Ok(Ending::Filtered),
        Finish::Failed => {
            let message = format!("Gemini ended the answer with {} and without one; try again", finish::name(reason));
            Err(Problem::new(Code::ProviderUnfinished, message))
        }
    }
}

/// The list of allowed models.
#[must_use]
pub fn models(names: &[String]) -> Value {
    json!({"object": "list", "data": names.iter().map(|name| model(name)).collect::<Value>()})
}

/// One allowed model. When it was made is not known here.
#[must_use]
pub fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "google"})
}

#[cfg(test)]
mod tests;
