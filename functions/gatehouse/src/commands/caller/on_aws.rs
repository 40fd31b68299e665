//! `gatehouse caller --aws`: the callers in a bundle's table.

use std::io::{self, Write};

use serde_json::json;
use shared::aws::dynamodb::callers::Listed;
use shared::caller::{self, Key, Role};
use shared::clock::Timestamp;

use super::{Caller, Error, check, show};
use crate::aws::{Bundle, Part, Prefix};
use crate::commands::listing::{self, Reader, Row};

/// Does what the command says in the bundle with this prefix.
pub(super) async fn execute(
    command: &Caller,
    prefix: &Prefix,
    now: Timestamp,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let bundle = Bundle::open(prefix).await?;
    let printed = match command {
        Caller::Add { name, role: None, .. } => add(&bundle, name, now, reader, out).await?,
        Caller::Add { name, role: Some(role), .. } => add_role(&bundle, name, role, now, reader, out).await?,
        Caller::List { .. } => list(&bundle, reader, out).await?,
        Caller::Revoke { caller, .. } => revoke(&bundle, caller, now, reader, out).await?,
    };
    listing::until_closed(printed).map_err(Error::Print)
}

async fn add(
    bundle: &Bundle,
    name: &str,
    now: Timestamp,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Error> {
    check(name)?;
    let key = Key::mint().map_err(Error::Mint)?;
    let added = bundle.callers().add(&key.caller(name), now).await;
    if !added.map_err(|error| bundle.told(Part::CALLERS_ADD, error))? {
        return Err(Error::NameTaken(name.to_owned()));
    }
    Ok(show(&key, name, reader, out))
}

async fn add_role(
    bundle: &Bundle,
    name: &str,
    role: &Role,
    now: Timestamp,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Error> {
    check(name)?;
    let caller = caller::Caller::of_role(role.clone(), name);
    let added = bundle.callers().add(&caller, now).await;
    if !added.map_err(|error| bundle.told(Part::CALLERS_ADD, error))? {
        return Err(Error::RoleTaken(name.to_owned()));
    }
    let id = caller.id.as_str();
    Ok(match reader {
        Reader::Json => writeln!(out, "{}", json!({ "id": id, "name": name, "role": role.arn() })),
        Reader::Pipe => writeln!(out, "{id}"),
        Reader::Person => writeln!(
            out,
            "Caller {name} ({id}) is {role}. It signs its requests; Terraform's allowed_principals must admit it too."
        ),
    })
}

async fn list(bundle: &Bundle, reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    let listed = bundle.callers().list().await.map_err(|error| bundle.told(Part::CALLERS_LIST, error))?;
    let rows: Vec<Row> = listed.iter().map(row).collect();
    if rows.is_empty() && reader == Reader::Person {
        return Ok(writeln!(out, "No callers yet: `gatehouse caller add NAME --aws {}` makes a key.", bundle.prefix()));
    }
    Ok(listing::print(out, reader, &["ID", "NAME", "CREATED", "REVOKED", "ROLE"], &rows))
}

async fn revoke(
    bundle: &Bundle,
    caller: &str,
    now: Timestamp,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Error> {
    let revoked = bundle.callers().revoke(caller, now).await;
    let revoked = revoked.map_err(|error| bundle.told(Part::CALLERS_REVOKE, error))?;
    let revoked = revoked.ok_or_else(|| Error::Unknown(caller.to_owned()))?;
    Ok(match reader {
        Reader::Json | Reader::Pipe => listing::print(out, reader, &[], &[row(&revoked)]),
        Reader::Person => {
            writeln!(out, "Revoked {} ({}): within a minute nobody gets in with it.", revoked.name, revoked.id)
        }
    })
}

fn row(Listed { id, name, role, created, revoked }: &Listed) -> Row {
    let (created, revoked, role) = (listing::time(*created), revoked.map(listing::time), role.as_ref().map(Role::arn));
    let json = json!({ "id": id.as_str(), "name": name, "created": created, "revoked": revoked, "role": role });
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let columns = vec![id.to_string(), name.clone(), created, or_none(revoked.as_deref()), or_none(role)];
    Row { columns, json: json.to_string() }
}
