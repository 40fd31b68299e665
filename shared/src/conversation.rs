//! A conversation in neutral form: what both surfaces are parsed into, what the guards read and the model is sent.
//!
//! Text lives in [`Text`], whose `Debug` shows a length and never the text, so that no log line or error can carry a
//! prompt.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

/// Text of a prompt or an answer. `Debug` shows its length only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text itself. Named so that each use can be found.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Gives up the wrapper for the text itself.
    #[must_use]
    pub fn into_exposed(self) -> String {
        self.0
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: Into<String>> From<S> for Text {
    fn from(text: S) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// A JSON value that carries prompt or answer text, such as a tool call's arguments. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq)]
pub struct Json(pub Value);

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(..)")
    }
}

/// Gemini's opaque proof of its own reasoning: passed both ways byte for byte, never judged, decoded or redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(pub String);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}

/// Whose words a part holds, which decides how strictly it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// The application's own: its system instruction and tool declarations. Trusted to instruct.
    Caller,
    /// A document handed in for reading. It has no right to instruct.
    Document,
    /// The model's earlier answers, as the client replays them.
    Model,
    /// A tool's result. It has no right to instruct.
    Tool,
    /// The end user.
    User,
}

/// Who speaks in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The model.
    Model,
    /// The user's side, which includes documents and tool results.
    User,
}

/// System instruction and turns, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The caller's system instruction, placed beneath Gatehouse's own. Each part has [`Provenance::Caller`].
    pub system: Vec<Part>,
    /// The turns in order.
    pub turns: Vec<Turn>,
}

/// What one side said before the other spoke.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// The parts in order.
    pub parts: Vec<Part>,
}

/// One part of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Whose words these are.
    pub provenance: Provenance,
    /// What it holds.
    pub content: Content,
    /// The thought signature that came with it.
    pub thought_signature: Option<Signature>,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A function that the model wants called.
    Call {
        /// Ties the call to its reply.
        id: Option<String>,
        /// The function's name.
        name: String,
        /// Its arguments, a JSON object.
        args: Json,
    },
    /// Code that the model wrote for execution.
    Code {
        /// The language, an open enum.
        language: String,
        /// The source.
        code: Text,
    },
    /// What executing the code printed.
    CodeResult {
        /// How it ended, an open enum.
        outcome: String,
        /// What it printed.
        output: Text,
    },
    /// Media, base64 as it came.
    Inline {
        /// The MIME type.
        mime_type: String,
        /// Standard base64.
        data: Text,
    },
    /// The result of a function.
    Reply {
        /// Ties the reply to its call.
        id: Option<String>,
        /// The function's name.
        name: String,
        /// Its result, a JSON object.
        response: Json,
    },
    /// Plain text.
    Text(Text),
}

impl Part {
    /// A part of plain text without a signature.
    #[must_use]
    pub fn text(provenance: Provenance, text: impl Into<String>) -> Self {
        Self { provenance, content: Content::Text(text.into().into()), thought_signature: None }
    }

    /// The text that a guard reads in this part; empty for media.
    ///
    /// Spans that a guard reports count bytes in exactly this text. For JSON it is every key and string, in order,
    /// a line each.
    #[must_use]
    pub fn judged_text(&self) -> Cow<'_, str> {
        match &self.content {
            Content::Call { name, args, .. } => Cow::Owned(lines(name, &args.0)),
            Content::Reply { name, response, .. } => Cow::Owned(lines(name, &response.0)),
            Content::Code { code, .. } => Cow::Borrowed(code.expose()),
            Content::CodeResult { output, .. } => Cow::Borrowed(output.expose()),
            Content::Inline { .. } => Cow::Borrowed(""),
            Content::Text(text) => Cow::Borrowed(text.expose()),
        }
    }
}

impl Conversation {
    /// One user turn of plain text: what the operator's command judges.
    #[must_use]
    pub fn of_text(provenance: Provenance, text: impl Into<String>) -> Self {
        Self { system: Vec::new(), turns: vec![Turn { role: Role::User, parts: vec![Part::text(provenance, text)] }] }
    }
}

fn lines(name: &str, value: &Value) -> String {
    let mut all = String::from(name);
    // A work list, not recursion: depth is bounded at the door, and this stays safe should that bound move.
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => push_line(&mut all, text),
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(fields) => push_fields(&mut all, &mut open, fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    all
}

fn push_fields<'v>(all: &mut String, open: &mut Vec<&'v Value>, fields: &'v Map<String, Value>) {
    fields.keys().for_each(|key| push_line(all, key));
    open.extend(fields.values().rev());
}

fn push_line(all: &mut String, text: &str) {
    all.push('\n');
    all.push_str(text);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn debug_shows_lengths_and_no_text() {
        let conversation = Conversation::of_text(Provenance::User, "my secret wish");
        let shown = format!("{conversation:?}");
        assert!(!shown.contains("wish"), "{shown}");
        assert!(shown.contains("14 bytes"), "{shown}");
    }

    #[test]
    fn a_tool_result_is_judged_by_its_keys_and_strings_in_order() {
        let part = Part {
            provenance: Provenance::Tool,
            content: Content::Reply {
                id: None,
                name: "look".into(),
                response: Json(json!({"b": ["one", {"c": "two"}], "a": 3, "d": "four"})),
            },
            thought_signature: None,
        };
        assert_eq!(part.judged_text(), "look\nb\na\nd\none\nc\ntwo\nfour");
    }
}
