//! Between a surface's wire format and the service.

pub mod gemini;

use serde_json::{Map, Value};
use shared::conversation::Conversation;

/// What a request asks for, read and known field by field.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The caller's system instruction and the turns.
    pub conversation: Conversation,
    /// Tool declarations as Gemini takes them.
    pub tools: Vec<Value>,
    /// `toolConfig`.
    pub tool_config: Option<Value>,
    /// `generationConfig`, not yet clamped.
    pub generation: Map<String, Value>,
    /// Safety settings that the caller wants: category and threshold.
    pub safety: Vec<(String, String)>,
    /// Paths of fields that were accepted and have no effect.
    pub ignored: Vec<String>,
}

impl Ask {
    /// Whether the answer is asked for as JSON.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.generation.get("responseMimeType").and_then(Value::as_str) == Some("application/json")
    }
}
