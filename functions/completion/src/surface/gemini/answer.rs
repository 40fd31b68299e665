//! Writes answers of the Gemini surface, field by field from what was kept.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use shared::answer::{Candidate, Chunk, Usage};
use shared::google::wire;

/// A whole answer, or one event of a stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::surface) struct Told<'c> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Teller<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_feedback: Option<Feedback<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_id: Option<&'c str>,
}

impl<'c> Told<'c> {
    pub(in crate::surface) fn of(chunk: &'c Chunk) -> Self {
        Self {
            candidates: chunk.candidates.iter().map(Teller).collect(),
            prompt_feedback: chunk.block_reason.as_deref().map(|block_reason| Feedback { block_reason }),
            usage_metadata: chunk.usage.map(Counts::of),
            model_version: chunk.model_version.as_deref(),
            response_id: chunk.response_id.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Feedback<'c> {
    block_reason: &'c str,
}

struct Teller<'c>(&'c Candidate);

impl Serialize for Teller<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(candidate) = self;
        let mut fields = serializer.serialize_map(None)?;
        // A candidate that was stopped before its first word has no content, as with Gemini itself.
        if !candidate.parts.is_empty() || candidate.finish_reason.is_none() {
            fields.serialize_entry("content", &Content { role: "model", parts: wire::Parts(&candidate.parts) })?;
        }
        if let Some(reason) = &candidate.finish_reason {
            fields.serialize_entry("finishReason", reason)?;
        }
        if let Some(message) = &candidate.finish_message {
            fields.serialize_entry("finishMessage", message.expose())?;
        }
        fields.serialize_entry("index", &candidate.index)?;
        for (name, extra) in &candidate.extras {
            fields.serialize_entry(name, &extra.0)?;
        }
        fields.end()
    }
}

#[derive(Serialize)]
struct Content<'c> {
    role: &'static str,
    parts: wire::Parts<'c>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "nothing")]
    cached_content_token_count: u64,
    #[serde(skip_serializing_if = "nothing")]
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "nothing")]
    thoughts_token_count: u64,
    #[serde(skip_serializing_if = "nothing")]
    tool_use_prompt_token_count: u64,
    total_token_count: u64,
}

impl Counts {
    const fn of(usage: Usage) -> Self {
        Self {
            prompt_token_count: usage.prompt,
            cached_content_token_count: usage.cached,
            candidates_token_count: usage.candidates,
            thoughts_token_count: usage.thoughts,
            tool_use_prompt_token_count: usage.tool_use,
            total_token_count: usage.total,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
const fn nothing(count: &u64) -> bool {
    *count == 0
}

/// Whether a chunk tells a client anything: one whose text is all held back does not.
pub(in crate::surface) fn says_something(chunk: &Chunk) -> bool {
    chunk.blocked()
        || chunk.candidates.iter().any(|candidate| {
            !candidate.parts.is_empty() || candidate.finish_reason.is_some() || !candidate.extras.is_empty()
        })
        || (chunk.candidates.is_empty() && chunk.usage.is_some())
}

/// The answer of `countTokens`.
#[must_use]
pub fn count(usage: Usage) -> Value {
    let mut body = Map::new();
    body.insert("totalTokens".into(), usage.total.into());
    if usage.cached > 0 {
        body.insert("cachedContentTokenCount".into(), usage.cached.into());
    }
    body.into()
}

/// The list of allowed models.
#[must_use]
pub fn models(names: &[String]) -> Value {
    json!({"models": names.iter().map(|name| model(name)).collect::<Value>()})
}

/// One allowed model. The policy alone answers, so that listing costs no call; limits are those of all text models
/// served in 2026-11.
#[must_use]
pub fn model(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"),
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    })
}
