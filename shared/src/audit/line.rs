//! A record as one line of JSON. It has one spelling only, so equal records are equal lines.

use serde::{Deserialize, Serialize};

use super::{Entry, Hash, Record, Void, WriterId};

/// What XML forbids and JSON does not escape.
const ILLEGAL: [char; 2] = ['\u{fffe}', '\u{ffff}'];

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
        #[expect(clippy::expect_used, reason = "strings, integers and string keys are always JSON")]
        let line = serde_json::to_string(&flat).expect("a record is JSON");
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
        let Read { v, record_id, entry, writer_id, seq, prev_hash, voids, hash } =
            serde_json::from_str(line).map_err(|error| Malformed::Syntax { column: error.column() })?;
        let record = Self { v, record_id, entry, writer_id, seq, prev_hash, voids, hash };
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

#[derive(Deserialize)]
struct Read {
    v: u8,
    record_id: String,
    #[serde(flatten)]
    entry: Entry,
    writer_id: WriterId,
    seq: u64,
    prev_hash: Hash,
    voids: Vec<Void>,
    hash: Hash,
}
