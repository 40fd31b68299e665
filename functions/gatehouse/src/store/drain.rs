//! Takes records from the spool into SQLite.
//!
//! How far a file was read is kept in the same transaction as the records read, and a record that is there already is
//! not inserted again: it can be killed anywhere and run twice or beside another. A line that is no record goes to the
//! table `rejected`, as it came, and holds up nothing. A file is removed when its writer is gone and all of it is in
//! the store.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params};
use serde::Serialize;
use shared::audit::Record;
use shared::clock::SystemClock;
use shared::guards::Decision;

use super::detection::Detection;
use super::sealing::Keeper;
use super::{Error, spool, sqlite};

/// Lines a transaction: enough to spread the cost of its sync, few enough that others need not wait for long.
const LINES: usize = 500;

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Records that are new in the store.
    pub(crate) drained: usize,
    /// Lines that are no records, and are new among the rejected.
    pub(crate) rejected: usize,
    /// Files that were removed.
    pub(crate) removed: usize,
}

/// Takes over all that is in the spool now.
pub(crate) fn run(data: &Path, connection: &mut Connection) -> Result<Report, Error> {
    let mut report = Report::default();
    let directory = spool::directory(data);
    let mut paths = match fs::read_dir(&directory) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::file("list", &directory))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(report),
        Err(error) => return Err(Error::file("list", &directory)(error)),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
    paths.sort();
    let mut failed = None;
    for path in paths {
        // A file fails alone: the others are drained, and the first failure is told.
        if let Err(error) = drain_file(&path, connection, &mut report) {
            failed.get_or_insert(error);
        }
    }
    if report.rejected > 0 {
        tracing::error!(code = "audit_rejected", lines = report.rejected, "lines of the spool are no records");
    }
    failed.map_or(Ok(report), Err)
}

fn drain_file(path: &Path, connection: &mut Connection, report: &mut Report) -> Result<(), Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        // Another drain has finished with it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("open", path)(error)),
    };
    // A writer locks its file before it shows and until it ends.
    let abandoned = file.try_lock().is_ok();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let length = file.metadata().map_err(Error::file("read", path))?.len();
    // Most of the time there is nothing new, which must not cost a write.
    if length > checkpoint(connection, &name)? || abandoned {
        let mut lines = Lines { path, name: &name, reader: BufReader::new(file), abandoned };
        while lines.next_batch(connection, report)? {}
        if abandoned {
            remove(path, &name, connection, report)?;
        }
    }
    Ok(())
}

fn checkpoint(connection: &Connection, name: &str) -> Result<u64, Error> {
    let offset = connection
        .prepare_cached("SELECT offset FROM checkpoint WHERE file = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get::<_, i64>(0)).optional())
        .map_err(Error::database("read"))?;
    Ok(offset.and_then(|offset| u64::try_from(offset).ok()).unwrap_or_default())
}

fn remove(path: &Path, name: &str, connection: &Connection, report: &mut Report) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => report.removed += 1,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file("remove", path)(error)),
    }
    // Last: a checkpoint without a file is clutter, a file without its checkpoint is read twice.
    connection.execute("DELETE FROM checkpoint WHERE file = ?1", [name]).map_err(Error::database("write"))?;
    Ok(())
}

/// The lines of a spool file, from its checkpoint on.
struct Lines<'a> {
    path: &'a Path,
    name: &'a str,
    reader: BufReader<File>,
    /// Nobody will complete a torn last line.
    abandoned: bool,
}

impl Lines<'_> {
    /// Takes some lines over in one transaction. Whether there may be more.
    fn next_batch(&mut self, connection: &mut Connection, report: &mut Report) -> Result<bool, Error> {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::database("write"))?;
        let mut offset = checkpoint(&transaction, self.name)?;
        self.reader.seek(SeekFrom::Start(offset)).map_err(Error::file("read", self.path))?;
        let (mut seen, mut more, mut line) = (*report, false, Vec::new());
        for _ in 0..LINES {
            line.clear();
            let count = self.reader.read_until(b'\n', &mut line).map_err(Error::file("read", self.path))?;
            let whole = line.pop_if(|last| *last == b'\n').is_some();
            more = count > 0 && (whole || self.abandoned);
            if !more {
                break;
            }
            match take(&transaction, &line, whole)? {
                Taken::Kept(new) => seen.drained += new,
                Taken::Nothing => {}
                Taken::Refused(reason) => seen.rejected += reject(&transaction, self.name, offset, &line, &reason)?,
            }
            offset += count as u64;
        }
        transaction
            .prepare_cached("INSERT OR REPLACE INTO checkpoint (file, offset) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![self.name, signed(offset)]))
            .map_err(Error::database("write"))?;
        transaction.commit().map_err(Error::database("write"))?;
        *report = seen;
        Ok(more)
    }
}

enum Taken {
    /// In the store, with how many of it being new there.
    Kept(usize),
    /// There was nothing in the line.
    Nothing,
    /// Not a record, and why.
    Refused(String),
}

fn take(transaction: &Transaction<'_>, line: &[u8], whole: bool) -> Result<Taken, Error> {
    if line.is_empty() {
        return Ok(Taken::Nothing);
    }
    if !whole {
        return Ok(Taken::Refused("torn: its writer died before it was whole".to_owned()));
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Ok(Taken::Refused("not UTF-8".to_owned()));
    };
    let record = match Record::from_line(text) {
        Err(malformed) => return Ok(Taken::Refused(malformed.to_string())),
        Ok(record) if !record.verify_hash() => {
            return Ok(Taken::Refused("the hash is not that of the content".to_owned()));
        }
        Ok(record) => record,
    };
    match insert(transaction, &record, text) {
        Ok(new) => Ok(Taken::Kept(new)),
        // A number beyond SQLite's 64 signed bits.
        Err(rusqlite::Error::ToSqlConversionFailure(_)) => {
            Ok(Taken::Refused("a value does not fit the table".to_owned()))
        }
        Err(error) => Err(Error::database("write")(error)),
    }
}

/// Writes a record into the table's columns, beside its line. How many rows that made: none where it is there already.
fn insert(transaction: &Transaction<'_>, record: &Record, line: &str) -> rusqlite::Result<usize> {
    bound(record, line, |columns| transaction.prepare_cached(include_str!("insert.sql"))?.execute(columns))
}

/// Whether the record's row says in all of its columns what its line does.
pub(super) fn is_as_written(connection: &Connection, record: &Record, line: &str) -> rusqlite::Result<bool> {
    bound(record, line, |columns| connection.prepare_cached(include_str!("same.sql"))?.exists(columns))
}

/// Hands on the columns of a record, in the table's order.
fn bound<T>(
    record: &Record,
    line: &str,
    with: impl FnOnce(&[&dyn ToSql]) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let Record { v, record_id, entry, writer_id, seq, prev_hash, voids, hash } = record;
    let decision = match entry.decision {
        Decision::Allow => "allow",
        Decision::Block => "block",
        Decision::Flag => "flag",
    };
    let tokens = &entry.tokens;
    with(params![
        v,
        record_id,
        entry.request_id,
        entry.kind.as_str(),
        entry.ts.0,
        entry.caller,
        entry.user,
        entry.surface,
        entry.operation,
        entry.model,
        decision,
        entry.blocked,
        entry.blocked_reason,
        entry.risk_score,
        json(&entry.rules)?,
        json(&entry.redactions)?,
        entry.prompt,
        entry.answer,
        entry.prompt_hmac,
        tokens.prompt,
        tokens.cached,
        tokens.candidates,
        tokens.thoughts,
        tokens.tool_use,
        tokens.total,
        entry.cost_micros,
        entry.latency_ms,
        entry.upstream_status,
        entry.error,
        entry.policy_version,
        entry.key_version,
        entry.pepper_id,
        writer_id.to_string(),
        seq,
        prev_hash.to_string(),
        json(voids)?,
        hash.to_string(),
        line,
    ])
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn reject(transaction: &Transaction<'_>, name: &str, offset: u64, line: &[u8], reason: &str) -> Result<usize, Error> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO rejected (file, offset, reason, line) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute(params![name, signed(offset), reason, line]))
        .map_err(Error::database("write"))
}

/// File offsets fit: no file has 2^63 bytes.
fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// Drains again and again on a thread of its own.
#[derive(Debug)]
pub(crate) struct Loop {
    /// Dropped to stop the thread.
    running: mpsc::Sender<Infallible>,
    thread: JoinHandle<Result<(), Error>>,
}

impl Loop {
    /// Begins to drain, `interval` after each time anew.
    pub(crate) fn start(data: PathBuf, interval: Duration) -> Result<Self, Error> {
        let mut connection = sqlite::open(&data)?;
        let mut keeper = Keeper::open(&data)?;
        let (running, stopped) = mpsc::channel::<Infallible>();
        let thread = std::thread::Builder::new().name("drain".to_owned()).spawn(move || {
            let (mut well, mut detection) = (true, Detection::default());
            loop {
                let stop = stopped.recv_timeout(interval) == Err(RecvTimeoutError::Disconnected);
                let drained = run(&data, &mut connection).and_then(|report| {
                    detection.look(report.drained > 0, &connection, &SystemClock)?;
                    keeper.keep(stop, &SystemClock)?;
                    Ok(report)
                });
                if stop {
                    return drained.map(drop);
                }
                match drained {
                    Ok(_) => well = true,
                    // Said once: the records are safe in the spool, and it is tried again five times a second.
                    Err(error) => {
                        if std::mem::take(&mut well) {
                            let cause = std::error::Error::source(&error).map(ToString::to_string);
                            tracing::error!(code = "drain_failed", %error, cause, "the audit spool is not drained");
                        }
                    }
                }
            }
        });
        let thread = thread.map_err(Error::file("start the drain of", &spool::directory(Path::new(""))))?;
        Ok(Self { running, thread })
    }

    /// Drains a last time and ends. Blocks until it is done.
    pub(crate) fn stop(self) -> Result<(), Error> {
        drop(self.running);
        // A panic of the thread was told by the hook; the records it left are in the spool.
        self.thread.join().unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests;
