//! What Gemini is asked, as it reads it.

use serde_json::{Map, Value, json};

use crate::conversation::{Content, Conversation, Part, Role, Signature, Turn};
use crate::ports::Prompt;

/// The body of `generateContent` and `streamGenerateContent`.
#[must_use]
pub fn generate_body(prompt: &Prompt) -> Value {
    let mut body = conversation(&prompt.conversation);
    if !prompt.tools.is_empty() {
        body.insert("tools".into(), prompt.tools.clone().into());
    }
    if let Some(config) = &prompt.tool_config {
        body.insert("toolConfig".into(), config.clone());
    }
    let setting = |(category, threshold): &(String, String)| json!({"category": category, "threshold": threshold});
    body.insert("safetySettings".into(), prompt.safety.iter().map(setting).collect());
    body.insert("generationConfig".into(), prompt.generation.clone().into());
    body.into()
}

/// The body of `countTokens`. What is not a turn is counted only inside a `generateContentRequest`.
#[must_use]
pub fn count_body(prompt: &Prompt) -> Value {
    let mut body = conversation(&prompt.conversation);
    if prompt.conversation.system.is_empty() && prompt.tools.is_empty() && prompt.generation.is_empty() {
        return body.into();
    }
    body.insert("model".into(), format!("models/{}", prompt.model).into());
    if !prompt.tools.is_empty() {
        body.insert("tools".into(), prompt.tools.clone().into());
    }
    if !prompt.generation.is_empty() {
        body.insert("generationConfig".into(), prompt.generation.clone().into());
    }
    json!({"generateContentRequest": body})
}

fn conversation(conversation: &Conversation) -> Map<String, Value> {
    let mut body = Map::new();
    if !conversation.system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": parts(&conversation.system)}));
    }
    let turn = |turn: &Turn| json!({"role": role(turn.role), "parts": parts(&turn.parts)});
    body.insert("contents".into(), conversation.turns.iter().map(turn).collect());
    body
}

/// How Gemini names a role.
#[must_use]
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Model => "model",
        Role::User => "user",
    }
}

/// Parts as Gemini writes them.
#[must_use]
pub fn parts(parts: &[Part]) -> Value {
    parts.iter().map(part).collect()
}

fn part(part: &Part) -> Value {
    let mut fields = Map::new();
    let (name, value) = match &part.content {
        Content::Call { id, name, args } => ("functionCall", named(id.as_ref(), name, "args", &args.0)),
        Content::Code { language, code } => ("executableCode", json!({"language": language, "code": code.expose()})),
        Content::CodeResult { outcome, output } => {
            ("codeExecutionResult", json!({"outcome": outcome, "output": output.expose()}))
        }
        Content::Inline { mime_type, data } => ("inlineData", json!({"mimeType": mime_type, "data": data.expose()})),
        Content::Reply { id, name, response } => {
            ("functionResponse", named(id.as_ref(), name, "response", &response.0))
        }
        Content::Text(text) => ("text", text.expose().into()),
    };
    fields.insert(name.into(), value);
    if let Some(Signature(signature)) = &part.thought_signature {
        fields.insert("thoughtSignature".into(), signature.as_str().into());
    }
    fields.into()
}

fn named(id: Option<&String>, name: &str, what: &str, value: &Value) -> Value {
    let mut fields = Map::new();
    fields.extend(id.map(|id| ("id".to_owned(), id.as_str().into())));
    fields.insert("name".into(), name.into());
    fields.insert(what.into(), value.clone());
    fields.into()
}
