//! Spool files as a writer would have left them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shared::audit::{Kind, Record, WriterId};
use shared::fakes;
pub(crate) use shared::fakes::trail::{chain, outcome};

use super::spool;

/// `count` records of one writer.
pub(crate) fn records(writer: u8, count: usize) -> Vec<Record> {
    chain(WriterId::new([writer; 16]), vec![fakes::entry(Kind::Intent); count])
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
