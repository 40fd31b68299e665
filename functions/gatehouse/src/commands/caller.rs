//! `gatehouse caller`: issue, list and revoke caller keys.

use std::io::{self, Write};
use std::path::Path;

use clap::Subcommand;
use serde_json::json;
use shared::caller::{Key, NoRandomness};
use shared::clock::{Clock, SystemClock, Timestamp};

use super::listing::{self, Reader, Row};
use crate::store::{self, callers, sqlite};

/// Longest name: it stands in every audit record and in every list.
const NAME: usize = 64;

/// Issue, list and revoke caller keys
#[derive(Debug, Subcommand)]
pub(crate) enum Caller {
    /// Make a key for an application. It is shown once: only its hash is kept
    Add {
        /// A name for the application: letters, digits, `.`, `_` and `-`. Audit records carry it
        name: String,
        /// Print one JSON object instead
        #[arg(long)]
        json: bool,
    },
    /// List all callers, the oldest first
    List {
        /// Print one JSON object a line instead
        #[arg(long)]
        json: bool,
    },
    /// Take a key back, from the next request on
    Revoke {
        /// The caller's id or name
        #[arg(value_name = "ID_OR_NAME")]
        caller: String,
        /// Print one JSON object instead
        #[arg(long)]
        json: bool,
    },
}

/// Why a caller command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The name cannot be used.
    #[error("a caller's name has 1 to {NAME} characters: letters, digits, `.`, `_` and `-`")]
    BadName,
    /// Another caller has the name.
    #[error("there is a caller `{0}` already: choose another name, or revoke that one first")]
    NameTaken(String),
    /// No such caller.
    // What was given is not repeated: it may be a key, pasted by mistake.
    #[error("there is no active caller of that id or name: `gatehouse caller list` shows them all")]
    Unknown,
    /// No key could be made.
    #[error("could not make a key")]
    Mint(#[source] NoRandomness),
    /// Nothing could be printed.
    #[error("could not print")]
    Print(#[source] io::Error),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Does what the command says, in the data directory.
pub(crate) fn run(command: &Caller, data: &Path) -> Result<(), Error> {
    let (Caller::Add { json, .. } | Caller::List { json } | Caller::Revoke { json, .. }) = command;
    execute(command, data, &SystemClock, Reader::of_stdout(*json), &mut io::stdout().lock())
}

fn execute(
    command: &Caller,
    data: &Path,
    clock: &impl Clock,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let printed = match command {
        Caller::Add { name, .. } => add(name, data, clock.now(), reader, out)?,
        Caller::List { .. } => list(data, reader, out)?,
        Caller::Revoke { caller, .. } => revoke(caller, data, clock.now(), reader, out)?,
    };
    listing::until_closed(printed).map_err(Error::Print)
}

fn add(name: &str, data: &Path, now: Timestamp, reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME || !name.chars().all(fits) {
        return Err(Error::BadName);
    }
    let connection = sqlite::open(data)?;
    let key = Key::mint().map_err(Error::Mint)?;
    if !callers::add(&connection, &key.caller(name), now)? {
        return Err(Error::NameTaken(name.to_owned()));
    }
    let (id, text) = (key.id(), key.text());
    let text = text.expose();
    Ok(match reader {
        Reader::Json => writeln!(out, "{}", json!({ "id": id.as_str(), "name": name, "key": text })),
        // The key alone, so that a script can take it as it is.
        Reader::Pipe => writeln!(out, "{text}"),
        Reader::Person => writeln!(
            out,
            "{text}\n\nThis is the key of caller {name} ({id}). It is shown only this once; only its hash is kept."
        ),
    })
}

fn list(data: &Path, reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    let listed = callers::list(&sqlite::open_existing(data)?)?;
    let rows: Vec<Row> = listed.iter().map(row).collect();
    if rows.is_empty() && reader == Reader::Person {
        return Ok(writeln!(out, "No callers yet: `gatehouse caller add NAME` makes a key."));
    }
    Ok(listing::print(out, reader, &["ID", "NAME", "CREATED", "REVOKED"], &rows))
}

fn revoke(
    caller: &str,
    data: &Path,
    now: Timestamp,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Error> {
    let revoked = callers::revoke(&sqlite::open_existing(data)?, caller, now)?;
    let revoked = revoked.ok_or(Error::Unknown)?;
    Ok(match reader {
        Reader::Json | Reader::Pipe => listing::print(out, reader, &[], &[row(&revoked)]),
        Reader::Person => writeln!(out, "Revoked {} ({}), from the next request on.", revoked.name, revoked.id),
    })
}

fn row(caller: &callers::Listed) -> Row {
    let callers::Listed { id, name, created, revoked } = caller;
    let revoked = revoked.map(listing::time);
    let json = json!({ "id": id, "name": name, "created": listing::time(*created), "revoked": revoked }).to_string();
    let columns = vec![id.clone(), name.clone(), listing::time(*created), revoked.unwrap_or_else(|| "-".to_owned())];
    Row { columns, json }
}

#[cfg(test)]
mod tests;
