//! What Gemini answers, field by field.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::fields::TABLE;
use crate::answer::{Candidate, Chunk, Usage};
use crate::conversation::{Content, Json, Part, Provenance, Signature};
use crate::ports::Failure;

/// An answer with the fields that have a row in the table, and no others: what is to be ignored is read past.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireAnswer {
    #[serde(default)]
    candidates: Vec<WireCandidate>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<WireUsage>,
    model_version: Option<String>,
    response_id: Option<String>,
    #[serde(rename = "createTime")]
    _create_time: Option<IgnoredAny>,
    #[serde(rename = "modelStatus")]
    _model_status: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PromptFeedback {
    block_reason: Option<String>,
    #[serde(rename = "safetyRatings")]
    _safety_ratings: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct WireUsage {
    prompt_token_count: u64,
    cached_content_token_count: u64,
    candidates_token_count: u64,
    tool_use_prompt_token_count: u64,
    thoughts_token_count: u64,
    total_token_count: u64,
    #[serde(rename = "promptTokensDetails")]
    _prompt: Option<IgnoredAny>,
    #[serde(rename = "cacheTokensDetails")]
    _cache: Option<IgnoredAny>,
    #[serde(rename = "candidatesTokensDetails")]
    _candidates: Option<IgnoredAny>,
    #[serde(rename = "toolUsePromptTokensDetails")]
    _tool_use: Option<IgnoredAny>,
    #[serde(rename = "trafficType")]
    _traffic_type: Option<IgnoredAny>,
    #[serde(rename = "serviceTier")]
    _service_tier: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireCandidate {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    content: WireContent,
    finish_reason: Option<String>,
    finish_message: Option<String>,
    avg_logprobs: Option<Value>,
    citation_metadata: Option<Value>,
    grounding_metadata: Option<Value>,
    safety_ratings: Option<Value>,
    token_count: Option<Value>,
    url_context_metadata: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WireContent {
    parts: Vec<WirePart>,
    #[serde(rename = "role")]
    _role: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WirePart {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<WireCall>,
    inline_data: Option<WireInline>,
    executable_code: Option<WireCode>,
    code_execution_result: Option<WireCodeResult>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCall {
    id: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireInline {
    mime_type: String,
    data: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WireCode {
    language: String,
    code: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WireCodeResult {
    outcome: String,
    output: String,
}

/// Reads a whole answer, or one event of a stream.
///
/// # Errors
/// [`Failure::Garbled`] when it is not what Gemini documents.
pub fn answer(bytes: &[u8]) -> Result<Chunk, Failure> {
    // As good as always every field is known, and the answer is read in one go.
    if bytes.trim_ascii_start().starts_with(b"{")
        && let Ok(wire) = serde_json::from_slice(bytes)
    {
        return Ok(chunk(wire, 0));
    }
    // Otherwise what has no row goes first, or the answer is no answer.
    let mut value: Value = serde_json::from_slice(bytes).map_err(|_| Failure::Garbled("it is not JSON"))?;
    if !value.is_object() {
        return Err(Failure::Garbled("it is not an object"));
    }
    let dropped = TABLE.prune(&mut value, "");
    let wire = serde_json::from_value(value).map_err(|_| Failure::Garbled("a field has the wrong type"))?;
    Ok(chunk(wire, dropped))
}

/// Reads the answer of `countTokens`.
///
/// # Errors
/// [`Failure::Garbled`] when it is not what Gemini documents.
pub fn count(bytes: &[u8]) -> Result<Usage, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        total_tokens: u64,
        #[serde(default)]
        cached_content_token_count: u64,
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(|_| Failure::Garbled("it has no token count"))?;
    Ok(Usage {
        prompt: wire.total_tokens,
        cached: wire.cached_content_token_count,
        total: wire.total_tokens,
        ..Usage::default()
    })
}

fn chunk(wire: WireAnswer, mut dropped: u32) -> Chunk {
    Chunk {
        candidates: wire.candidates.into_iter().map(|wire| candidate(wire, &mut dropped)).collect(),
        block_reason: wire.prompt_feedback.and_then(|feedback| feedback.block_reason),
        usage: wire.usage_metadata.map(usage),
        model_version: wire.model_version,
        response_id: wire.response_id,
        dropped,
    }
}

/// `dropped` grows by the fields within its extras that have no row.
fn candidate(wire: WireCandidate, dropped: &mut u32) -> Candidate {
    let extras = [
        ("avgLogprobs", wire.avg_logprobs),
        ("citationMetadata", wire.citation_metadata),
        ("groundingMetadata", wire.grounding_metadata),
        ("safetyRatings", wire.safety_ratings),
        ("tokenCount", wire.token_count),
        ("urlContextMetadata", wire.url_context_metadata),
    ];
    let mut known = |(name, extra): (&'static str, Option<Value>)| {
        let mut extra = extra?;
        *dropped += TABLE.prune(&mut extra, &format!("candidates[].{name}"));
        Some((name, Json(extra)))
    };
    Candidate {
        index: wire.index,
        extras: extras.into_iter().filter_map(&mut known).collect(),
        parts: wire.content.parts.into_iter().filter_map(content).collect(),
        finish_reason: wire.finish_reason,
        finish_message: wire.finish_message.map(Into::into),
    }
}

/// A part, unless it is a thought or of a kind that has no row.
fn content(wire: WirePart) -> Option<Part> {
    if wire.thought {
        return None;
    }
    let content = match wire {
        WirePart { function_call: Some(call), .. } => {
            Content::Call { id: call.id, name: call.name, args: Json(call.args.into()) }
        }
        WirePart { inline_data: Some(inline), .. } => {
            Content::Inline { mime_type: inline.mime_type, data: inline.data.into() }
        }
        WirePart { executable_code: Some(code), .. } => {
            Content::Code { language: code.language, code: code.code.into() }
        }
        WirePart { code_execution_result: Some(result), .. } => {
            Content::CodeResult { outcome: result.outcome, output: result.output.into() }
        }
        WirePart { text: Some(text), .. } => Content::Text(text.into()),
        // A signature may stand alone, in a part without text.
        WirePart { thought_signature: Some(_), .. } => Content::Text(String::new().into()),
        _ => return None,
    };
    let thought_signature = wire.thought_signature.map(Signature);
    Some(Part { provenance: Provenance::Model, content, thought_signature })
}

fn usage(wire: WireUsage) -> Usage {
    Usage {
        prompt: wire.prompt_token_count,
        cached: wire.cached_content_token_count,
        candidates: wire.candidates_token_count,
        thoughts: wire.thoughts_token_count,
        tool_use: wire.tool_use_prompt_token_count,
        total: wire.total_token_count,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Parts;
    use super::*;

    fn read(value: Value) -> Chunk {
        answer(&serde_json::to_vec(&value).unwrap()).unwrap()
    }

    #[test]
    fn drops_thoughts_and_keeps_the_signature_of_what_stays() {
        let chunk = read(json!({"candidates": [{"content": {"parts": [
            {"text": "let me think", "thought": true, "thoughtSignature": "dGhpbms="},
            {"functionCall": {"name": "look", "args": {"a": 1}}, "thoughtSignature": "c2ln+/=="},
            {"thoughtSignature": "YWxvbmU="},
        ]}}]}));
        let parts = &chunk.candidates[0].parts;
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].thought_signature, Some(Signature("c2ln+/==".into())));
        assert_eq!(parts[1].content, Content::Text(String::new().into()));
    }

    #[test]
    fn drops_and_counts_unknown_fields_at_every_level() {
        let chunk = read(json!({"novelty": 1, "candidates": [{"novelty": {"text": "x"}, "content": {"parts": [
            {"text": "hi", "novelty": []}]}, "finishReason": "SOMETHING_NEW"}]}));
        assert_eq!(chunk.dropped, 3);
        assert_eq!(chunk.candidates[0].finish_reason.as_deref(), Some("SOMETHING_NEW"));
    }

    #[test]
    fn every_field_with_a_row_is_read_in_one_go() {
        let leaves = [json!(null), json!("x"), json!(1), json!(true), json!({}), json!([])];
        for (path, _) in TABLE.rows() {
            let within = |leaf: &Value| {
                path.rsplit('.').fold(leaf.clone(), |value, name| match name.strip_suffix("[]") {
                    Some(name) => json!({name: [value]}),
                    None => json!({name: value}),
                })
            };
            let read = |leaf: &Value| serde_json::from_value::<WireAnswer>(within(leaf)).is_ok();
            assert!(leaves.iter().any(read) || path.contains("inlineData"), "{path}");
        }
        let inline = json!({"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "a/b", "data": ""}}]}}]});
        assert!(serde_json::from_value::<WireAnswer>(inline).is_ok());
    }

    #[test]
    fn a_field_that_nobody_knows_changes_nothing_of_the_others() {
        let known = json!({"candidates": [{"index": 1, "finishReason": "STOP", "finishMessage": "done",
            "content": {"role": "model", "parts": [{"text": "hi", "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "7", "name": "f", "args": {"z": 1.5, "a": [null]}}}]},
            "safetyRatings": [{"category": "C", "probability": "LOW"}], "tokenCount": 3, "avgLogprobs": -0.5}],
            "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 9, "trafficType": "ON_DEMAND"},
            "modelVersion": "m", "responseId": "r", "createTime": "now"});
        let mut novel = known.clone();
        novel["novelty"] = json!({"text": "x"});
        assert_eq!(read(novel), Chunk { dropped: 1, ..read(known) });
    }

    #[test]
    fn what_has_no_row_is_dropped_from_within_the_extras_too() {
        let grounding = |extra: Value| {
            let mut grounding = json!({"groundingMetadata": {"webSearchQueries": ["q"]}});
            grounding["groundingMetadata"]["novelty"] = extra;
            read(json!({"candidates": [grounding]}))
        };
        let chunk = grounding(json!("x"));
        assert_eq!(chunk.dropped, 1);
        assert_eq!(chunk.candidates[0].extras, [("groundingMetadata", Json(json!({"webSearchQueries": ["q"]})))]);
    }

    #[test]
    fn a_missing_content_is_an_empty_one() {
        let chunk = read(json!({"candidates": [{"finishReason": "SAFETY"}]}));
        assert_eq!(chunk.candidates[0].parts, []);
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let sent = vec![
            Part {
                provenance: Provenance::Model,
                content: Content::Call { id: Some("7".into()), name: "f".into(), args: Json(json!({"z": 1, "a": 2})) },
                thought_signature: Some(Signature("AQ==".into())),
            },
            Part::text(Provenance::Model, "naïve \u{0} text"),
        ];
        let chunk = read(json!({"candidates": [{"content": {"parts": Parts(&sent)}}]}));
        assert_eq!(chunk.candidates[0].parts, sent);
    }

    #[test]
    fn names_garbage_without_quoting_it() {
        for no_object in ["[]", "[[], null, null, null, null, null, null]", "null", "7"] {
            answer(no_object.as_bytes()).unwrap_err();
        }
        let failure = answer(b"{\"candidates\": \"my secret\"}").unwrap_err();
        assert!(!format!("{failure:?} {failure}").contains("secret"));
    }
}
