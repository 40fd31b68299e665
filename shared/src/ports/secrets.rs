//! A secret with versions and stages, as AWS Secrets Manager keeps it.
//!
//! A stage sits on one version at a time. Moving it names the version it is taken from, so that a move is a
//! compare-and-swap: it fails where the stage was moved meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;

use serde::Deserialize;

use super::Cause;
use crate::clock::Timestamp;
use crate::secret::Secret;

/// Names a version; on AWS it is the token of the request that made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct VersionId(pub String);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a version is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The version that consumers read.
    Current,
    /// A label of the operator's.
    Other(String),
    /// The version that a rotation is making.
    Pending,
    /// The version that was current before. It follows when `Current` moves.
    Previous,
}

impl Stage {
    /// The stage with this name in Secrets Manager.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "AWSCURRENT" => Self::Current,
            "AWSPENDING" => Self::Pending,
            "AWSPREVIOUS" => Self::Previous,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Its name in Secrets Manager.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Other(name) => name,
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// What is known of a secret without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Whether its rotation is switched on.
    pub rotating: bool,
    /// The versions that have a stage. One that a rotation has announced is here before it holds anything.
    pub versions: BTreeMap<VersionId, BTreeSet<Stage>>,
    /// When the next rotation is due.
    pub due: Option<Timestamp>,
}

impl Description {
    /// The version on which this stage sits.
    #[must_use]
    pub fn holder(&self, stage: &Stage) -> Option<&VersionId> {
        self.versions.iter().find(|(_, stages)| stages.contains(stage)).map(|(version, _)| version)
    }

    /// Whether this stage sits on this version.
    #[must_use]
    pub fn has(&self, version: &VersionId, stage: &Stage) -> bool {
        self.versions.get(version).is_some_and(|stages| stages.contains(stage))
    }
}

/// A version, with or without a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub id: VersionId,
    /// When it was made: for a rotation's, when the rotation began.
    pub created: Timestamp,
}

/// Lets a function that works under an assumed role write for a rotation: handed on as it came.
pub type Pass = Secret<String>;

/// Keeps one secret.
///
/// Reads may be stale for a moment after a write. Every write may be repeated.
pub trait Store: Send + Sync + 'static {
    /// Versions, stages and whether rotation is on.
    ///
    /// # Errors
    /// [`Error`]; likewise for all that follows.
    fn describe(&self) -> impl Future<Output = Result<Description, Error>> + Send;

    /// What a version holds; `None` where it holds nothing (yet). By version and never by stage, since a stage may
    /// move between two reads.
    fn read(&self, version: &VersionId) -> impl Future<Output = Result<Option<Secret<String>>, Error>> + Send;

    /// Puts a value under a version and that version under [`Stage::Pending`]. The same value again changes nothing;
    /// another one is [`Error::Conflict`].
    fn put(
        &self,
        version: &VersionId,
        value: &Secret<String>,
        pass: Option<&Pass>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Moves a stage. [`Error::Conflict`] where it does not sit on `from`, or sits somewhere and `from` is `None`.
    fn transfer(
        &self,
        stage: &Stage,
        from: Option<&VersionId>,
        to: Option<&VersionId>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Every version that there still is.
    fn versions(&self) -> impl Future<Output = Result<Vec<Version>, Error>> + Send;

    /// Asks for a rotation. [`Error::Conflict`] where one is under way.
    fn rotate(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Why the store did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something stands there already, or is no longer where it was.
    #[error("the secret was changed meanwhile")]
    Conflict,
    /// It will not, however often it is asked: permission, quota, a name that is wrong.
    #[error("the secret store refuses")]
    Refused(#[source] Cause),
    /// It may have done it. Asking again may help.
    #[error("the secret store is unavailable")]
    Unavailable(#[source] Cause),
}
