//! The bodies of answers.

use serde_json::{Map, Value, json};

/// The schemas of answers and errors by their names.
pub(super) fn schemas() -> Map<String, Value> {
    let named = [
        ("GoogleAnswer", google_answer()),
        ("GoogleCount", strict(&json!({"totalTokens": count(), "cachedContentTokenCount": count()}), &["totalTokens"])),
        ("GoogleError", google_error()),
        ("GoogleModel", google_model()),
        ("GoogleModels", strict(&json!({"models": list_of("GoogleModel")}), &["models"])),
        ("OpenAiAnswer", openai_answer()),
        ("OpenAiError", openai_error()),
        ("OpenAiModel", openai_model()),
        ("OpenAiModels", all(&json!({"object": only("list"), "data": list_of("OpenAiModel")}))),
        ("EitherError", json!({"anyOf": [schema("GoogleError"), schema("OpenAiError")]})),
    ];
    named.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn google_answer() -> Value {
    let content = all(&json!({"role": only("model"), "parts": {"type": "array", "items": {"type": "object"}}}));
    // Ratings, citations and grounding come as Gemini words them.
    let candidate = json!({
        "type": "object",
        "properties": {"content": content, "finishReason": text(), "finishMessage": text(), "index": count()},
        "required": ["index"],
    });
    let usage = json!({
        "promptTokenCount": count(),
        "cachedContentTokenCount": count(),
        "candidatesTokenCount": count(),
        "thoughtsTokenCount": count(),
        "toolUsePromptTokenCount": count(),
        "totalTokenCount": count(),
    });
    let answer = json!({
        "candidates": {"type": "array", "items": candidate},
        "promptFeedback": all(&json!({"blockReason": text()})),
        "usageMetadata": strict(&usage, &["promptTokenCount", "totalTokenCount"]),
        "modelVersion": text(),
        "responseId": text(),
    });
    strict(&answer, &[])
}

fn google_model() -> Value {
    all(&json!({
        "name": text(),
        "displayName": text(),
        "inputTokenLimit": count(),
        "outputTokenLimit": count(),
        "supportedGenerationMethods": {"type": "array", "items": text()},
    }))
}

fn google_error() -> Value {
    let details = json!({
        "type": "array",
        "items": {"type": "object", "properties": {"@type": text()}, "required": ["@type"]},
    });
    let error = json!({"code": count(), "message": text(), "status": text(), "details": details});
    all(&json!({"error": all(&error)}))
}

fn openai_answer() -> Value {
    let call = json!({
        "id": text(),
        "type": only("function"),
        "function": all(&json!({"name": text(), "arguments": text()})),
        "extra_content": {"type": "object"},
    });
    let message = json!({
        "role": only("assistant"),
        "content": {"type": ["string", "null"]},
        "refusal": {"type": ["string", "null"]},
        "tool_calls": {"type": "array", "items": strict(&call, &["id", "type", "function"])},
    });
    let choice = json!({
        "index": count(),
        "message": strict(&message, &["role", "content", "refusal"]),
        "logprobs": {"type": "null"},
        "finish_reason": {"enum": ["content_filter", "length", "stop", "tool_calls"]},
    });
    let usage = json!({
        "type": ["object", "null"],
        "properties": {"prompt_tokens": count(), "completion_tokens": count(), "total_tokens": count()},
        "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    });
    all(&json!({
        "id": text(),
        "object": only("chat.completion"),
        "created": count(),
        "model": text(),
        "choices": {"type": "array", "items": all(&choice)},
        "usage": usage,
    }))
}

fn openai_model() -> Value {
    all(&json!({"id": text(), "object": only("model"), "created": count(), "owned_by": text()}))
}

fn openai_error() -> Value {
    let error = json!({
        "message": text(),
        "type": text(),
        "param": {"type": ["string", "null"]},
        "code": text(),
        "request_id": text(),
    });
    all(&json!({"error": all(&error)}))
}

/// An object with these fields alone, all of them.
fn all(properties: &Value) -> Value {
    let names: Vec<&str> = properties.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    strict(properties, &names)
}

/// An object with these fields alone.
fn strict(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn list_of(name: &str) -> Value {
    json!({"type": "array", "items": schema(name)})
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn only(word: &str) -> Value {
    json!({"const": word})
}
