//! Why a run failed as a whole. What fails alone is told in the answer.

use shared::config::Invalid;
use shared::host;
use shared::https::Unbuildable;
use shared::ports::Unavailable;

use crate::event::Unknown;
use crate::seal;

/// Why the function cannot start, or why a run failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong: the operator must act.
    #[error("the settings are wrong")]
    Config(#[source] Invalid),
    /// Who looks suspicious could not be found out, or not be told.
    #[error("who looks suspicious could not be told")]
    Detect(#[source] Unavailable),
    /// The event makes no sense, here at least: the drain seals nothing, and the sealer stores nothing.
    #[error(transparent)]
    Event(#[from] Unknown),
    /// Work cannot come in, or was not done.
    #[error("the work was not done")]
    Host(#[source] host::Error),
    /// A client cannot be built.
    #[error("a client could not be built")]
    NoClient(#[from] Unbuildable),
    /// The signals that stop a process cannot be listened for.
    #[error("the signals that stop a process cannot be heard")]
    NoSignals(#[source] std::io::Error),
    /// The trail could not be sealed.
    #[error("the trail could not be sealed")]
    Seal(#[from] seal::Error),
}

impl Error {
    /// Its name in logs, metrics and Lambda's answer. Public: it changes only with a note.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config_invalid",
            Self::Detect(_) => "detection_failed",
            Self::Event(Unknown) => "event_unknown",
            Self::Host(_) => "host_failed",
            Self::NoClient(_) => "no_client",
            Self::NoSignals(_) => "no_signals",
            Self::Seal(seal::Error::Broken(_) | seal::Error::Gone(_)) => "trail_broken",
            Self::Seal(seal::Error::Unavailable(_)) => "trail_unavailable",
        }
    }
}
