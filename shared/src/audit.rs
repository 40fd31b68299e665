//! The audit record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answer::Usage;
use crate::clock::Timestamp;
use crate::guards::Decision;

/// What is told of a request; [`Record`] adds its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The request, a UUIDv7; intent and outcome share it.
    pub request_id: String,
    /// Before or after.
    pub kind: Kind,
    /// When.
    pub ts: Timestamp,
    /// The caller's name.
    pub caller: String,
    /// The end user: an HMAC unless the policy says clear.
    pub user: Option<String>,
    /// `gemini` or `openai`.
    pub surface: String,
    /// The operation: `generate`, `stream` or `count`.
    pub operation: String,
    /// The model's bare name.
    pub model: String,
    /// What the guards decided.
    pub decision: Decision,
    /// Whether the caller was refused, by us or by the provider.
    pub blocked: bool,
    /// Why: `input_guard`, `provider:SAFETY`, `prompt_leak`.
    pub blocked_reason: Option<String>,
    /// Risk in thousandths.
    pub risk_score: u16,
    /// Ids of the rules that matched.
    pub rules: Vec<String>,
    /// Redactions by type.
    pub redactions: BTreeMap<String, u32>,
    /// The prompt, redacted, where the policy keeps it.
    pub prompt: Option<String>,
    /// The answer, redacted, where the policy keeps it.
    pub answer: Option<String>,
    /// HMAC of the judged text, to find equal prompts.
    pub prompt_hmac: Option<String>,
    /// Tokens as the provider counted them.
    pub tokens: Usage,
    /// Cost in millionths of a dollar.
    pub cost_micros: u64,
    /// Milliseconds from the request's first byte to this record.
    pub latency_ms: u64,
    /// The provider's HTTP status.
    pub upstream_status: Option<u16>,
    /// The stable code of what went wrong.
    pub error: Option<String>,
    /// The policy's content hash.
    pub policy_version: String,
    /// Which provider key was used.
    pub key_version: Option<String>,
    /// Which pepper the HMACs are under.
    pub pepper_id: Option<String>,
}

/// Before or after the provider is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Written, durably, before the provider is called.
    Intent,
    /// Written before the answer ends.
    Outcome,
}

/// An entry in its writer's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is told.
    pub entry: Entry,
}
