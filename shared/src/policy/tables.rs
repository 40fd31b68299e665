//! The tables of a policy that hold values and decide little.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::{Deserialize, Serialize};

/// The `[models]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// The models that callers may name, without `models/`.
    pub allowed: Vec<String>,
}

impl Models {
    /// Whether callers may use this model, named without `models/`.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == name)
    }
}

/// The `[limits]` table: bounds on a request's size and shape. None of them is ever a risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The largest body.
    pub max_body_bytes: NonZeroUsize,
    /// How deep its JSON may nest.
    pub max_json_depth: NonZeroUsize,
    /// The largest prompt, in tokens.
    pub max_input_tokens: NonZeroU32,
    /// The most turns.
    pub max_turns: NonZeroUsize,
    /// The most parts of all turns together.
    pub max_parts: NonZeroUsize,
    /// The most media, decoded, of all parts together.
    pub max_inline_bytes: usize,
    /// The media types that are taken.
    pub inline_types: Vec<String>,
    /// The longest thought signature.
    pub max_signature_bytes: NonZeroUsize,
}

/// The `[tools]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tools {
    /// Whether callers may declare functions.
    pub functions: bool,
    /// Tools that Google runs, and bills apart from tokens. Empty until one has a price: see the policy's checks.
    pub server_side: Vec<ServerTool>,
}

/// A tool that Google runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTool {
    /// Runs code that the model wrote.
    CodeExecution,
    /// Has the model operate a browser.
    ComputerUse,
    /// Searches files that were uploaded before.
    FileSearch,
    /// Grounds answers in map data.
    GoogleMaps,
    /// Grounds answers in web search.
    GoogleSearch,
    /// Fetches the addresses in a prompt.
    UrlContext,
}

/// The `[users]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// Whether a request must name its end user.
    pub require: bool,
}

/// The `[answers]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// How a blocked prompt is answered.
    pub blocked: Blocked,
    /// What is redacted in the arguments of a function call.
    pub tool_arguments: ToolArguments,
}

/// How a blocked prompt is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocked {
    /// As an error, with status 400.
    Error,
    /// As Gemini does: status 200 with `promptFeedback.blockReason`.
    Gemini,
}

/// What is redacted in the arguments of a function call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolArguments {
    /// Secrets and personal data.
    All,
    /// Secrets only: a call often needs the personal data it was asked to handle.
    Secrets,
}

/// The `[audit]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Whether records keep prompt and answer.
    pub texts: Texts,
    /// How records name the end user.
    pub user: UserNames,
}

/// Whether records keep prompt and answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Texts {
    /// They do not.
    Off,
    /// They do, redacted.
    Redacted,
}

/// How records name the end user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserNames {
    /// As the caller named it.
    Clear,
    /// By a keyed hash, which lets one follow a user without naming it.
    Hmac,
}
