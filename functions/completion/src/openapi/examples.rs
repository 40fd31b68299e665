//! The bodies of requests, each with examples.

use serde_json::{Map, Value, json};

/// What `generateContent` takes, whole or streamed.
pub(super) fn google() -> Value {
    body(json!({"$ref": "#/components/schemas/GoogleRequest"}), [("text", generate()), ("functions", functions())])
}

/// What `countTokens` takes: a request, or one within another field.
pub(super) fn count() -> Value {
    let kinds =
        ["GoogleRequest", "GoogleCountRequest"].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
    let within = json!({"generateContentRequest": generate()});
    body(json!({"anyOf": kinds}), [("text", json!({"contents": contents()})), ("request", within)])
}

/// What a chat completion takes.
pub(super) fn chat() -> Value {
    let messages = json!([
        {"role": "system", "content": "Speak like a gardener."},
        {"role": "user", "content": [{"type": "text", "text": "When do I plant tulips?"}]},
    ]);
    let model = "gemini-3.5-flash";
    let plain = json!({"model": model, "messages": messages, "temperature": 0.5, "max_completion_tokens": 500});
    let options = json!({"include_usage": true});
    let streamed = json!({"model": model, "messages": messages, "stream": true, "stream_options": options});
    body(json!({"$ref": "#/components/schemas/OpenAiRequest"}), [("plain", plain), ("streamed", streamed)])
}

fn body<const N: usize>(schema: Value, examples: [(&str, Value); N]) -> Value {
    let examples: Map<String, Value> =
        examples.into_iter().map(|(name, value)| (name.to_owned(), json!({"value": value}))).collect();
    json!({"schema": schema, "examples": examples})
}

fn generate() -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "Speak like a gardener."}]},
        "contents": contents(),
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 500},
    })
}

fn functions() -> Value {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let call = json!({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}});
    let reply = json!({"functionResponse": {"name": "get_weather", "response": {"degrees": 12}}});
    json!({
        "contents": [
            {"role": "user", "parts": [{"text": "How warm is it in Oslo?"}]},
            {"role": "model", "parts": [call]},
            {"role": "user", "parts": [reply]},
        ],
        "tools": [{"functionDeclarations": [{"name": "get_weather", "parametersJsonSchema": city}]}],
    })
}

fn contents() -> Value {
    json!([{"role": "user", "parts": [{"text": "When do I plant tulips?"}]}])
}
