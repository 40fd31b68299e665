//! Between a surface's wire format and the service: requests in, answers, events and errors out.
//!
//! Whatever surface is called, a request becomes a [`Request`] and takes one way from there.

mod bounds;
mod documents;
pub mod gemini;
mod object;
pub mod openai;
mod remedies;
mod voice;

use bytes::Bytes;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::conversation::{Conversation, Text};
use shared::fields::Table;
use shared::google::wire;
use shared::policy::Policy;

pub use documents::Documents;
pub(crate) use voice::Voice;

use crate::credentials::GOOGLE;
use crate::problem::Problem;
use crate::routes::{self, Operation, Target};

/// Whose API a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surface {
    /// Google's.
    #[default]
    Gemini,
    /// `OpenAI`'s.
    OpenAi,
}

/// A request, read and known field by field.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model, by its bare name.
    pub model: String,
    /// What is asked of it.
    pub operation: Operation,
    /// The end user whom the body names.
    pub user: Option<Text>,
    /// Whether a stream is to tell its usage in an event of its own.
    pub usage_event: bool,
    /// What is asked.
    pub ask: Ask,
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Whose names its fields have.
    pub surface: Surface,
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
    /// Calls whose thought signature the client lost, and that carry Google's placeholder instead.
    pub placeholders: u32,
}

impl Ask {
    /// Whether the answer is asked for as JSON.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.generation.get("responseMimeType").and_then(Value::as_str) == Some("application/json")
    }
}

impl Surface {
    /// The surface that a path belongs to. Where both have the path, the credential tells: Google's clients send
    /// `x-goog-api-key`, `OpenAI`'s a bearer.
    #[must_use]
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        match routes::claim(path) {
            Some(surface) => surface,
            None if headers.contains_key(AUTHORIZATION) && !headers.contains_key(GOOGLE) => Self::OpenAi,
            None => Self::Gemini,
        }
    }

    /// The name in audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
        }
    }

    /// Every field of a request on this surface, and what becomes of it.
    #[must_use]
    pub fn fields(self) -> &'static Table {
        match self {
            Self::Gemini => gemini::fields(),
            Self::OpenAi => openai::fields(),
        }
    }

    /// How this surface's clients know a field that is checked after reading, where Gemini's names are used.
    #[must_use]
    pub fn spelt(self, path: &str) -> &str {
        match self {
            Self::Gemini => path,
            Self::OpenAi => openai::spelt(path),
        }
    }

    /// The body of an error answer.
    #[must_use]
    pub fn error_body(self, problem: &Problem, request_id: &str) -> Value {
        match self {
            Self::Gemini => gemini::error_body(problem, request_id),
            Self::OpenAi => openai::error_body(problem, request_id),
        }
    }

    /// The last event of a stream that failed.
    #[must_use]
    pub fn error_event(self, problem: &Problem, request_id: &str) -> Bytes {
        event(&self.error_body(problem, request_id))
    }

    /// The list of allowed models.
    #[must_use]
    pub fn models(self, names: &[String]) -> Value {
        match self {
            Self::Gemini => gemini::models(names),
            Self::OpenAi => openai::models(names),
        }
    }

    /// One allowed model.
    #[must_use]
    pub fn model(self, name: &str) -> Value {
        match self {
            Self::Gemini => gemini::model(name),
            Self::OpenAi => openai::model(name),
        }
    }
}

/// Reads the body of a request for this target.
///
/// # Errors
/// A [`Problem`] that names the field and what to do.
pub fn read(target: Target, body: Value, documents: &mut Documents, policy: &Policy) -> Result<Request, Problem> {
    let (model, operation) = match target {
        Target::Chat => return openai::read(body, documents, policy),
        Target::Gemini { model, operation } => (model, operation),
    };
    let ask = match operation {
        Operation::Count => gemini::read_count(body, documents, policy),
        Operation::Generate | Operation::Stream => gemini::read(body, documents, policy),
    }?;
    Ok(Request { model, operation, user: None, usage_event: false, ask })
}

/// One server-sent event: exactly `data: `, the JSON and an empty line. Google's Python clients fail on anything
/// else, a comment or an `event:` line included.
#[must_use]
pub(crate) fn event(written: &impl Serialize) -> Bytes {
    let mut event = b"data: ".to_vec();
    wire::write(written, &mut event);
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn surface(path: &str, credential: &'static str) -> Surface {
        let mut headers = HeaderMap::new();
        headers.insert(credential, HeaderValue::from_static("x"));
        Surface::of(path, &headers)
    }

    #[test]
    fn a_path_that_both_have_is_told_by_the_credential() {
        for path in ["/v1/models", "/v1/models/gemini-3.5-flash", "/v1/files", "/v1/batches"] {
            assert_eq!(surface(path, "authorization"), Surface::OpenAi, "{path}");
            assert_eq!(surface(path, "x-goog-api-key"), Surface::Gemini, "{path}");
            assert_eq!(Surface::of(path, &HeaderMap::new()), Surface::Gemini, "{path}");
        }
    }

    #[test]
    fn a_path_that_one_has_is_its_whatever_the_credential() {
        for path in ["/v1/chat/completions", "/openai/v1/models", "/v1beta/openai/models", "/v1/responses"] {
            assert_eq!(surface(path, "x-goog-api-key"), Surface::OpenAi, "{path}");
        }
        for path in ["/v1/models/m:generateContent", "/v1/models/m%3AcountTokens", "/v1beta/models", "/v1beta/files"] {
            assert_eq!(surface(path, "authorization"), Surface::Gemini, "{path}");
        }
    }
}
