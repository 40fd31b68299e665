//! The embedded stores: what AWS does for a deployment, files do for one machine.
//!
//! ```text
//! DATA/spool/<writer>*.ndjson  audit records, durable before the provider is called
//! DATA/gatehouse.db            SQLite: the audit store and the callers
//! DATA/ledger.db               SQLite: what was spent and is reserved
//! DATA/pepper                  the secret under which users and prompts are hashed
//! DATA/seal.key, seal.pub      the key that seals each hour of the audit records, and its public half
//! ```

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use shared::audit::WriterId;
use shared::signature;

pub(crate) mod callers;
mod detection;
pub(crate) mod drain;
pub(crate) mod folder;
pub(crate) mod ledger;
pub(crate) mod pepper;
pub(crate) mod query;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod seal_key;
mod sealing;
pub(crate) mod spool;
pub(crate) mod sqlite;
pub(crate) mod trail;

/// A store that cannot be used, told to the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is nothing at the path.
    #[error("there is no data in `{}`: run `gatehouse up` once, or name the directory with --data", .0.display())]
    NoData(PathBuf),
    /// Another process holds the database for too long.
    #[error("the database is busy: another process is writing to it, try again")]
    Busy(#[source] rusqlite::Error),
    /// A newer Gatehouse has written the database.
    #[error("the database has schema {found}, this Gatehouse knows up to {known}: use the newer one")]
    Newer {
        /// The database's schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// A caller with a role, which only AWS can vouch for.
    #[error("a caller with an IAM role is for AWS: here every caller has a key")]
    KeysOnly,
    /// The pepper's file is not a pepper.
    #[error("`{}` is not a pepper (32 bytes): restore it, or move it away to begin anew", .0.display())]
    BadPepper(PathBuf),
    /// The sealing key's file is not a key.
    #[error("`{}` is not a sealing key: restore it, or move it away to begin anew", path.display())]
    BadSealingKey {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: signature::Unusable,
    },
    /// An hour could not be sealed.
    #[error("the audit trail could not be sealed")]
    Seal(#[source] ::drain::seal::Error),
    /// There is nothing to do the sealing with.
    #[error("could not start to seal")]
    NoRuntime(#[source] io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness(#[source] getrandom::Error),
    /// A file cannot be used.
    #[error("could not {verb} `{}`", path.display())]
    File {
        /// What was to be done.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("could not {verb} the database")]
    Database {
        /// What was to be done.
        verb: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
}

impl Error {
    /// For `map_err`: what was to be done with which file.
    pub(crate) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { verb, path: path.to_owned(), source }
    }

    /// For `map_err`: what was to be done with the database.
    pub(crate) fn database(verb: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Self::Busy(source),
            Some(_) | None => Self::Database { verb, source },
        }
    }
}

/// Makes a directory that only its owner can enter, and everything above it.
pub(crate) fn make_private_directory(path: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Error::file("make the directory", path))
}

/// Makes a secret's file in the data directory, unless there is one: it is never replaced.
///
/// The whole file is written under a name of its own, then linked to its place: unlike a rename, a link never replaces
/// what another process has made meanwhile.
pub(crate) fn make_once(data: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    make_private_directory(data)?;
    let path = data.join(name);
    let draft = data.join(format!(".{name}.{}", WriterId::random().map_err(Error::NoRandomness)?));
    let made = private_file().write(true).open(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        match std::fs::hard_link(&draft, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    });
    let removed = std::fs::remove_file(&draft);
    made.map_err(Error::file("write", &path))?;
    removed.map_err(Error::file("remove", &draft))?;
    sync_directory(data)
}

/// Makes a file's name durable. Without it a crash may leave the content under no name.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    std::fs::File::open(path).and_then(|directory| directory.sync_all()).map_err(Error::file("sync", path))
}

/// Options to make a new file that only its owner can read.
pub(crate) fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
