//! Where the provider's keys are made and unmade, and whether one works.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::Cause;
use crate::clock::Timestamp;
use crate::secret::Secret;

/// Names a key without telling it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that this bundle has minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub id: KeyId,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it was deleted. It can be brought back for some weeks.
    pub deleted: bool,
    /// Since when consumers may have been handed it; `None` where it is certain that none was.
    pub served: Option<Timestamp>,
    /// Changes with every change of the key.
    pub etag: String,
}

/// Some of the bundle's keys.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Keys, deleted ones included.
    pub keys: Vec<Key>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Work that the provider goes on with by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation(pub String);

/// How far an [`Operation`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// It came to nothing.
    Failed {
        /// The provider's name for the cause.
        reason: String,
    },
    /// Nothing is known of it. What it was to do may be done.
    Gone,
    /// It goes on.
    Running,
}

/// Whether the provider looks at a key's recent use before it deletes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It does, and refuses where the key was used in the last days.
    Use,
    /// It does not.
    Nothing,
}

/// Mints, lists and deletes keys of one bundle for one secret. Keys that others made are not seen and not touched.
pub trait Mint: Send + Sync + 'static {
    /// Begins to mint the key with this name. [`Error::Exists`] where there is or was one.
    ///
    /// # Errors
    /// [`Error`]; likewise for all that follows.
    fn create(&self, id: &KeyId) -> impl Future<Output = Result<Operation, Error>> + Send;

    /// How far an operation is.
    fn poll(&self, operation: &Operation) -> impl Future<Output = Result<Progress, Error>> + Send;

    /// The key itself.
    fn reveal(&self, id: &KeyId) -> impl Future<Output = Result<Secret<String>, Error>> + Send;

    /// What is known of a key, also of a deleted one; `None` where there is none.
    fn find(&self, id: &KeyId) -> impl Future<Output = Result<Option<Key>, Error>> + Send;

    /// The bundle's keys, page by page.
    fn list(&self, page: Option<&str>) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Marks a key as [served](Key::served), if it is still as it was. [`Error::Changed`] where it is not.
    fn mark(&self, key: &Key, since: Timestamp) -> impl Future<Output = Result<Operation, Error>> + Send;

    /// Deletes a key, if it is still as it was.
    fn delete(&self, key: &Key, check: Check) -> impl Future<Output = Result<Operation, Error>> + Send;

    /// Brings a deleted key back.
    fn undelete(&self, id: &KeyId) -> impl Future<Output = Result<Operation, Error>> + Send;
}

/// Why the provider did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such key.
    #[error("there is no such key")]
    Absent,
    /// It is not as it was.
    #[error("the key was changed meanwhile")]
    Changed,
    /// There is such a key, or was one not long ago.
    #[error("the key exists already")]
    Exists,
    /// It was used in the last days.
    #[error("the key is still in use")]
    InUse,
    /// Too many requests.
    #[error("the key service limits requests")]
    Limited {
        /// When to try again, where the provider said so.
        after: Option<Duration>,
    },
    /// It will not, however often it is asked.
    #[error("the key service refuses: {reason}")]
    Refused {
        /// The provider's name for the cause, such as `PERMISSION_DENIED`.
        reason: String,
    },
    /// It may have done it. Asking again may help.
    #[error("the key service is unavailable")]
    Unavailable(#[source] Cause),
}

/// Tries keys out.
pub trait Probe: Send + Sync + 'static {
    /// Whether the provider takes this key now. Never an error: what cannot be told is [`Verdict::Inconclusive`].
    fn probe(&self, key: &Secret<String>) -> impl Future<Output = Verdict> + Send;
}

/// What the provider thinks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did the work.
    Accepted,
    /// It could not tell: overload, a quota, no connection.
    Inconclusive(&'static str),
    /// It does not take the key, or not yet.
    Rejected(&'static str),
}
