//! What a gate has recorded, read from its files as an auditor would.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};

use crate::wait;

/// The audit store in a gate's data folder.
pub const DATABASE: &str = "gatehouse.db";
/// The table of its records, a column for each field.
pub const TABLE: &str = "audit";
/// The folder of the spool in a gate's data folder.
pub const SPOOL: &str = "spool";

/// One record, by column.
pub type Row = Map<String, Value>;

/// Every record of a request that the drain has brought to the store, once `enough` is satisfied.
///
/// # Panics
/// When that does not come to be in time.
pub async fn rows(data: &Path, what: &str, enough: impl Fn(&[Row]) -> bool) -> Vec<Row> {
    wait::until(what, || async { read(data).ok().filter(|rows| enough(rows)) }).await
}

/// Every record of a request that the store holds now; an error while there is none, or while it is being written.
///
/// # Errors
/// SQLite's own.
pub fn read(data: &Path) -> rusqlite::Result<Vec<Row>> {
    let mut all = everything(data)?;
    all.retain(|row| !is_of_policy(row));
    Ok(all)
}

/// Every record that the store holds now, those of the policy in force too; an error likewise.
///
/// # Errors
/// SQLite's own.
pub fn everything(data: &Path) -> rusqlite::Result<Vec<Row>> {
    let store = Connection::open_with_flags(data.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = store.prepare(&format!("SELECT * FROM {TABLE} ORDER BY ts, record_id"))?;
    let names: Vec<_> = statement.column_names().map(String::from).collect();
    let rows = statement.query_map([], |row| {
        names.iter().enumerate().map(|(at, name)| Ok((name.clone(), value(row.get_ref(at)?)))).collect()
    })?;
    rows.collect()
}

fn value(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!(bytes),
    }
}

/// Everything that the spool holds now, as text: what is in here has survived whatever happens next.
#[must_use]
pub fn spooled(data: &Path) -> String {
    let mut all = String::new();
    for file in files(&data.join(SPOOL)) {
        all.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()));
    }
    all
}

/// Every file beneath a folder; none where there is no folder.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Whether a record is of this kind: `intent` or `outcome`.
#[must_use]
pub fn is(row: &Row, kind: &str) -> bool {
    row.get("kind").and_then(Value::as_str) == Some(kind)
}

/// Whether a record is about the policy in force rather than a request.
#[must_use]
pub fn is_of_policy(row: &Row) -> bool {
    row.get("surface").and_then(Value::as_str) == Some("policy")
}
