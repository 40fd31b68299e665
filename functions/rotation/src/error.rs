//! Why a step failed, by what is to be done about it.

use shared::payload::NotAKey;
use shared::ports::mint::{self, KeyId};
use shared::ports::secrets;

use crate::event::Unknown;
use crate::plan::Refusal;

/// Why a step failed. Nothing is broken by it: the current key stays current, and the step may run again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pending version holds nothing.
    #[error("the version holds no key")]
    Empty,
    /// The event makes no sense.
    #[error(transparent)]
    Event(#[from] Unknown),
    /// The provider could not tell whether it takes the key.
    #[error("the provider cannot tell whether it takes the key: {0}")]
    Inconclusive(&'static str),
    /// The key is not at the provider any more.
    #[error("key {0} is gone")]
    KeyGone(KeyId),
    /// The provider does not take the key.
    #[error("the provider does not take the key: {0}")]
    KeyRefused(&'static str),
    /// Time is up. A further run goes on where this one stopped.
    #[error("{0} took too long")]
    Late(&'static str),
    /// The version holds no key in any form that is known.
    #[error("the version cannot be read")]
    Malformed(#[source] NotAKey),
    /// The mint said no.
    #[error("could not {what}")]
    Mint {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        #[source]
        cause: mint::Error,
    },
    /// The mint began and gave up.
    #[error("the key service gave up to {what}: {reason}")]
    Unminted {
        /// What was to be done.
        what: &'static str,
        /// The provider's name for the cause.
        reason: String,
    },
    /// Somebody moved the current stage meanwhile.
    #[error("another version was made current meanwhile")]
    Moved,
    /// As many keys are alive as there may be, and none of them may go.
    #[error("{0} keys of this bundle are alive and in use; revoke one that is neither current nor previous")]
    NoRoom(usize),
    /// The key was not minted by this bundle, which deletes no others.
    #[error("the version holds a key that this bundle has not minted; delete it where it was made")]
    NotOurs,
    /// The step must not do anything.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The secret store said no.
    #[error("could not {what}")]
    Store {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        #[source]
        cause: secrets::Error,
    },
    /// Keys are supplied by the operator, who has not.
    #[error("no key was supplied; put one under the stage SUPPLIED")]
    Unsupplied,
    /// The event is about another secret.
    #[error("the event is about another secret")]
    WrongSecret,
}

impl Error {
    /// Its name in logs, metrics and Lambda's answer. Public: it changes only with a note.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "version_empty",
            Self::Event(Unknown) => "event_unknown",
            Self::Inconclusive(_) => "probe_inconclusive",
            Self::KeyGone(_) => "key_gone",
            Self::KeyRefused(_) => "key_refused",
            Self::Late(_) => "late",
            Self::Malformed(_) => "version_malformed",
            Self::Mint { cause, .. } => match cause {
                mint::Error::Absent => "mint_absent",
                mint::Error::Changed => "mint_changed",
                mint::Error::Exists => "mint_exists",
                mint::Error::InUse => "key_in_use",
                mint::Error::Limited { .. } => "mint_limited",
                mint::Error::Refused { .. } => "mint_refused",
                mint::Error::Unavailable(_) => "mint_unavailable",
            },
            Self::Moved => "moved",
            Self::NoRoom(_) => "no_room",
            Self::NotOurs => "not_ours",
            Self::Refused(refusal) => match refusal {
                Refusal::NotPending => "not_pending",
                Refusal::RolledBack => "rolled_back",
                Refusal::RotationOff => "rotation_off",
                Refusal::Unknown => "version_unknown",
            },
            Self::Store { cause, .. } => match cause {
                secrets::Error::Conflict => "store_conflict",
                secrets::Error::Refused(_) => "store_refused",
                secrets::Error::Unavailable(_) => "store_unavailable",
            },
            Self::Unminted { .. } => "unminted",
            Self::Unsupplied => "unsupplied",
            Self::WrongSecret => "wrong_secret",
        }
    }

    /// Makes an error of the store's.
    pub(crate) const fn store(what: &'static str) -> impl FnOnce(secrets::Error) -> Self {
        move |cause| Self::Store { what, cause }
    }

    /// Makes an error of the mint's.
    pub(crate) const fn mint(what: &'static str) -> impl FnOnce(mint::Error) -> Self {
        move |cause| Self::Mint { what, cause }
    }
}
