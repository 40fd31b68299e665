//! What a rotation may do, decided on what is known: pure, so that every state can be put before it.
//!
//! A key passes through these states: *minted* under the pending version; *proven* by the provider's own answers;
//! *served*, marked as such before the version becomes current; *previous*, kept for whoever cached it and for a
//! rollback; *older*, deleted once the provider says that nobody has used it for days. A key that was never served is
//! an orphan of a rotation that died: nobody can hold it, and it is deleted without asking.

pub mod early;
pub mod outlook;
pub mod retirement;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use shared::ports::mint::KeyId;
use shared::ports::secrets::{Description, Stage, VersionId};

/// One of the four steps, in the order in which Secrets Manager calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the key and puts it under the pending version.
    CreateSecret,
    /// Sees to it that the key is there at the provider.
    SetSecret,
    /// Proves that the provider takes the key.
    TestSecret,
    /// Makes the pending version the current one, and retires old keys.
    FinishSecret,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 4] = [Self::CreateSecret, Self::SetSecret, Self::TestSecret, Self::FinishSecret];
}

/// Where the version of a rotation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is current: the rotation is done, save for tidying up.
    Current,
    /// It is pending.
    Pending,
}

/// Why a step must not do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The version is not pending: the rotation was cancelled, or another one has taken over.
    #[error("the version is not pending")]
    NotPending,
    /// The version was current, and somebody made the one before it current again. A rerun must not undo that.
    #[error("the version was rolled back")]
    RolledBack,
    /// Rotation is switched off for this secret.
    #[error("rotation is switched off for the secret")]
    RotationOff,
    /// The secret has no such version.
    #[error("the secret has no such version")]
    Unknown,
}

/// Where the version stands, or why nothing may be done with it.
///
/// # Errors
/// [`Refusal`].
pub fn admit(secret: &Description, version: &VersionId) -> Result<Standing, Refusal> {
    if !secret.rotating {
        return Err(Refusal::RotationOff);
    }
    let stages = secret.versions.get(version).ok_or(Refusal::Unknown)?;
    if stages.contains(&Stage::Current) {
        return Ok(Standing::Current);
    }
    if !stages.contains(&Stage::Pending) {
        return Err(Refusal::NotPending);
    }
    // Only a version that was current becomes the previous one.
    if stages.contains(&Stage::Previous) {
        return Err(Refusal::RolledBack);
    }
    Ok(Standing::Pending)
}

/// The stages once `version` has been made current.
#[must_use]
pub fn promoted(mut secret: Description, version: &VersionId) -> Description {
    let before = secret.holder(&Stage::Current).filter(|holder| *holder != version).cloned();
    if let Some(before) = before {
        for stages in secret.versions.values_mut() {
            stages.remove(&Stage::Previous);
            stages.remove(&Stage::Current);
        }
        secret.versions.entry(before).or_default().insert(Stage::Previous);
    }
    secret.versions.entry(version.clone()).or_default().insert(Stage::Current);
    secret.versions.retain(|_, stages| !stages.is_empty());
    secret
}

/// The name of the key for a version. A step that is run again asks for the same key and not for another one.
///
/// Google takes `[a-z]([a-z0-9-]{0,61}[a-z0-9])?` that looks like no UUID, which the version's own name does.
#[must_use]
pub fn key_id(secret: &str, version: &VersionId) -> KeyId {
    let hash = HEXLOWER.encode(&Sha256::digest(format!("{secret}|{version}")));
    KeyId(std::iter::once('g').chain(hash.chars().take(KEY_ID_DIGITS)).collect())
}

/// Tells the keys of one secret from those of another, in what a key is annotated with.
#[must_use]
pub fn secret_mark(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret)).chars().take(KEY_ID_DIGITS).collect()
}

/// Hexadecimal digits of a hash in the name of a key: 160 bits.
const KEY_ID_DIGITS: usize = 40;

/// Whether a key bears a name that [`key_id`] gives.
#[must_use]
pub fn named_here(id: &KeyId) -> bool {
    id.0.strip_prefix('g').is_some_and(|digits| {
        digits.len() == KEY_ID_DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests;
