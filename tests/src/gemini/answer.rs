//! Realistic answers, part by part.

use serde_json::{Value, json};

/// An answer, or one chunk of a stream, in the making.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    parts: Vec<Value>,
    finish: Option<String>,
    usage: Option<Value>,
    extras: Vec<(String, Value)>,
}

impl Answer {
    /// One with nothing in it yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of plain text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.part(json!({"text": text}))
    }

    /// A part that the model only thought.
    #[must_use]
    pub fn thought(self, text: &str) -> Self {
        self.part(json!({"text": text, "thought": true}))
    }

    /// A call, signed as Gemini 3 signs them.
    #[must_use]
    pub fn call(self, name: &str, args: &Value, signature: &str) -> Self {
        self.part(json!({"functionCall": {"name": name, "args": args}, "thoughtSignature": signature}))
    }

    /// Any part.
    #[must_use]
    pub fn part(mut self, part: Value) -> Self {
        self.parts.push(part);
        self
    }

    /// How it ended, with the usage that Gemini then reports.
    #[must_use]
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish = Some(reason.to_owned());
        self.usage = Some(usage());
        self
    }

    /// A field that Gemini has grown since.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.extras.push((name.to_owned(), value));
        self
    }

    /// As Gemini writes it.
    #[must_use]
    pub fn value(&self) -> Value {
        let mut candidate = json!({"index": 0});
        if !self.parts.is_empty() {
            candidate["content"] = json!({"parts": self.parts, "role": "model"});
        }
        if let Some(finish) = &self.finish {
            candidate["finishReason"] = json!(finish);
        }
        let mut answer = json!({
            "candidates": [candidate],
            "modelVersion": "gemini-3.5-flash",
            "responseId": "r-double",
        });
        if let Some(usage) = &self.usage {
            answer["usageMetadata"] = usage.clone();
        }
        for (name, value) in &self.extras {
            answer[name.as_str()] = value.clone();
        }
        answer
    }
}

/// A whole answer of plain text.
#[must_use]
pub fn text(text: &str) -> Value {
    Answer::new().text(text).finish("STOP").value()
}

/// A chunk of plain text in the middle of a stream.
#[must_use]
pub fn chunk(text: &str) -> Value {
    Answer::new().text(text).value()
}

/// The answer to a prompt that Gemini itself refuses.
#[must_use]
pub fn blocked(reason: &str) -> Value {
    json!({
        "promptFeedback": {"blockReason": reason},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
        "modelVersion": "gemini-3.5-flash",
        "responseId": "r-double",
    })
}

/// Prompt, thoughts, answer and their sum: 11 + 20 + 7 = 38.
#[must_use]
pub fn usage() -> Value {
    json!({
        "promptTokenCount": 11,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 20,
        "totalTokenCount": 38,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}],
    })
}

/// Cuts a text into chunks of a stream, one for each piece, and closes it with STOP.
#[must_use]
pub fn chunks(pieces: &[&str]) -> Vec<Value> {
    let mut chunks: Vec<_> = pieces.iter().map(|piece| chunk(piece)).collect();
    chunks.push(Answer::new().text("").finish("STOP").value());
    chunks
}
