//! What the operator asks of the audit store.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use shared::audit::reports::{Cells, Dialect, Report};
use shared::clock::Timestamp;

use super::Error;

/// A record, as far as a list shows it. `Debug` is left out: the line may hold a prompt.
#[derive(Clone)]
pub(crate) struct Listed {
    /// Its place in the order of arrival.
    pub(crate) id: i64,
    /// Of a record of the policy, which is about no request: what became of it. `begin`, `change` or `refuse`.
    pub(crate) policy: Option<String>,
    /// Whether it is an intent that no outcome has followed.
    pub(crate) open: bool,
    /// When it was made.
    pub(crate) ts: Timestamp,
    /// The request.
    pub(crate) request_id: String,
    /// The caller's name.
    pub(crate) caller: String,
    /// The end user.
    pub(crate) user: Option<String>,
    /// The model's bare name.
    pub(crate) model: String,
    /// What the guards decided.
    pub(crate) decision: String,
    /// Risk in thousandths.
    pub(crate) risk_score: u16,
    /// Why it was blocked or what went wrong; of a record of the policy, the version in force.
    pub(crate) reason: Option<String>,
    /// How long it took.
    pub(crate) latency_ms: i64,
    /// The record exactly as it was written.
    pub(crate) line: String,
}

/// Which records to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Requests: their outcome, or their intent while that is missing; and what became of the policy. The latest so many.
    Latest(u32),
    /// Outcomes that arrived after this one.
    After(i64),
}

const OPEN: &str = "(kind = 'intent' AND NOT EXISTS (SELECT 1 FROM audit AS other
    WHERE other.request_id = audit.request_id AND other.kind = 'outcome'))";

/// Records in order of arrival.
pub(crate) fn records(connection: &Connection, which: Which) -> Result<Vec<Listed>, Error> {
    let (condition, after, limit) = match which {
        Which::Latest(count) => (format!("kind = 'outcome' OR {OPEN}"), 0, i64::from(count)),
        Which::After(id) => ("kind = 'outcome'".to_owned(), id, i64::MAX),
    };
    let query = format!(
        "SELECT id, kind = 'intent' AS open, ts, request_id, caller, user, model, decision, risk_score,
            CASE surface WHEN 'policy' THEN operation END AS policy,
            coalesce(blocked_reason, error, CASE surface WHEN 'policy' THEN policy_version END) AS reason,
            latency_ms, line
        FROM audit WHERE ({condition}) AND id > ?1 ORDER BY id DESC LIMIT ?2"
    );
    let mut records: Vec<Listed> = connection
        .prepare_cached(&query)
        .and_then(|mut statement| statement.query_map(params![after, limit], listed)?.collect())
        .map_err(Error::database("read"))?;
    records.reverse();
    Ok(records)
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        id: row.get("id")?,
        policy: row.get("policy")?,
        open: row.get("open")?,
        ts: Timestamp(u64::try_from(row.get::<_, i64>("ts")?).unwrap_or_default()),
        request_id: row.get("request_id")?,
        caller: row.get("caller")?,
        user: row.get("user")?,
        model: row.get("model")?,
        decision: row.get("decision")?,
        risk_score: row.get("risk_score")?,
        reason: row.get("reason")?,
        latency_ms: row.get("latency_ms")?,
        line: row.get("line")?,
    })
}

/// The place of the record that arrived last; 0 where there is none.
pub(crate) fn last(connection: &Connection) -> Result<i64, Error> {
    connection
        .query_row("SELECT coalesce(max(id), 0) FROM audit", [], |row| row.get(0))
        .map_err(Error::database("read"))
}

/// Hands on the line of every outcome, in order of arrival.
pub(crate) fn outcomes(connection: &Connection, take: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut each = || {
        let mut statement = connection.prepare("SELECT line FROM audit WHERE kind = 'outcome' ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(row.get_ref(0)?.as_str()?);
        }
        Ok(())
    };
    each().map_err(Error::database("read"))
}

/// A line of the spool that is no record, without the line: it may hold a prompt.
pub(crate) struct Rejected {
    /// The spool file it stood in.
    pub(crate) file: String,
    /// Where in the file it began.
    pub(crate) offset: i64,
    /// Its length.
    pub(crate) bytes: i64,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// Every line that was rejected.
pub(crate) fn rejected(connection: &Connection) -> Result<Vec<Rejected>, Error> {
    let read = |row: &Row<'_>| {
        Ok(Rejected {
            file: row.get("file")?,
            offset: row.get("offset")?,
            bytes: row.get("bytes")?,
            reason: row.get("reason")?,
        })
    };
    connection
        .prepare("SELECT file, offset, length(line) AS bytes, reason FROM rejected ORDER BY file, offset")
        .and_then(|mut statement| statement.query_map([], read)?.collect())
        .map_err(Error::database("read"))
}

/// A report's rows over what was made since then: its columns as text.
pub(crate) fn report(connection: &Connection, report: Report, since: Timestamp) -> Result<Vec<Cells>, Error> {
    let columns = report.columns().len();
    let read = |row: &Row<'_>| {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => None,
                    ValueRef::Integer(integer) => Some(integer.to_string()),
                    ValueRef::Real(real) => Some(real.to_string()),
                    ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
                })
            })
            .collect()
    };
    connection
        .prepare(&report.sql(Dialect::Sqlite, "audit", since))
        .and_then(|mut statement| statement.query_map([], read)?.collect())
        .map_err(Error::database("read"))
}
