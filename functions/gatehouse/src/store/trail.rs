//! The store of record of one machine: rows of the audit table, packed into objects that their manifests make. What an
//! object holds is read from the rows that its manifest names, so that a row which was changed or removed shows.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use drain::object::{Form, MANIFESTS, Object, RECORDS};
use drain::verify;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};
use shared::audit::manifest::{Manifest, Place};
use shared::audit::verify::{Finding, Known, Report};
use shared::audit::{Hash, Hour, Record, WriterId};
use shared::clock::Clock;
use shared::ports::Unavailable;
use shared::ports::trail::{Created, Store};

use super::{Error, drain as spool};

/// Records an object. More would save a few rows, and take memory from the requests: some 3 KB each while they are packed.
const MOST: i64 = 1000;

/// What stands for a row whose columns are not what its line says: no record, which the verifier tells where it is.
const ALTERED: &str = "a column is not what the record says";

/// The trail over a database.
#[derive(Debug)]
pub(crate) struct Trail(Mutex<Connection>);

impl Trail {
    pub(crate) const fn over(connection: Connection) -> Self {
        Self(Mutex::new(connection))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Packs the rows that no manifest names yet, as of the hour that it is; how many those are. Killed anywhere, it has
    /// packed them or it has not.
    pub(crate) fn pack(&self, clock: &impl Clock) -> Result<usize, Error> {
        let (mut connection, mut all) = (self.lock(), 0);
        loop {
            let packed = pack(&mut connection, Hour::of(clock.now())).map_err(Error::database("write"))?;
            all += packed;
            if packed == 0 {
                return Ok(all);
            }
        }
    }
}

impl Trail {
    /// Verifies all that is here, and that every row is in some object: one that is in none the sealer never saw.
    pub(crate) async fn verify(
        &self,
        signed: &(dyn Fn(&[u8], &[u8]) -> bool + Sync),
        known: Known,
    ) -> Result<Report, Unavailable> {
        let mut report = verify::trail(self, signed, known).await?;
        let strays = strays(&mut self.lock()).map_err(unavailable)?;
        strays.into_iter().for_each(|finding| report.add(finding));
        Ok(report)
    }
}

/// Rows that are to be packed no more and that no manifest names, and a mark that is not the last packed row's.
fn strays(connection: &mut Connection) -> rusqlite::Result<Vec<Finding>> {
    // All as of one moment: another process may be packing.
    let now = connection.transaction()?;
    let named = named(&now)?;
    let (packed, last): (Option<i64>, Option<i64>) =
        now.query_row("SELECT (SELECT max(id) FROM packed), (SELECT max(id) FROM audit)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut found = Vec::new();
    if packed.is_none() || packed > Some(last.unwrap_or_default()) {
        found.push(Finding::Altered("the mark in the table `packed`".to_owned()));
    }
    let mut statement = now.prepare("SELECT id, writer_id, seq, hash FROM audit WHERE id <= ?1 ORDER BY id")?;
    let mut rows = statement.query([packed.unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let (id, writer, seq, hash): (i64, String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if !named.contains(&place(&writer, seq, &hash)) {
            found.push(Finding::Added(format!("row {id} of the table `audit`")));
        }
    }
    Ok(found)
}

/// What the manifests name, half a hash of each: a million records take some 16 MB.
fn named(connection: &Connection) -> rusqlite::Result<HashSet<u128>> {
    let mut named = HashSet::new();
    let mut statement = connection.prepare("SELECT body FROM trail WHERE substr(key, 1, length(?1)) = ?1")?;
    let mut bodies = statement.query([MANIFESTS])?;
    while let Some(row) = bodies.next()? {
        let Ok(manifest) = Manifest::read(row.get_ref(0)?.as_blob()?) else { continue };
        named.extend(manifest.places().filter_map(|(writer_id, seq, hash)| {
            Some(place(&writer_id.to_string(), i64::try_from(seq).ok()?, &hash.to_string()))
        }));
    }
    Ok(named)
}

fn place(writer: &str, seq: i64, hash: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(format!("{writer}\0{seq}\0{hash}")).into();
    hash.iter().take(16).fold(0, |half, byte| half << 8 | u128::from(*byte))
}

fn pack(connection: &mut Connection, hour: Hour) -> rusqlite::Result<usize> {
    let pending = "SELECT id, line FROM audit WHERE id > (SELECT id FROM packed) ORDER BY id LIMIT ?1";
    // Most of the time there is nothing new, which must not cost a write.
    if !connection.prepare_cached(pending)?.exists([1])? {
        return Ok(0);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut records: Vec<(Place, String)> = Vec::new();
    let (mut last, mut rows) = (0, 0);
    {
        let mut statement = transaction.prepare_cached(pending)?;
        let mut found = statement.query([MOST])?;
        while let Some(row) = found.next()? {
            let line: String = row.get(1)?;
            (last, rows) = (row.get::<_, i64>(0)?, rows + 1);
            // What is no record was put there past the drain, and is in no chain.
            records.extend(Record::from_line(&line).ok().map(|record| (record.into(), line)));
        }
    }
    if !records.is_empty() {
        let Object { manifest_key, manifest, .. } = Object::pack(hour, Form::Plain, records);
        transaction.execute(
            "INSERT OR IGNORE INTO trail (key, body) VALUES (?1, ?2)",
            params![manifest_key, manifest.to_line().into_bytes()],
        )?;
    }
    if rows > 0 {
        transaction.execute("UPDATE packed SET id = ?1", [last])?;
    }
    transaction.commit()?;
    Ok(rows)
}

impl Store for Trail {
    async fn create(&self, key: &str, body: Vec<u8>) -> Result<Created, Unavailable> {
        let made = self.lock().execute("INSERT OR IGNORE INTO trail (key, body) VALUES (?1, ?2)", params![key, body]);
        Ok(if made.map_err(unavailable)? == 1 { Created::New } else { Created::There })
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let connection = self.lock();
        let name = key.strip_prefix(RECORDS).and_then(|name| name.strip_suffix(".ndjson"));
        let Some(name) = name else { return body(&connection, key).map_err(unavailable) };
        let manifest = body(&connection, &format!("{MANIFESTS}{name}.json")).map_err(unavailable)?;
        // One that cannot be read is told by whoever reads it as such.
        let Some(manifest) = manifest.and_then(|bytes| Manifest::read(&bytes).ok()) else { return Ok(None) };
        let mut lines = Vec::new();
        for (writer_id, seq, hash) in manifest.places() {
            if let Some(line) = line(&connection, writer_id, seq, hash).map_err(unavailable)? {
                lines.extend_from_slice(line.as_bytes());
                lines.push(b'\n');
            }
        }
        Ok(Some(lines))
    }

    async fn list(&self, prefix: &str, after: &str) -> Result<Vec<String>, Unavailable> {
        let connection = self.lock();
        let listed = || -> rusqlite::Result<Vec<String>> {
            let mut statement = connection.prepare_cached(
                "SELECT key FROM trail WHERE key > ?2 AND substr(key, 1, length(?1)) = ?1 ORDER BY key",
            )?;
            statement.query_map([prefix, after], |row| row.get(0))?.collect()
        };
        listed().map_err(unavailable)
    }
}

fn body(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.prepare_cached("SELECT body FROM trail WHERE key = ?1")?.query_row([key], |row| row.get(0)).optional()
}

/// The line of a record's row; nothing where the row is gone.
fn line(connection: &Connection, writer_id: WriterId, seq: u64, hash: &Hash) -> rusqlite::Result<Option<String>> {
    let line: Option<String> = connection
        .prepare_cached("SELECT line FROM audit WHERE writer_id = ?1 AND seq = ?2 AND hash = ?3")?
        .query_row(params![writer_id.to_string(), seq, hash.to_string()], |row| row.get(0))
        .optional()?;
    let Some(line) = line else { return Ok(None) };
    let sound = match Record::from_line(&line) {
        Ok(record) => spool::is_as_written(connection, &record, &line)?,
        Err(_) => true,
    };
    Ok(Some(if sound { line } else { ALTERED.to_owned() }))
}

fn unavailable(error: rusqlite::Error) -> Unavailable {
    Unavailable { store: "audit store", cause: error.into() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use drain::Sealing;
    use shared::audit::verify::Class;
    use shared::clock::{ManualClock, Timestamp};
    use shared::fakes::trail::NOW;

    use super::super::sealing::Nobody;
    use super::super::{samples, seal_key, sqlite};
    use super::*;

    /// What two writers left, packed and sealed, and then two more records.
    async fn sealed(data: &Path) -> Trail {
        let (mut connection, clock) = (sqlite::open(data).unwrap(), ManualClock::at(Timestamp(NOW)));
        let later = ManualClock::at(Timestamp(NOW + 2 * 3_600_000));
        for writer in [1, 2] {
            samples::leave(data, writer, &samples::lines(&samples::records(writer, 6)));
        }
        spool::run(data, &mut connection).unwrap();
        let trail = Trail::over(connection);
        assert_eq!((trail.pack(&clock).unwrap(), trail.pack(&clock).unwrap()), (12, 0));
        let sealing = Sealing::new(trail, seal_key::open(data).unwrap(), None::<Nobody>, later);
        assert_eq!(sealing.run().await.unwrap().len(), 2);
        let mut connection = sqlite::open(data).unwrap();
        samples::leave(data, 3, &samples::lines(&samples::records(3, 2)));
        spool::run(data, &mut connection).unwrap();
        let trail = Trail::over(connection);
        trail.pack(&ManualClock::at(Timestamp(NOW + 2 * 3_600_000))).unwrap();
        trail
    }

    async fn verified(trail: &Trail, data: &Path) -> Report {
        let key = seal_key::open(data).unwrap().public();
        let signed = |message: &[u8], signature: &[u8]| key.signed(message, signature);
        let known = Known { head: None, now: Timestamp(NOW + 3 * 3_600_000), sealed: true };
        trail.verify(&signed, known).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_packed_and_sealed_verifies_and_what_follows_is_not_sealed_yet() {
        let data = tempfile::tempdir().unwrap();
        let trail = sealed(data.path()).await;
        let report = verified(&trail, data.path()).await;
        assert_eq!(report.findings, []);
        assert_eq!((report.digests, report.objects, report.records, report.unsealed), (2, 1, 12, 2));
    }

    /// A row whose columns say what they like, over a line that is no record.
    const ADD_A_LINE: &str = "CREATE TEMP TABLE added AS SELECT * FROM audit WHERE id = 2;
        UPDATE added SET id = NULL, writer_id = 'x', user = 'eve', line = 'x';
        INSERT INTO audit SELECT * FROM added";

    /// Likewise over the line of a record that is there, among the rows that were packed long ago.
    const ADD_A_LIAR: &str = "CREATE TEMP TABLE added AS SELECT * FROM audit WHERE id = 2;
        UPDATE added SET id = -5, hash = 'x', user = 'eve';
        INSERT INTO audit SELECT * FROM added";

    #[tokio::test]
    async fn whatever_is_done_to_a_row_shows() {
        for (change, class) in [
            ("UPDATE audit SET risk_score = 0 WHERE id = 3", Class::BadHash),
            ("UPDATE audit SET user = NULL WHERE id = 4", Class::BadHash),
            ("UPDATE audit SET line = replace(line, 'app', 'apq') WHERE id = 5", Class::BadHash),
            ("UPDATE audit SET line = 'x' WHERE id = 5", Class::BadHash),
            ("DELETE FROM audit WHERE id = 6", Class::BadHash),
            ("DELETE FROM trail WHERE key IN (SELECT min(key) FROM trail WHERE key > 'manifests/')", Class::Gap),
            ("DELETE FROM trail WHERE key IN (SELECT min(key) FROM trail)", Class::MissingDigest),
            ("DELETE FROM trail WHERE key LIKE 'digests/%'", Class::MissingDigest),
            ("DELETE FROM trail; DELETE FROM audit; UPDATE packed SET id = 0", Class::Nothing),
            (ADD_A_LINE, Class::Added),
            (ADD_A_LIAR, Class::Added),
            ("UPDATE packed SET id = 1000000000", Class::BadHash),
            ("DELETE FROM packed", Class::BadHash),
            (
                "UPDATE trail SET body = CAST(replace(body, '12', '13') AS BLOB) WHERE key LIKE 'digests/%'",
                Class::BadSignature,
            ),
        ] {
            let data = tempfile::tempdir().unwrap();
            let trail = sealed(data.path()).await;
            trail.lock().execute_batch(change).unwrap();
            // Whatever comes later, it shows.
            trail.pack(&ManualClock::at(Timestamp(NOW + 2 * 3_600_000))).unwrap();
            let report = verified(&trail, data.path()).await;
            assert_eq!(report.gravest(), Some(class), "{change}: {:?}", report.findings);
        }
    }

    #[tokio::test]
    async fn rows_that_are_never_packed_show() {
        let data = tempfile::tempdir().unwrap();
        let trail = sealed(data.path()).await;
        trail.lock().execute("UPDATE packed SET id = 1000000000", []).unwrap();
        let mut connection = sqlite::open(data.path()).unwrap();
        samples::leave(data.path(), 4, &samples::lines(&samples::records(4, 3)));
        spool::run(data.path(), &mut connection).unwrap();
        assert_eq!(trail.pack(&ManualClock::at(Timestamp(NOW + 2 * 3_600_000))).unwrap(), 0);
        let report = verified(&trail, data.path()).await;
        assert_eq!(report.findings.iter().filter(|found| found.class() == Class::Added).count(), 3);
    }
}
