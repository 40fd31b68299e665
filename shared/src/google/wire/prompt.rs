//! What Gemini is asked, as it reads it.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::conversation::{Content, Part, Role, Signature, Turn};
use crate::ports::Prompt;

/// The body of `generateContent` and `streamGenerateContent`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask<'p> {
    #[serde(flatten)]
    content: Contents<'p>,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    tools: &'p [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<&'p Value>,
    safety_settings: Vec<Setting<'p>>,
    generation_config: &'p Map<String, Value>,
}

/// The body of `countTokens`. What is not a turn is counted only inside a `generateContentRequest`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Count<'p> {
    /// Turns alone.
    Turns(Contents<'p>),
    /// All there is.
    #[serde(rename_all = "camelCase")]
    All {
        /// What would be asked.
        generate_content_request: Counted<'p>,
    },
}

/// What is counted, with its model, which the path alone does not tell there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted<'p> {
    #[serde(flatten)]
    content: Contents<'p>,
    model: String,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    tools: &'p [Value],
    #[serde(skip_serializing_if = "Map::is_empty")]
    generation_config: &'p Map<String, Value>,
}

/// What was said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System<'p>>,
    contents: Vec<Said<'p>>,
}

#[derive(Debug, Serialize)]
struct System<'p> {
    parts: Parts<'p>,
}

#[derive(Debug, Serialize)]
struct Said<'p> {
    role: &'static str,
    parts: Parts<'p>,
}

#[derive(Debug, Serialize)]
struct Setting<'p> {
    category: &'p str,
    threshold: &'p str,
}

impl<'p> Ask<'p> {
    /// All of a prompt.
    #[must_use]
    pub fn of(prompt: &'p Prompt) -> Self {
        Self {
            content: Contents::of(prompt),
            tools: &prompt.tools,
            tool_config: prompt.tool_config.as_ref(),
            safety_settings: prompt
                .safety
                .iter()
                .map(|(category, threshold)| Setting { category, threshold })
                .collect(),
            generation_config: &prompt.generation,
        }
    }
}

impl<'p> Count<'p> {
    /// What of a prompt is counted.
    #[must_use]
    pub fn of(prompt: &'p Prompt) -> Self {
        let content = Contents::of(prompt);
        if content.system_instruction.is_none() && prompt.tools.is_empty() && prompt.generation.is_empty() {
            return Self::Turns(content);
        }
        Self::All {
            generate_content_request: Counted {
                content,
                model: format!("models/{}", prompt.model),
                tools: &prompt.tools,
                generation_config: &prompt.generation,
            },
        }
    }
}

impl<'p> Contents<'p> {
    fn of(prompt: &'p Prompt) -> Self {
        let conversation = &prompt.conversation;
        let said = |turn: &'p Turn| Said { role: role(turn.role), parts: Parts(&turn.parts) };
        Self {
            system_instruction: (!conversation.system.is_empty())
                .then_some(System { parts: Parts(&conversation.system) }),
            contents: conversation.turns.iter().map(said).collect(),
        }
    }
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
#[derive(Clone, Copy, Debug)]
pub struct Parts<'p>(pub &'p [Part]);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Written))
    }
}

struct Written<'p>(&'p Part);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        match &self.0.content {
            Content::Call { id, name, args } => {
                let id = id.as_deref();
                fields.serialize_entry("functionCall", &Call { id, name, args: Some(&args.0), response: None })?;
            }
            Content::Code { language, code } => {
                fields.serialize_entry("executableCode", &Code { language, code: code.expose() })?;
            }
            Content::CodeResult { outcome, output } => {
                fields.serialize_entry("codeExecutionResult", &CodeResult { outcome, output: output.expose() })?;
            }
            Content::Inline { mime_type, data } => {
                fields.serialize_entry("inlineData", &Inline { mime_type, data: data.expose() })?;
            }
            Content::Reply { id, name, response } => {
                let id = id.as_deref();
                fields
                    .serialize_entry("functionResponse", &Call { id, name, args: None, response: Some(&response.0) })?;
            }
            Content::Text(text) => fields.serialize_entry("text", text.expose())?,
        }
        if let Some(Signature(signature)) = &self.0.thought_signature {
            fields.serialize_entry("thoughtSignature", signature)?;
        }
        fields.end()
    }
}

/// A call, or what came of one.
#[derive(Serialize)]
struct Call<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'p str>,
    name: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'p Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'p Value>,
}

#[derive(Serialize)]
struct Code<'p> {
    language: &'p str,
    code: &'p str,
}

#[derive(Serialize)]
struct CodeResult<'p> {
    outcome: &'p str,
    output: &'p str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inline<'p> {
    mime_type: &'p str,
    data: &'p str,
}
