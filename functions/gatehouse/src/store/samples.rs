//! Spool files as a writer would have left them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shared::audit::{Entry, Hash, Kind, Link, Record, WriterId};
use shared::clock::Timestamp;
use shared::fakes;

use super::spool;

/// A chain of records over these entries.
pub(crate) fn chain(writer_id: WriterId, entries: impl IntoIterator<Item = Entry>) -> Vec<Record> {
    let mut prev_hash = Hash::ZERO;
    let seal = |(entry, seq): (Entry, u64)| {
        let link = Link { record_id: format!("record-{seq}"), writer_id, seq, prev_hash, voids: Vec::new() };
        let record = Record::seal(entry, link);
        prev_hash = record.hash;
        record
    };
    entries.into_iter().zip(0..).map(seal).collect()
}

/// `count` records of one writer.
pub(crate) fn records(writer: u8, count: usize) -> Vec<Record> {
    chain(WriterId::new([writer; 16]), vec![fakes::entry(Kind::Intent); count])
}

/// An outcome at `ts` with what suspicion looks at.
pub(crate) fn outcome(ts: u64, user: Option<&str>, caller: &str, risk_score: u16, blocked: bool) -> Entry {
    Entry {
        ts: Timestamp(ts),
        request_id: format!("request-{ts}"),
        user: user.map(str::to_owned),
        caller: caller.to_owned(),
        risk_score,
        blocked,
        ..fakes::entry(Kind::Outcome)
    }
}

/// The records as the lines of a spool file.
pub(crate) fn lines(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(|record| [record.to_line(), "\n".to_owned()]).collect::<String>().into_bytes()
}

/// The file of a writer that is gone.
pub(crate) fn leave(data: &Path, writer: u8, content: &[u8]) -> PathBuf {
    fs::create_dir_all(spool::directory(data)).unwrap();
    let path = spool::directory(data).join(format!("{}.ndjson", WriterId::new([writer; 16])));
    fs::write(&path, content).unwrap();
    path
}

/// Every record in the store, in order of arrival, read from its line.
pub(crate) fn stored(connection: &Connection) -> Vec<Record> {
    let mut statement = connection.prepare("SELECT line FROM audit ORDER BY id").unwrap();
    let lines: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    lines.iter().map(|line| Record::from_line(line).unwrap()).collect()
}
