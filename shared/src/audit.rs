//! The audit record: what is told of a request, and its place in its writer's chain.
//!
//! Each record holds the hash of the writer's record before it, so that a record which is changed, dropped or moved
//! later is missed. [`encoding`] says which bytes are hashed, [`mod@line`] how a record is spelt in a file, and [`chain`]
//! checks a writer's records against one another.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::answer::Usage;
use crate::clock::Timestamp;
use crate::guards::Decision;

mod bound;
pub mod chain;
pub mod chains;
pub mod digest;
pub mod encoding;
mod hash;
pub mod hour;
pub mod line;
pub mod manifest;
pub mod merkle;
pub mod pepper;
pub mod reports;
pub mod seal;
pub mod verify;
pub mod warehouse;

pub use bound::{LINE_BYTES, MARK, TEXT_BYTES, trimmed};
pub use hash::{Hash, WriterId};
pub use hour::Hour;
pub use pepper::Pepper;

/// The version of the record's schema and of its encoding.
pub const VERSION: u8 = 1;

/// What is told of a request; [`Record`] adds its place in the chain.
///
/// `Debug` shows of the prompt, the answer and the end user only whether they are there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// `gemini` or `openai`; `policy` in an outcome that is about no request, but about the policy in force.
    pub surface: String,
    /// The operation: `generate`, `stream`, `count` or `models`; of the policy: `begin`, `change` or `refuse`.
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
    /// Ids of the rules that matched, and marks of the gate's own: `admission.open`, `history.dropped`, and `policy.from:VERSION` in a
    /// change of policy.
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

impl Kind {
    /// As it is spelt in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
        }
    }
}

/// An entry in its writer's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The version of the schema, [`VERSION`].
    pub v: u8,
    /// This record, a UUIDv7.
    pub record_id: String,
    /// What is told.
    pub entry: Entry,
    /// Who wrote it: one process, or one execution environment.
    pub writer_id: WriterId,
    /// Its number among the writer's records, from 0.
    pub seq: u64,
    /// The hash of the writer's record before, void or not; zeros for the first.
    pub prev_hash: Hash,
    /// Records of this writer that were not acknowledged, as known when this one was sealed.
    pub voids: Vec<Void>,
    /// SHA-256 over the [canonical encoding](encoding) of all the above.
    pub hash: Hash,
}

/// A record whose sender never learned that it is kept. It may have arrived all the same, and is then valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// A place in a chain, ready to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The record's own id, a UUIDv7.
    pub record_id: String,
    /// Who writes.
    pub writer_id: WriterId,
    /// The number to give.
    pub seq: u64,
    /// The hash of the record before.
    pub prev_hash: Hash,
    /// Records to name as void.
    pub voids: Vec<Void>,
}

impl Record {
    /// Puts an entry into its place and hashes both. Texts that would make its line longer than [`LINE_BYTES`] are
    /// trimmed before.
    #[must_use]
    pub fn seal(entry: Entry, link: Link) -> Self {
        let Link { record_id, writer_id, seq, prev_hash, voids } = link;
        let entry = entry.bounded();
        let mut record = Self { v: VERSION, record_id, entry, writer_id, seq, prev_hash, voids, hash: Hash::ZERO };
        record.hash = encoding::hash(&record);
        record
    }

    /// Whether the hash is that of the content. It says nothing of the records around it.
    #[must_use]
    pub fn verify_hash(&self) -> bool {
        self.v == VERSION && encoding::hash(self) == self.hash
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |text: &Option<String>| text.as_ref().map(String::len);
        f.debug_struct("Entry")
            .field("request_id", &self.request_id)
            .field("kind", &self.kind)
            .field("ts", &self.ts)
            .field("caller", &self.caller)
            .field("model", &self.model)
            .field("decision", &self.decision)
            .field("blocked_reason", &self.blocked_reason)
            .field("error", &self.error)
            .field("user_bytes", &length(&self.user))
            .field("prompt_bytes", &length(&self.prompt))
            .field("answer_bytes", &length(&self.answer))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
