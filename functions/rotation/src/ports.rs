//! What a rotation needs besides a secret and a mint: time that passes, and somebody to tell.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use shared::clock::{Clock, SystemClock};
use shared::ports::mint::KeyId;
use shared::ports::secrets::VersionId;

/// Tells the time and lets it pass.
pub trait Timer: Clock {
    /// Returns once so much time has passed.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

impl Timer for SystemClock {
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Told what an operator must know though nothing has failed.
pub trait Notices: Send + Sync + 'static {
    /// Takes a notice; it neither fails nor waits.
    fn tell(&self, notice: &Notice);
}

/// What an operator must know though nothing has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A key is neither current nor previous, and somebody still uses it.
    InUse(KeyId),
    /// An old key could not be deleted for now; the next rotation tries again.
    Left(KeyId, &'static str),
    /// The version is current and has kept its pending stage, which is lawful.
    LeftPending(VersionId),
    /// A key was deleted that the pending version holds, and was brought back.
    Restored(KeyId),
    /// A version that was rolled back is no longer pending, so that the next rotation can begin.
    RolledBack(VersionId),
    /// Old keys could not be looked for; the next rotation does.
    Unswept(&'static str),
    /// So many keys are alive, which are more than there ought to be.
    TooMany(usize),
}

impl Notice {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InUse(_) => "key_in_use",
            Self::Left(..) => "key_left",
            Self::LeftPending(_) => "pending_left",
            Self::Restored(_) => "key_restored",
            Self::RolledBack(_) => "rolled_back",
            Self::Unswept(_) => "unswept",
            Self::TooMany(_) => "too_many_keys",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(key) => write!(f, "key {key} is neither current nor previous, and somebody still uses it"),
            Self::Left(key, code) => write!(f, "key {key} could not be deleted yet ({code})"),
            Self::LeftPending(version) => write!(f, "version {version} is current and still marked as pending"),
            Self::Restored(key) => write!(f, "key {key} was deleted before its time, and was brought back"),
            Self::RolledBack(version) => write!(f, "version {version} was rolled back and is no longer pending"),
            Self::Unswept(code) => write!(f, "old keys could not be looked for ({code})"),
            Self::TooMany(live) => write!(f, "{live} keys are alive"),
        }
    }
}

/// Notices in the log, where alarms look for their codes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logged;

impl Notices for Logged {
    fn tell(&self, notice: &Notice) {
        tracing::warn!(code = notice.code(), "{notice}");
    }
}
