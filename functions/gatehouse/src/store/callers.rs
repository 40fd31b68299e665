//! The callers in SQLite: all of them have a key.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use shared::caller::{Caller, Credential, Id};
use shared::clock::Timestamp;
use shared::ports::{self, Unavailable};

use super::Error;

/// Looks callers up for every request, so that what another process has revoked is refused from the next request on.
#[derive(Clone, Debug)]
pub(crate) struct Callers {
    connection: Arc<Mutex<Connection>>,
    /// Callers that live as long as the process, such as the session's own.
    session: Arc<[Caller]>,
}

impl Callers {
    /// The callers of a database, and some that are in none.
    pub(crate) fn new(connection: Connection, session: Vec<Caller>) -> Self {
        Self { connection: Arc::new(Mutex::new(connection)), session: session.into() }
    }
}

impl ports::Callers for Callers {
    async fn find(&self, id: &Id) -> Result<Option<Caller>, Unavailable> {
        if let Some(caller) = self.session.iter().find(|caller| caller.id == *id) {
            return Ok(Some(caller.clone()));
        }
        let (connection, id) = (Arc::clone(&self.connection), id.clone());
        // A read waits for no writer, but it may wait for the disk.
        let found =
            tokio::task::spawn_blocking(move || find(&connection.lock().unwrap_or_else(PoisonError::into_inner), &id));
        let unavailable = |cause: ports::Cause| Unavailable { store: "callers", cause };
        found.await.map_err(|error| unavailable(error.into()))?.map_err(|error| unavailable(error.into()))
    }
}

/// A caller as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The public id.
    pub(crate) id: String,
    /// The operator's name for it.
    pub(crate) name: String,
    /// When the key was made.
    pub(crate) created: Timestamp,
    /// When it was revoked.
    pub(crate) revoked: Option<Timestamp>,
}

fn find(connection: &Connection, id: &Id) -> Result<Option<Caller>, Error> {
    connection
        .prepare_cached("SELECT name, secret_hash, revoked IS NOT NULL FROM caller WHERE id = ?1")
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| {
                let credential = Credential::Key(row.get(1)?);
                Ok(Caller { id: id.clone(), name: row.get(0)?, credential, revoked: row.get(2)? })
            };
            statement.query_row([id.as_str()], read).optional()
        })
        .map_err(Error::database("read"))
}

/// Adds a caller. `false`, and nothing is done, when the name or the id is in use.
pub(crate) fn add(connection: &Connection, caller: &Caller, now: Timestamp) -> Result<bool, Error> {
    let Credential::Key(secret_hash) = caller.credential else { return Err(Error::KeysOnly) };
    let added = connection.execute(
        "INSERT INTO caller (id, name, secret_hash, created) VALUES (?1, ?2, ?3, ?4)",
        params![caller.id.as_str(), caller.name, secret_hash, signed(now)],
    );
    match added {
        Ok(_) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(false),
        Err(error) => Err(Error::database("write")(error)),
    }
}

/// Every caller, the oldest first.
pub(crate) fn list(connection: &Connection) -> Result<Vec<Listed>, Error> {
    connection
        .prepare("SELECT id, name, created, revoked FROM caller ORDER BY created, id")
        .and_then(|mut statement| statement.query_map([], listed)?.collect())
        .map_err(Error::database("read"))
}

/// Revokes the caller with this id or, where there is none, the active one with this name, and tells which it was. A
/// caller that was revoked before stays revoked since then.
pub(crate) fn revoke(connection: &Connection, id_or_name: &str, now: Timestamp) -> Result<Option<Listed>, Error> {
    let revoke = |column: &str| {
        let revoked = format!(
            "UPDATE caller SET revoked = coalesce(revoked, ?2) WHERE {column} = ?1 RETURNING id, name, created, revoked"
        );
        connection.query_row(&revoked, params![id_or_name, signed(now)], listed).optional()
    };
    let by_id = revoke("id").map_err(Error::database("write"))?;
    if by_id.is_some() { Ok(by_id) } else { revoke("revoked IS NULL AND name").map_err(Error::database("write")) }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let time = |value: i64| Timestamp(u64::try_from(value).unwrap_or_default());
    let revoked: Option<i64> = row.get("revoked")?;
    Ok(Listed {
        id: row.get("id")?,
        name: row.get("name")?,
        created: time(row.get("created")?),
        revoked: revoked.map(time),
    })
}

fn signed(time: Timestamp) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use shared::caller::{Key, admit};
    use shared::ports::Callers as _;

    use super::*;
    use crate::store::sqlite;

    #[tokio::test]
    async fn a_key_that_another_process_revokes_is_refused_from_the_next_request_on() {
        let data = tempfile::tempdir().unwrap();
        let callers = Callers::new(sqlite::open(data.path()).unwrap(), Vec::new());
        let operator = sqlite::open(data.path()).unwrap();
        let key = Key::mint().unwrap();
        let presented = Key::parse(key.text().expose()).unwrap();
        assert!(callers.find(key.id()).await.unwrap().is_none());

        assert!(add(&operator, &key.caller("app"), Timestamp(1)).unwrap());
        let found = callers.find(key.id()).await.unwrap();
        assert_eq!(admit(found, &presented).unwrap().name, "app");

        assert_eq!(revoke(&operator, "app", Timestamp(2)).unwrap().unwrap().revoked, Some(Timestamp(2)));
        let found = callers.find(key.id()).await.unwrap();
        assert!(found.as_ref().unwrap().revoked);
        assert!(admit(found, &presented).is_none());
    }

    #[tokio::test]
    async fn a_session_key_is_known_without_being_stored() {
        let data = tempfile::tempdir().unwrap();
        let key = Key::mint().unwrap();
        let callers = Callers::new(sqlite::open(data.path()).unwrap(), vec![key.caller("session")]);
        assert_eq!(callers.find(key.id()).await.unwrap().unwrap().name, "session");
        assert_eq!(list(&sqlite::open(data.path()).unwrap()).unwrap(), []);
    }

    #[test]
    fn a_caller_with_a_role_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let role = shared::caller::Role::parse("arn:aws:iam::123456789012:role/app").unwrap();
        let added = add(&sqlite::open(data.path()).unwrap(), &Caller::of_role(role, "app"), Timestamp(1));
        assert!(matches!(added, Err(Error::KeysOnly)));
    }

    #[tokio::test]
    async fn a_broken_store_is_unavailable_and_not_empty() {
        let data = tempfile::tempdir().unwrap();
        let connection = sqlite::open(data.path()).unwrap();
        connection.execute_batch("DROP TABLE caller").unwrap();
        let callers = Callers::new(connection, Vec::new());
        assert_eq!(callers.find(Key::mint().unwrap().id()).await.unwrap_err().store, "callers");
    }

    #[test]
    fn a_name_has_one_active_key_and_is_free_again_after_it_is_revoked() {
        let data = tempfile::tempdir().unwrap();
        let connection = sqlite::open(data.path()).unwrap();
        let (one, two) = (Key::mint().unwrap(), Key::mint().unwrap());
        assert!(add(&connection, &one.caller("app"), Timestamp(1)).unwrap());
        assert!(!add(&connection, &two.caller("app"), Timestamp(2)).unwrap());
        assert_eq!(revoke(&connection, one.id().as_str(), Timestamp(3)).unwrap().unwrap().name, "app");
        assert!(add(&connection, &two.caller("app"), Timestamp(4)).unwrap());
        // By name the active one is meant, and revoking twice keeps the first time.
        assert_eq!(revoke(&connection, "app", Timestamp(5)).unwrap().unwrap().id, two.id().as_str());
        let again = revoke(&connection, one.id().as_str(), Timestamp(6)).unwrap().unwrap();
        assert_eq!(again.revoked, Some(Timestamp(3)));
        assert!(revoke(&connection, "app", Timestamp(7)).unwrap().is_none());
    }
}
