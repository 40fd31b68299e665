//! The bytes of a record that are hashed, so that a verifier can be written in any language.
//!
//! The hash is SHA-256 over the values below, one after the other, with nothing between them.
//!
//! | type | bytes |
//! | --- | --- |
//! | integer | 8, big-endian, unsigned |
//! | bytes | their count as an integer, then themselves |
//! | text | its UTF-8 as bytes; an enumeration is the text it has in JSON |
//! | flag | one byte: 0 for no, 1 for yes |
//! | optional | one byte 0 for `null`; else one byte 1 and the value |
//! | list | the number of items as an integer, then each item |
//! | map | the number of pairs as an integer, then each key (text) and value, keys in ascending order of their bytes |
//!
//! In this order:
//!
//! 1. the text `gatehouse.audit.record`, which keeps these hashes apart from all others; `v` (integer)
//! 2. `record_id` (text), `writer_id` (bytes, 16), `seq` (integer), `prev_hash` (bytes, 32)
//! 3. `voids` (list of: `seq` integer, `hash` bytes)
//! 4. `request_id`, `kind` (texts), `ts` (integer, milliseconds), `caller` (text), `user` (optional text), `surface`,
//!    `operation`, `model`, `decision` (texts), `blocked` (flag), `blocked_reason` (optional text), `risk_score`
//!    (integer), `rules` (list of texts), `redactions` (map to integers), `prompt`, `answer`, `prompt_hmac` (optional
//!    texts)
//! 5. of `tokens`: `prompt`, `cached`, `candidates`, `thoughts`, `tool_use`, `total` (integers)
//! 6. `cost_micros`, `latency_ms` (integers), `upstream_status` (optional integer), `error` (optional text),
//!    `policy_version` (text), `key_version`, `pepper_id` (optional texts)
//!
//! Every value tells where it ends, and the order is fixed: two different records never have the same bytes.

use sha2::{Digest, Sha256};

use super::{Entry, Hash, Record, Void};
use crate::answer::Usage;
use crate::guards::Decision;

const DOMAIN: &str = "gatehouse.audit.record";

/// What most records without texts need.
const ROOM: usize = 1024;

/// The hash that belongs to a record's content, whatever hash it carries.
#[must_use]
pub fn hash(record: &Record) -> Hash {
    Hash::new(Sha256::digest(bytes(record)).into())
}

/// The canonical encoding itself.
#[must_use]
pub fn bytes(record: &Record) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(ROOM);
    write(record, &mut encoded);
    encoded
}

fn write(record: &Record, out: &mut Vec<u8>) {
    // Taken apart by name, so that a field added to the record cannot be left out of its hash.
    let Record { v, record_id, entry, writer_id, seq, prev_hash, voids, hash: _ } = record;
    let mut out = Encoder(out);
    out.text(DOMAIN);
    out.integer(u64::from(*v));
    out.text(record_id);
    out.bytes(writer_id.as_bytes());
    out.integer(*seq);
    out.bytes(prev_hash.as_bytes());
    out.count(voids.len());
    for Void { seq, hash } in voids {
        out.integer(*seq);
        out.bytes(hash.as_bytes());
    }
    out.entry(entry);
}

struct Encoder<'a>(&'a mut Vec<u8>);

impl Encoder<'_> {
    fn entry(&mut self, entry: &Entry) {
        let Entry {
            request_id,
            kind,
            ts,
            caller,
            user,
            surface,
            operation,
            model,
            decision,
            blocked,
            blocked_reason,
            risk_score,
            rules,
            redactions,
            prompt,
            answer,
            prompt_hmac,
            tokens,
            cost_micros,
            latency_ms,
            upstream_status,
            error,
            policy_version,
            key_version,
            pepper_id,
        } = entry;
        self.text(request_id);
        self.text(kind.as_str());
        self.integer(ts.0);
        self.text(caller);
        self.optional(user.as_deref());
        self.text(surface);
        self.text(operation);
        self.text(model);
        self.text(decision_text(*decision));
        self.flag(*blocked);
        self.optional(blocked_reason.as_deref());
        self.integer(u64::from(*risk_score));
        self.count(rules.len());
        rules.iter().for_each(|rule| self.text(rule));
        self.count(redactions.len());
        for (name, count) in redactions {
            self.text(name);
            self.integer(u64::from(*count));
        }
        self.optional(prompt.as_deref());
        self.optional(answer.as_deref());
        self.optional(prompt_hmac.as_deref());
        self.tokens(*tokens);
        self.integer(*cost_micros);
        self.integer(*latency_ms);
        self.flag(upstream_status.is_some());
        if let Some(status) = upstream_status {
            self.integer(u64::from(*status));
        }
        self.optional(error.as_deref());
        self.text(policy_version);
        self.optional(key_version.as_deref());
        self.optional(pepper_id.as_deref());
    }

    fn tokens(&mut self, tokens: Usage) {
        let Usage { prompt, cached, candidates, thoughts, tool_use, total } = tokens;
        [prompt, cached, candidates, thoughts, tool_use, total].into_iter().for_each(|count| self.integer(count));
    }

    fn optional(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn count(&mut self, count: usize) {
        self.integer(count as u64);
    }

    fn integer(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }
}

/// A decision as JSON spells it.
#[must_use]
pub const fn decision_text(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Flag => "flag",
        Decision::Block => "block",
    }
}
