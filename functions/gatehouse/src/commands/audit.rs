//! `gatehouse audit`: what was asked, by whom, and what came of it.
//!
//! Every command but `status` drains the spool first, so that it shows what has just happened.

mod load;
mod report;
mod status;
mod table;
mod user;
pub(crate) mod verify;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Subcommand;
use rusqlite::Connection;
use serde_json::json;
use shared::audit::Hour;
use shared::clock::{Clock, SystemClock};
use shared::config::Strings;
use shared::google::bigquery::Dataset;
use shared::guards::Risk;

use self::report::Reports;
use super::listing::{self, Reader, Row};
use crate::aws::{self, Prefix};
use crate::google;
use crate::store::query::{self, Listed, Which};
use crate::store::{self, drain, sqlite};

/// Soon enough for a person who watches, seldom enough to cost nothing.
const FOLLOW: Duration = Duration::from_millis(300);

/// What can be asked of the trail
#[derive(Debug, Subcommand)]
pub(crate) enum Trail {
    #[command(flatten)]
    Records(Audit),
    Verify(verify::Verify),
}

/// Look at the audit records
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Show the latest requests, the newest last
    ///
    /// A request without an outcome is under way, or its process was killed: DECISION then says `open`. Which policy is
    /// in force, from the start of a process on, stands among them: `policy begin`, `change` or `refuse`.
    Tail {
        /// How many
        #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20)]
        count: u32,
        /// Go on with each new one until interrupted
        #[arg(short, long)]
        follow: bool,
        /// Print the records as they were written, one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show what stood in the spool and is no record: torn by a crash, or tampered with
    Rejected {
        /// Print one JSON object a line instead
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Report(Reports),
    /// Make BigQuery's table, and the view that shows each record once
    ///
    /// What is there already stays. The dataset must be there, in the region of your choice: `bq mk --location=EU
    /// PROJECT:DATASET`.
    Table {
        /// Where to make them, with the credentials of `gcloud auth application-default login`
        #[arg(long, value_name = "PROJECT.DATASET", value_parser = google::dataset)]
        bigquery: Dataset,
        /// Print the SQL instead
        #[arg(long)]
        print: bool,
    },
    /// Show under which hash records name an end user
    ///
    /// Records name users by a keyed hash, unless the policy says `audit.user = "clear"`. Give the names that your
    /// application knows: the one whose hash a report shows is the user.
    User {
        /// The names; those on standard input, one a line, where there are none
        names: Vec<String>,
        /// Of the bundle on AWS with this name_prefix, with your AWS credentials
        #[arg(long, value_name = "NAME_PREFIX")]
        aws: Option<Prefix>,
        /// Print one JSON object a line instead
        #[arg(long)]
        json: bool,
    },
    /// Send records of these hours to the warehouse again, from the store of record
    ///
    /// For when BigQuery was down for longer than the warehouse's queue keeps messages. The drain loads them; the view
    /// shows each record once, however often it was loaded. Hours are those in which records arrived, UTC.
    Load {
        /// The bundle on AWS with this name_prefix, with your AWS credentials
        #[arg(long, value_name = "NAME_PREFIX")]
        aws: Prefix,
        /// The bucket of the audit trail
        #[arg(long)]
        bucket: String,
        /// The first hour, such as 2026-11-27T18
        #[arg(long, value_name = "HOUR", value_parser = load::hour)]
        from: Hour,
        /// The last hour, which is loaded too
        #[arg(long, value_name = "HOUR", value_parser = load::hour)]
        to: Hour,
        /// Print one JSON object, {"objects"}, instead
        #[arg(long)]
        json: bool,
    },
    /// Show how many records wait in the queues of a bundle on AWS
    ///
    /// SQS counts roughly: it may be a minute behind. A record among the dead letters was refused again and again and
    /// waits there for you.
    Status {
        /// The bundle on AWS with this name_prefix, with your AWS credentials
        #[arg(long, value_name = "NAME_PREFIX")]
        aws: Prefix,
        /// Print one JSON object a line instead
        #[arg(long)]
        json: bool,
    },
}

/// Why an audit command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A bundle on AWS could not be asked.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// BigQuery could not be asked.
    #[error(transparent)]
    Google(#[from] google::Error),
    /// A store answers with something else than what it was asked for.
    #[error("the store's answer cannot be read (column `{column}`)")]
    Garbled {
        /// Where.
        column: &'static str,
    },
    /// Nothing could be printed.
    #[error("could not print")]
    Print(#[source] io::Error),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Does what the command says, in the data directory.
pub(crate) fn run(command: &Audit, data: &Path, settings: &dyn Strings) -> Result<(), Error> {
    let out = &mut io::stdout().lock();
    match command {
        Audit::Tail { json, .. } | Audit::Rejected { json } => {
            execute(command, data, &SystemClock, Reader::of_stdout(*json), out)
        }
        Audit::Report(reports) => {
            let reader = Reader::of_stdout(reports.asked().json);
            report::remote(reports, settings, &SystemClock, reader, out)
                .unwrap_or_else(|| execute(command, data, &SystemClock, reader, out))
        }
        Audit::Load { aws, bucket, from, to, json } => aws::wait(load::execute(aws, bucket, (*from, *to), *json, out)),
        Audit::User { names, aws, json } => {
            let pepper = user::pepper_of(aws.as_ref(), data)?;
            user::execute(names, io::stdin().lock(), &pepper, Reader::of_stdout(*json), out).map_err(Error::Print)
        }
        Audit::Table { bigquery, print } => table::execute(bigquery, *print, settings, out),
        Audit::Status { aws, json } => aws::wait(status::execute(aws, Reader::of_stdout(*json), out)),
    }
}

fn execute(command: &Audit, data: &Path, clock: &impl Clock, reader: Reader, out: &mut dyn Write) -> Result<(), Error> {
    let mut connection = sqlite::open_existing(data)?;
    drain::run(data, &mut connection)?;
    let printed = match command {
        Audit::Tail { count, follow: false, .. } => list(&connection, Which::Latest(*count), reader, out)?,
        Audit::Tail { count, follow: true, .. } => follow(&mut connection, data, *count, reader, out)?,
        Audit::Rejected { .. } => rejected(&connection, reader, out)?,
        Audit::Report(reports) => report::local(reports, &connection, clock, reader, out)?,
        Audit::Load { .. } | Audit::Status { .. } | Audit::Table { .. } | Audit::User { .. } => Ok(()),
    };
    listing::until_closed(printed).map_err(Error::Print)
}

const HEADINGS: [&str; 9] = ["TIME", "CALLER", "USER", "MODEL", "DECISION", "RISK", "MS", "REASON", "REQUEST"];

fn list(connection: &Connection, which: Which, reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    Ok(print(&query::records(connection, which)?, reader, out))
}

/// Prints the latest, then each outcome as it arrives, until the reader goes away.
fn follow(
    connection: &mut Connection,
    data: &Path,
    count: u32,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Error> {
    let mut last = query::last(connection)?;
    let mut records = query::records(connection, Which::Latest(count))?;
    let mut printed = print(&records, reader, out);
    // Columns cannot be aligned with what is not known yet.
    let reader = if reader == Reader::Person { Reader::Pipe } else { reader };
    while printed.is_ok() {
        std::thread::sleep(FOLLOW);
        drain::run(data, connection)?;
        // The list may hold what another drain brought after `last` was asked for.
        last = records.last().map_or(last, |record| record.id.max(last));
        records = query::records(connection, Which::After(last))?;
        printed = print(&records, reader, out);
    }
    Ok(printed)
}

fn print(records: &[Listed], reader: Reader, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Row> = records.iter().map(row).collect();
    listing::print(out, reader, &HEADINGS, &rows)
}

fn row(record: &Listed) -> Row {
    let nothing = || "-".to_owned();
    let decision = match &record.policy {
        Some(became) => format!("policy {became}"),
        None if record.open => "open".to_owned(),
        None => record.decision.clone(),
    };
    let columns = vec![
        listing::time(record.ts),
        if record.policy.is_some() { nothing() } else { record.caller.clone() },
        record.user.clone().unwrap_or_else(nothing),
        if record.policy.is_some() { nothing() } else { record.model.clone() },
        decision,
        Risk::thousandths(record.risk_score).to_string(),
        record.latency_ms.to_string(),
        record.reason.clone().unwrap_or_else(nothing),
        record.request_id.clone(),
    ];
    Row { columns, json: record.line.clone() }
}

fn rejected(connection: &Connection, reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    let rejected = query::rejected(connection)?;
    if rejected.is_empty() && reader == Reader::Person {
        return Ok(writeln!(out, "Nothing: every line of the spool was a record."));
    }
    let rows: Vec<Row> = rejected
        .into_iter()
        .map(|query::Rejected { file, offset, bytes, reason }| {
            let json = json!({ "file": file, "offset": offset, "bytes": bytes, "reason": reason }).to_string();
            Row { columns: vec![file, offset.to_string(), bytes.to_string(), reason], json }
        })
        .collect();
    Ok(listing::print(out, reader, &["FILE", "OFFSET", "BYTES", "REASON"], &rows))
}

#[cfg(test)]
mod tests;
