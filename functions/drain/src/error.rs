//! Why a run failed as a whole. What fails alone is told in the answer.

use shared::config::Invalid;
use shared::ports::Unavailable;

use crate::event::Unknown;

/// Why a run failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong: the operator must act.
    #[error("the settings are wrong")]
    Config(#[source] Invalid),
    /// The event makes no sense.
    #[error(transparent)]
    Event(#[from] Unknown),
    /// A store could not be asked, or did not keep what it was given. A further run begins anew.
    #[error("the trail could not be kept")]
    Unavailable(#[source] Unavailable),
}

impl Error {
    /// Its name in logs, metrics and Lambda's answer. Public: it changes only with a note.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config_invalid",
            Self::Event(Unknown) => "event_unknown",
            Self::Unavailable(_) => "trail_unavailable",
        }
    }
}
