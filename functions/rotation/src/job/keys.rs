//! A key comes into being, comes back, is marked.

use std::time::Duration;

use shared::clock::Timestamp;
use shared::payload::Payload;
use shared::ports::mint::{self, Key, KeyId, Mint, Operation, Probe, Progress};
use shared::ports::secrets::{Description, Store, VersionId};

use super::Job;
use crate::error::Error;
use crate::plan::{self, retirement};
use crate::ports::{Notice, Notices, Timer};

/// Between two looks at an operation; Google's own clients begin with as much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// The key of this version: found, brought back or made.
    pub(super) async fn minted(
        &self,
        mint: &M,
        secret: &Description,
        version: &VersionId,
        until: Timestamp,
    ) -> Result<Payload, Error> {
        let id = plan::key_id(&self.secret, version);
        let keys = self.all_keys(mint).await?;
        match keys.iter().find(|key| key.id == id) {
            Some(key) if key.deleted => self.restore(mint, &id, until).await?,
            Some(_) => {}
            None => {
                self.make_room(mint, secret, &keys, until).await?;
                match mint.create(&id).await {
                    Ok(operation) => self.finished(mint, operation, "mint a key", until).await?,
                    // A run before this one has asked for it, or the list was stale.
                    Err(mint::Error::Exists) => {}
                    Err(cause) => return Err(Error::Mint { what: "mint a key", cause }),
                }
                self.ensure(mint, &id, until).await?;
            }
        }
        let key = mint.reveal(&id).await.map_err(Error::mint("read the new key"))?;
        Ok(Payload { key, key_id: Some(id.0) })
    }

    /// Sees to it that a key is there, which may still be in the making.
    pub(super) async fn ensure(&self, mint: &M, id: &KeyId, until: Timestamp) -> Result<(), Error> {
        loop {
            match mint.find(id).await.map_err(Error::mint("look for the key"))? {
                Some(key) if !key.deleted => return Ok(()),
                Some(_) => return self.restore(mint, id, until).await,
                None => self.pause(LOOK_EVERY, until).await.map_err(|_| Error::KeyGone(id.clone()))?,
            }
        }
    }

    async fn restore(&self, mint: &M, id: &KeyId, until: Timestamp) -> Result<(), Error> {
        match mint.undelete(id).await {
            Ok(operation) => self.finished(mint, operation, "bring a key back", until).await?,
            // Another run has brought it back.
            Err(mint::Error::Changed) => return Ok(()),
            Err(cause) => return Err(Error::Mint { what: "bring a key back", cause }),
        }
        self.notices.tell(&Notice::Restored(id.clone()));
        Ok(())
    }

    /// Marks the key as served from now on, unless it has just been. Fails where the key is deleted: nothing may become
    /// current then.
    pub(super) async fn mark_served(&self, mint: &M, id: &KeyId, until: Timestamp) -> Result<(), Error> {
        let key = self.living(mint, id).await?;
        let now = self.timer.now();
        if retirement::marked(&key, now) {
            return Ok(());
        }
        let operation = mint.mark(&key, now).await.map_err(Error::mint("mark the key"))?;
        self.finished(mint, operation, "mark the key", until).await?;
        // An operation may vanish with its work undone.
        let key = self.living(mint, id).await?;
        if retirement::marked(&key, now) { Ok(()) } else { Err(Error::Late("marking the key")) }
    }

    async fn living(&self, mint: &M, id: &KeyId) -> Result<Key, Error> {
        let key = mint.find(id).await.map_err(Error::mint("look for the key"))?;
        key.filter(|key| !key.deleted).ok_or_else(|| Error::KeyGone(id.clone()))
    }

    /// Waits for an operation. One that is gone may or may not have done its work.
    pub(super) async fn finished(
        &self,
        mint: &M,
        operation: Operation,
        what: &'static str,
        until: Timestamp,
    ) -> Result<(), Error> {
        loop {
            match mint.poll(&operation).await {
                Ok(Progress::Done | Progress::Gone) => return Ok(()),
                Ok(Progress::Failed { reason }) => return Err(Error::Unminted { what, reason }),
                // It goes on whether or not it can be looked at.
                Ok(Progress::Running) | Err(mint::Error::Limited { .. } | mint::Error::Unavailable(_)) => {}
                Err(cause) => return Err(Error::Mint { what, cause }),
            }
            self.pause(LOOK_EVERY, until).await.map_err(|_| Error::Late("the key service"))?;
        }
    }

    /// All keys of the bundle, deleted ones included.
    pub(super) async fn all_keys(&self, mint: &M) -> Result<Vec<Key>, Error> {
        let mut page = mint.list(None).await.map_err(Error::mint("list the keys"))?;
        let mut keys = page.keys;
        while let Some(next) = page.next {
            page = mint.list(Some(&next)).await.map_err(Error::mint("list the keys"))?;
            keys.append(&mut page.keys);
        }
        Ok(keys)
    }
}
