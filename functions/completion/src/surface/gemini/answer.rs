//! Writes answers of the Gemini surface, field by field from what was kept.

use serde_json::{Map, Value, json};
use shared::answer::{Candidate, Chunk, Usage};
use shared::google::wire;

/// A whole answer, or one event of a stream.
#[must_use]
pub fn chunk(chunk: &Chunk) -> Value {
    let mut body = Map::new();
    if !chunk.candidates.is_empty() {
        body.insert("candidates".into(), chunk.candidates.iter().map(candidate).collect());
    }
    if let Some(reason) = &chunk.block_reason {
        body.insert("promptFeedback".into(), json!({"blockReason": reason}));
    }
    body.extend(chunk.usage.map(|used| ("usageMetadata".to_owned(), usage(used))));
    let texts = [("modelVersion", &chunk.model_version), ("responseId", &chunk.response_id)];
    body.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?.into()))));
    body.into()
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

fn candidate(candidate: &Candidate) -> Value {
    let mut fields = Map::new();
    // A candidate that was stopped before its first word has no content, as with Gemini itself.
    if !candidate.parts.is_empty() || candidate.finish_reason.is_none() {
        fields.insert("content".into(), json!({"role": "model", "parts": wire::parts(&candidate.parts)}));
    }
    let texts = [
        ("finishReason", candidate.finish_reason.as_deref()),
        ("finishMessage", candidate.finish_message.as_ref().map(|text| text.expose())),
    ];
    fields.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
    fields.insert("index".into(), candidate.index.into());
    fields.extend(candidate.extras.iter().map(|(name, extra)| ((*name).to_owned(), extra.0.clone())));
    fields.into()
}

fn usage(usage: Usage) -> Value {
    let mut fields = Map::new();
    fields.insert("promptTokenCount".into(), usage.prompt.into());
    let counts = [
        ("cachedContentTokenCount", usage.cached),
        ("candidatesTokenCount", usage.candidates),
        ("thoughtsTokenCount", usage.thoughts),
        ("toolUsePromptTokenCount", usage.tool_use),
    ];
    fields.extend(
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count.into())),
    );
    fields.insert("totalTokenCount".into(), usage.total.into());
    fields.into()
}
