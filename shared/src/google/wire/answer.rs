//! What Gemini answers, field by field.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::{Candidate, Chunk, Usage};
use crate::conversation::{Content, Json, Part, Provenance, Signature};
use crate::fields::{Table, Treatment};
use crate::ports::Failure;

/// Every field of an answer that is passed on. What has no row is dropped and counted.
const ANSWER: &[(&str, Treatment)] = {
    use Treatment::{Forward, Ignore, Opaque};
    &[
        ("candidates", Forward),
        ("candidates[].index", Forward),
        ("candidates[].content", Forward),
        ("candidates[].content.role", Forward),
        ("candidates[].content.parts", Forward),
        ("candidates[].content.parts[].text", Forward),
        ("candidates[].content.parts[].thought", Forward),
        ("candidates[].content.parts[].thoughtSignature", Forward),
        ("candidates[].content.parts[].functionCall", Forward),
        ("candidates[].content.parts[].functionCall.id", Forward),
        ("candidates[].content.parts[].functionCall.name", Forward),
        ("candidates[].content.parts[].functionCall.args", Opaque),
        ("candidates[].content.parts[].inlineData", Forward),
        ("candidates[].content.parts[].inlineData.mimeType", Forward),
        ("candidates[].content.parts[].inlineData.data", Forward),
        ("candidates[].content.parts[].executableCode", Forward),
        ("candidates[].content.parts[].executableCode.language", Forward),
        ("candidates[].content.parts[].executableCode.code", Forward),
        ("candidates[].content.parts[].codeExecutionResult", Forward),
        ("candidates[].content.parts[].codeExecutionResult.outcome", Forward),
        ("candidates[].content.parts[].codeExecutionResult.output", Forward),
        ("candidates[].finishReason", Forward),
        ("candidates[].finishMessage", Forward),
        ("candidates[].tokenCount", Forward),
        ("candidates[].avgLogprobs", Forward),
        ("candidates[].safetyRatings", Forward),
        ("candidates[].safetyRatings[].category", Forward),
        ("candidates[].safetyRatings[].probability", Forward),
        ("candidates[].safetyRatings[].blocked", Forward),
        ("candidates[].citationMetadata", Forward),
        ("candidates[].citationMetadata.citationSources", Forward),
        ("candidates[].citationMetadata.citationSources[].startIndex", Forward),
        ("candidates[].citationMetadata.citationSources[].endIndex", Forward),
        ("candidates[].citationMetadata.citationSources[].uri", Forward),
        ("candidates[].citationMetadata.citationSources[].license", Forward),
        ("candidates[].citationMetadata.citations", Forward),
        ("candidates[].citationMetadata.citations[].startIndex", Forward),
        ("candidates[].citationMetadata.citations[].endIndex", Forward),
        ("candidates[].citationMetadata.citations[].uri", Forward),
        ("candidates[].citationMetadata.citations[].title", Forward),
        ("candidates[].citationMetadata.citations[].license", Forward),
        ("candidates[].citationMetadata.citations[].publicationDate", Opaque),
        ("candidates[].groundingMetadata", Forward),
        ("candidates[].groundingMetadata.webSearchQueries", Forward),
        ("candidates[].groundingMetadata.searchEntryPoint", Forward),
        ("candidates[].groundingMetadata.searchEntryPoint.renderedContent", Forward),
        ("candidates[].groundingMetadata.groundingChunks", Forward),
        ("candidates[].groundingMetadata.groundingChunks[].web", Forward),
        ("candidates[].groundingMetadata.groundingChunks[].web.uri", Forward),
        ("candidates[].groundingMetadata.groundingChunks[].web.title", Forward),
        ("candidates[].groundingMetadata.groundingSupports", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].segment", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].segment.startIndex", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].segment.endIndex", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].segment.partIndex", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].segment.text", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].groundingChunkIndices", Forward),
        ("candidates[].groundingMetadata.groundingSupports[].confidenceScores", Forward),
        ("candidates[].urlContextMetadata", Forward),
        ("candidates[].urlContextMetadata.urlMetadata", Forward),
        ("candidates[].urlContextMetadata.urlMetadata[].retrievedUrl", Forward),
        ("candidates[].urlContextMetadata.urlMetadata[].urlRetrievalStatus", Forward),
        ("promptFeedback", Forward),
        ("promptFeedback.blockReason", Forward),
        ("promptFeedback.safetyRatings", Ignore),
        ("usageMetadata", Forward),
        ("usageMetadata.promptTokenCount", Forward),
        ("usageMetadata.cachedContentTokenCount", Forward),
        ("usageMetadata.candidatesTokenCount", Forward),
        ("usageMetadata.thoughtsTokenCount", Forward),
        ("usageMetadata.toolUsePromptTokenCount", Forward),
        ("usageMetadata.totalTokenCount", Forward),
        // Sums by modality and the traffic class add nothing to the counts above for a text gateway.
        ("usageMetadata.promptTokensDetails", Ignore),
        ("usageMetadata.cacheTokensDetails", Ignore),
        ("usageMetadata.candidatesTokensDetails", Ignore),
        ("usageMetadata.toolUsePromptTokensDetails", Ignore),
        ("usageMetadata.trafficType", Ignore),
        ("usageMetadata.serviceTier", Ignore),
        ("modelVersion", Forward),
        ("responseId", Forward),
        ("createTime", Ignore),
        ("modelStatus", Ignore),
    ]
};

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(ANSWER));

/// Candidate fields beside content and finish that are passed on, redacted.
const EXTRAS: [&str; 6] =
    ["avgLogprobs", "citationMetadata", "groundingMetadata", "safetyRatings", "tokenCount", "urlContextMetadata"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAnswer {
    #[serde(default)]
    candidates: Vec<Value>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<WireUsage>,
    model_version: Option<String>,
    response_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct WireUsage {
    prompt_token_count: u64,
    cached_content_token_count: u64,
    candidates_token_count: u64,
    tool_use_prompt_token_count: u64,
    thoughts_token_count: u64,
    total_token_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCandidate {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    content: WireContent,
    finish_reason: Option<String>,
    finish_message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireContent {
    parts: Vec<WirePart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
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
struct WireCall {
    id: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInline {
    mime_type: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct WireCode {
    language: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct WireCodeResult {
    outcome: String,
    output: String,
}

/// Reads a whole answer, or one event of a stream.
///
/// # Errors
/// [`Failure::Garbled`] when it is not what Gemini documents.
pub fn answer(bytes: &[u8]) -> Result<Chunk, Failure> {
    let mut value: Value = serde_json::from_slice(bytes).map_err(|_| Failure::Garbled("it is not JSON"))?;
    if !value.is_object() {
        return Err(Failure::Garbled("it is not an object"));
    }
    let dropped = TABLE.prune(&mut value);
    let garbled = |_| Failure::Garbled("a field has the wrong type");
    let wire: WireAnswer = serde_json::from_value(value).map_err(garbled)?;
    Ok(Chunk {
        candidates: wire.candidates.into_iter().map(candidate).collect::<Result<_, _>>().map_err(garbled)?,
        block_reason: wire.prompt_feedback.and_then(|feedback| feedback.block_reason),
        usage: wire.usage_metadata.map(usage),
        model_version: wire.model_version,
        response_id: wire.response_id,
        dropped,
    })
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

fn candidate(mut value: Value) -> Result<Candidate, serde_json::Error> {
    let mut extras = Vec::new();
    for name in EXTRAS {
        if let Some(extra) = value.get_mut(name).map(Value::take).filter(|extra| !extra.is_null()) {
            extras.push((name, Json(extra)));
        }
    }
    let wire: WireCandidate = serde_json::from_value(value)?;
    Ok(Candidate {
        index: wire.index,
        parts: wire.content.parts.into_iter().filter_map(content).collect(),
        finish_reason: wire.finish_reason,
        finish_message: wire.finish_message.map(Into::into),
        extras,
    })
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

    use super::super::parts;
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
        let chunk = read(json!({"candidates": [{"content": {"parts": parts(&sent)}}]}));
        assert_eq!(chunk.candidates[0].parts, sent);
    }

    #[test]
    fn names_garbage_without_quoting_it() {
        let failure = answer(b"{\"candidates\": \"my secret\"}").unwrap_err();
        assert!(!format!("{failure:?} {failure}").contains("secret"));
    }
}
