//! `gatehouse caller`: issue, list and revoke caller keys, here or in a bundle on AWS.

mod on_aws;

use std::io::{self, Write};
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;
use shared::caller::{Key, NoRandomness, NoRole, Role};
use shared::clock::{Clock, SystemClock, Timestamp};

use super::listing::{self, Reader, Row};
use crate::aws::{self, Prefix};
use crate::store::{self, callers, sqlite};

/// Longest name: it stands in every audit record and in every list.
const NAME: usize = 64;

/// Issue, list and revoke caller keys
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse caller add my-app
  gatehouse caller add my-app --aws gatehouse
  gatehouse caller add my-app --aws gatehouse --role arn:aws:iam::123456789012:role/my-app
  gatehouse caller list --aws gatehouse --json")]
pub(crate) struct Callers {
    /// Those of the bundle on AWS with this name_prefix, with your AWS credentials, instead of those in the data directory
    #[arg(long, global = true, value_name = "NAME_PREFIX")]
    aws: Option<Prefix>,

    /// What to do.
    #[command(subcommand)]
    command: Caller,
}

/// What to do with callers.
#[derive(Debug, Subcommand)]
pub(crate) enum Caller {
    /// Make a key for an application. It is shown once: only its hash is kept
    Add {
        /// A name for the application: letters, digits, `.`, `_` and `-`. Audit records carry it
        name: String,
        /// Let an IAM role in instead of making a key, where the bundle's URL is in IAM mode. Takes --aws
        #[arg(long, value_name = "ARN", value_parser = role)]
        role: Option<Role>,
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
    /// A bundle on AWS could not be asked.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// Another caller has the name.
    #[error("there is a caller `{0}` already: choose another name, or revoke that one first")]
    NameTaken(String),
    /// Another caller has the name or the role.
    #[error("there is a caller `{0}` or one with this role already: `gatehouse caller list` shows them all")]
    RoleTaken(String),
    /// On a laptop every caller has a key.
    #[error("only AWS vouches for an IAM role: name the bundle with --aws")]
    RoleWithoutAws,
    /// No such caller.
    #[error("there is no active caller `{0}`: `gatehouse caller list` shows them all")]
    Unknown(String),
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

fn role(arn: &str) -> Result<Role, NoRole> {
    Role::parse(arn)
}

/// Does what the command says, in the data directory or on AWS.
pub(crate) fn run(Callers { aws, command }: &Callers, data: &Path) -> Result<(), Error> {
    let (Caller::Add { json, .. } | Caller::List { json } | Caller::Revoke { json, .. }) = command;
    let (reader, mut out) = (Reader::of_stdout(*json), io::stdout().lock());
    match aws {
        Some(prefix) => aws::wait(on_aws::execute(command, prefix, SystemClock.now(), reader, &mut out)),
        None => execute(command, data, &SystemClock, reader, &mut out),
    }
}

fn execute(
    command: &Caller,
    data: &Path,
    clock: &impl Clock,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let printed = match command {
        Caller::Add { role: Some(_), .. } => return Err(Error::RoleWithoutAws),
        Caller::Add { name, role: None, .. } => add(name, data, clock.now(), reader, out)?,
        Caller::List { .. } => list(data, reader, out)?,
        Caller::Revoke { caller, .. } => revoke(caller, data, clock.now(), reader, out)?,
    };
    listing::until_closed(printed).map_err(Error::Print)
}

fn add(name: &str, data: &Path, now: Timestamp, reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    check(name)?;
    let connection = sqlite::open(data)?;
    let key = Key::mint().map_err(Error::Mint)?;
    if !callers::add(&connection, &key.caller(name), now)? {
        return Err(Error::NameTaken(name.to_owned()));
    }
    Ok(show(&key, name, reader, out))
}

fn check(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let sound = !name.is_empty() && name.len() <= NAME && name.chars().all(fits);
    if sound { Ok(()) } else { Err(Error::BadName) }
}

/// Shows a new key, this once.
fn show(key: &Key, name: &str, reader: Reader, out: &mut dyn Write) -> io::Result<()> {
    let (id, text) = (key.id(), key.text());
    let text = text.expose();
    match reader {
        Reader::Json => writeln!(out, "{}", json!({ "id": id.as_str(), "name": name, "key": text })),
        // The key alone, so that a script can take it as it is.
        Reader::Pipe => writeln!(out, "{text}"),
        Reader::Person => writeln!(
            out,
            "{text}\n\nThis is the key of caller {name} ({id}). It is shown only this once; only its hash is kept."
        ),
    }
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
    let revoked = revoked.ok_or_else(|| Error::Unknown(caller.to_owned()))?;
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
