//! A key that has leaked goes at once, and yet nobody who may still use it is cut off.

use std::time::Duration;

use shared::clock::Timestamp;
use shared::payload::Payload;
use shared::ports::mint::{Check, KeyId, Mint, Probe};
use shared::ports::secrets::{self, Stage, Store, VersionId};

use super::{Job, Minting};
use crate::error::Error;
use crate::ports::{Notices, Timer};

/// Between two looks at a rotation that is under way.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// Deletes the key of a version whoever uses it: rotates first where the version is current, then lets `cached`
    /// pass, for which consumers may keep a key. May be run again after it has failed.
    ///
    /// Until then the key works. Where a short outage is the lesser harm, disable its service account first.
    ///
    /// # Errors
    /// [`Error::NotOurs`] for a key that this bundle has not minted; [`Error::Late`] where the rotation does not end
    /// before `until`; whatever the store and the mint say.
    pub async fn revoke(&self, version: &VersionId, cached: Duration, until: Timestamp) -> Result<(), Error> {
        let value = self.read(version).await?.ok_or(Error::Empty)?;
        let id = Payload::parse(&value).map_err(Error::Malformed)?.key_id.map(KeyId).ok_or(Error::NotOurs)?;
        let Minting::Own(mint) = &self.minting else { return Err(Error::NotOurs) };
        self.supersede(version, until).await?;
        self.timer.sleep(cached).await;
        // Somebody may have rolled back to it meanwhile.
        let secret = self.describe().await?;
        if secret.has(version, &Stage::Current) {
            return Err(Error::Moved);
        }
        for stage in [Stage::Pending, Stage::Previous] {
            if secret.has(version, &stage) {
                // Nothing must lead back to it.
                let moved = self.store.transfer(&stage, Some(version), None).await;
                moved.map_err(Error::store("take a stage off the version"))?;
            }
        }
        let Some(key) = mint.find(&id).await.map_err(Error::mint("look for the key"))? else {
            return Err(Error::NotOurs);
        };
        if key.deleted {
            return Ok(());
        }
        let operation = mint.delete(&key, Check::Nothing).await.map_err(Error::mint("delete the key"))?;
        self.finished(mint, operation, "delete the key", until).await
    }

    /// Has another version made current, where this one is.
    async fn supersede(&self, version: &VersionId, until: Timestamp) -> Result<(), Error> {
        if !self.describe().await?.has(version, &Stage::Current) {
            return Ok(());
        }
        match self.store.rotate().await {
            // One that is under way will do.
            Ok(()) | Err(secrets::Error::Conflict) => {}
            Err(cause) => return Err(Error::Store { what: "ask for a rotation", cause }),
        }
        while self.describe().await?.has(version, &Stage::Current) {
            self.pause(LOOK_EVERY, until).await.map_err(|_| Error::Late("the rotation"))?;
        }
        Ok(())
    }
}
