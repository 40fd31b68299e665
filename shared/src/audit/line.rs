//! A record as one line of JSON. It has one spelling only, so equal records are equal lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Entry, Hash, Kind, Record, Void, WriterId};
use crate::answer::Usage;
use crate::clock::Timestamp;
use crate::guards::Decision;

/// What XML forbids and JSON does not escape.
const ILLEGAL: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// What most records without texts need.
const ROOM: usize = 1536;

/// A line that is not a record. Tells where reading stopped and nothing of what stands there, which may be a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or not with a record's fields.
    #[error("not an audit record (column {column})")]
    Syntax {
        /// The column where reading stopped, from 1.
        column: usize,
    },
    /// A record, but not as [`Record::to_line`] spells it: an unknown field, another order, white space.
    #[error("an audit record in another spelling")]
    Spelling,
}

impl Record {
    /// The record as JSON, without a line end. Every character of it may stand in an XML document, as a queue demands
    /// of its messages: of those that may not, JSON escapes all but two itself.
    #[must_use]
    pub fn to_line(&self) -> String {
        let Self { v, record_id, entry, writer_id, seq, prev_hash, voids, hash } = self;
        let flat = Flat {
            v: *v,
            record_id,
            entry,
            writer_id: *writer_id,
            seq: *seq,
            prev_hash: *prev_hash,
            voids,
            hash: *hash,
        };
        let mut line = Vec::with_capacity(ROOM);
        #[expect(clippy::expect_used, reason = "strings, integers and string keys are always JSON, which is UTF-8")]
        let line = serde_json::to_writer(&mut line, &flat)
            .ok()
            .and_then(|()| String::from_utf8(line).ok())
            .expect("a record is JSON");
        // They can stand inside strings only. Beside them, U+0000 to U+001F and lone surrogates are illegal.
        if !line.contains(ILLEGAL) {
            return line;
        }
        line.replace(ILLEGAL[0], "\\ufffe").replace(ILLEGAL[1], "\\uffff")
    }

    /// Reads what [`Record::to_line`] wrote. It does not check the hash.
    ///
    /// # Errors
    /// [`Malformed`] for anything else, be it only spelt otherwise.
    pub fn from_line(line: &str) -> Result<Self, Malformed> {
        let read: Read = serde_json::from_str(line).map_err(|error| Malformed::Syntax { column: error.column() })?;
        let record = Self::from(read);
        // Unknown and repeated fields cannot survive the way back, at any depth.
        if record.to_line() == line { Ok(record) } else { Err(Malformed::Spelling) }
    }
}

#[derive(Serialize)]
struct Flat<'a> {
    v: u8,
    record_id: &'a str,
    #[serde(flatten)]
    entry: &'a Entry,
    writer_id: WriterId,
    seq: u64,
    prev_hash: Hash,
    voids: &'a [Void],
    hash: Hash,
}

/// All fields side by side. With `serde(flatten)` each value would be kept in between, which takes several times as long,
/// and a drain reads every record there is.
#[derive(Deserialize)]
struct Read {
    v: u8,
    record_id: String,
    request_id: String,
    kind: Kind,
    ts: Timestamp,
    caller: String,
    user: Option<String>,
    surface: String,
    operation: String,
    model: String,
    decision: Decision,
    blocked: bool,
    blocked_reason: Option<String>,
    risk_score: u16,
    rules: Vec<String>,
    redactions: BTreeMap<String, u32>,
    prompt: Option<String>,
    answer: Option<String>,
    prompt_hmac: Option<String>,
    tokens: Usage,
    cost_micros: u64,
    latency_ms: u64,
    upstream_status: Option<u16>,
    error: Option<String>,
    policy_version: String,
    key_version: Option<String>,
    pepper_id: Option<String>,
    writer_id: WriterId,
    seq: u64,
    prev_hash: Hash,
    voids: Vec<Void>,
    hash: Hash,
}

impl From<Read> for Record {
    fn from(read: Read) -> Self {
        let entry = Entry {
            request_id: read.request_id,
            kind: read.kind,
            ts: read.ts,
            caller: read.caller,
            user: read.user,
            surface: read.surface,
            operation: read.operation,
            model: read.model,
            decision: read.decision,
            blocked: read.blocked,
            blocked_reason: read.blocked_reason,
            risk_score: read.risk_score,
            rules: read.rules,
            redactions: read.redactions,
            prompt: read.prompt,
            answer: read.answer,
            prompt_hmac: read.prompt_hmac,
            tokens: read.tokens,
            cost_micros: read.cost_micros,
            latency_ms: read.latency_ms,
            upstream_status: read.upstream_status,
            error: read.error,
            policy_version: read.policy_version,
            key_version: read.key_version,
            pepper_id: read.pepper_id,
        };
        let Read { v, record_id, writer_id, seq, prev_hash, voids, hash, .. } = read;
        Self { v, record_id, entry, writer_id, seq, prev_hash, voids, hash }
    }
}
