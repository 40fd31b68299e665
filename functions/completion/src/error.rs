//! Why the function cannot start, or no longer serves.

use shared::config::Invalid;
use shared::{host, https};

/// Why the function cannot start, or no longer serves.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong: the operator must act.
    #[error("the settings are wrong")]
    Config(#[source] Invalid),
    /// A client cannot be built.
    #[error("a client could not be built")]
    NoClient(#[source] https::Unbuildable),
    /// The machine has no randomness to give.
    #[error("the chain of audit records could not be begun")]
    NoRandomness(#[source] getrandom::Error),
    /// Requests cannot come in.
    #[error("requests cannot come in")]
    Host(#[source] host::Error),
    /// The signals that stop a process cannot be listened for.
    #[error("the signals that stop a process cannot be heard")]
    NoSignals(#[source] std::io::Error),
}

impl Error {
    /// The stable name of the reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config_invalid",
            Self::NoClient(_) => "no_client",
            Self::NoRandomness(_) => "no_randomness",
            Self::Host(_) => "host_failed",
            Self::NoSignals(_) => "no_signals",
        }
    }
}
