//! An answer of the model in neutral form, whole or a piece of a stream.
//!
//! Built field by field from what the provider sent: a field nobody knows is dropped and counted, so that nothing
//! reaches a client unseen.

use serde_json::Value;

use crate::conversation::{Json, Part, Text};

/// One piece of a stream, or a whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// The candidates; Gatehouse asks for one.
    pub candidates: Vec<Candidate>,
    /// Why the provider refused the prompt (`promptFeedback.blockReason`), an open enum.
    pub block_reason: Option<String>,
    /// What was used so far. In a stream the last one counts; they are never added.
    pub usage: Option<Usage>,
    /// The model that answered.
    pub model_version: Option<String>,
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// Fields of the provider's answer that no table knows, and that were therefore dropped.
    pub dropped: u32,
}

/// One candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Which candidate this is.
    pub index: u32,
    /// Its parts, thoughts left out.
    pub parts: Vec<Part>,
    /// Why it ended, an open enum; absent while a stream goes on.
    pub finish_reason: Option<String>,
    /// The provider's words on why it ended. Text of the model's, to be redacted.
    pub finish_message: Option<Text>,
    /// Further known fields (safety ratings, citations, grounding) by their wire names. Their strings are the
    /// model's or a web page's, to be redacted.
    pub extras: Vec<(&'static str, Json)>,
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// Tokens of the prompt that came from a cache.
    pub cached: u64,
    /// Tokens of the answer.
    pub candidates: u64,
    /// Tokens the model thought with; billed like those of the answer.
    pub thoughts: u64,
    /// Tokens of tool results that the provider put into the prompt.
    pub tool_use: u64,
    /// The provider's sum.
    pub total: u64,
}

impl Chunk {
    /// Whether the provider refused the prompt.
    #[must_use]
    pub const fn blocked(&self) -> bool {
        self.block_reason.is_some()
    }
}

/// Every string inside a JSON value, to be changed in place.
pub fn for_each_string(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_string(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| for_each_string(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
