//! The SQLite databases, `DATA/gatehouse.db` and `DATA/ledger.db`: one schema each, told apart by `user_version`.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::{Error, make_private_directory, private_file};

/// Version `n` of the schema is made by the first `n` of these.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("trail.sql")];

/// Likewise for the ledger.
const LEDGER_MIGRATIONS: &[&str] = &[include_str!("ledger.sql")];

/// Longer than any transaction here takes; after it something is wrong that a person should know.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the data directory's database, and makes both where they are missing.
pub(crate) fn open(data: &Path) -> Result<Connection, Error> {
    // With WAL, anything less may lose the latest transactions when the power goes, and the drain deletes what it read.
    open_file(data, "gatehouse.db", "FULL", MIGRATIONS)
}

/// Opens the ledger's database, likewise; it makes its log durable itself.
pub(crate) fn open_ledger(data: &Path) -> Result<Connection, Error> {
    open_file(data, "ledger.db", "NORMAL", LEDGER_MIGRATIONS)
}

fn open_file(data: &Path, name: &str, synchronous: &str, migrations: &[&str]) -> Result<Connection, Error> {
    make_private_directory(data)?;
    let path = data.join(name);
    // SQLite gives the files beside the database the database's own mode.
    match private_file().write(true).open(&path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::file("make", &path)(error)),
        Ok(_) | Err(_) => {}
    }
    let mut connection = Connection::open(&path).map_err(Error::database("open"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(Error::database("open"))?;
    prepare(&mut connection, synchronous, migrations)?;
    Ok(connection)
}

/// Opens a database that must be there already.
pub(crate) fn open_existing(data: &Path) -> Result<Connection, Error> {
    if data.join("gatehouse.db").is_file() { open(data) } else { Err(Error::NoData(data.to_owned())) }
}

fn prepare(connection: &mut Connection, synchronous: &str, migrations: &[&str]) -> Result<(), Error> {
    connection.pragma_update(None, "journal_mode", "WAL").map_err(Error::database("open"))?;
    connection.pragma_update(None, "synchronous", synchronous).map_err(Error::database("open"))?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if version(connection)? == known {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::database("upgrade"))?;
    // Read anew: another process may have upgraded it while this one waited.
    let found = version(&transaction)?;
    let done = usize::try_from(found).ok().filter(|done| *done <= migrations.len());
    let pending = done.and_then(|done| migrations.get(done..)).ok_or(Error::Newer { found, known })?;
    for migration in pending {
        transaction.execute_batch(migration).map_err(Error::database("upgrade"))?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(Error::database("upgrade"))?;
    transaction.commit().map_err(Error::database("upgrade"))
}

fn version(connection: &Connection) -> Result<i64, Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(Error::database("read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_open_a_new_database_at_once() {
        let data = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| open(data.path()).unwrap());
            }
        });
        let connection = open_existing(data.path()).unwrap();
        assert_eq!(version(&connection).unwrap(), 2);
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }

    #[test]
    fn a_newer_schema_is_left_alone() {
        let data = tempfile::tempdir().unwrap();
        open(data.path()).unwrap().pragma_update(None, "user_version", 9).unwrap();
        assert!(matches!(open(data.path()), Err(Error::Newer { found: 9, known: 2 })));
    }

    #[test]
    fn a_database_that_another_holds_is_told_as_busy() {
        let data = tempfile::tempdir().unwrap();
        let (mut one, two) = (open(data.path()).unwrap(), open(data.path()).unwrap());
        let _held = one.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        two.busy_timeout(Duration::ZERO).unwrap();
        let error = two.execute("DELETE FROM caller", []).map_err(Error::database("write")).unwrap_err();
        assert!(matches!(error, Error::Busy(_)), "{error:?}");
    }

    #[test]
    fn a_missing_database_is_told_and_not_made() {
        let data = tempfile::tempdir().unwrap();
        let absent = data.path().join("absent");
        assert!(matches!(open_existing(&absent), Err(Error::NoData(_))));
        assert!(!absent.exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        let connection = open(&data.path().join("new")).unwrap();
        connection.execute("DELETE FROM caller", []).unwrap();
        let mode = |name: &str| std::fs::metadata(data.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("new"), 0o700);
        assert_eq!([mode("new/gatehouse.db"), mode("new/gatehouse.db-wal")], [0o600, 0o600]);
    }
}
