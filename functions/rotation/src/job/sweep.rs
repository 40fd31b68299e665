//! Old keys go.

use shared::clock::Timestamp;
use shared::payload::Payload;
use shared::ports::mint::{self, Check, Key, KeyId, Mint, Probe};
use shared::ports::secrets::{Description, Stage, Store};

use super::Job;
use crate::error::Error;
use crate::plan::retirement::{self, Holding, Holdings, MOST_LIVE, Removal};
use crate::ports::{Notice, Notices, Timer};

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// Makes room for one more key, or says that there is none.
    pub(super) async fn make_room(
        &self,
        mint: &M,
        secret: &Description,
        keys: &[Key],
        until: Timestamp,
    ) -> Result<(), Error> {
        for key in retirement::unmarked(secret, keys, &self.secret) {
            self.mark_served(mint, &key.id, until).await?;
        }
        let live = retirement::live(keys);
        if live < MOST_LIVE {
            return Ok(());
        }
        let left = live - self.remove_all(mint, secret, keys, until).await?;
        if left < MOST_LIVE { Ok(()) } else { Err(Error::NoRoom(left)) }
    }

    /// Deletes what nobody needs any more.
    pub(super) async fn sweep(&self, mint: &M, secret: &Description, until: Timestamp) -> Result<(), Error> {
        let keys = self.all_keys(mint).await?;
        let removed = self.remove_all(mint, secret, &keys, until).await?;
        let left = retirement::live(&keys).saturating_sub(removed);
        if left > MOST_LIVE {
            self.notices.tell(&Notice::TooMany(left));
        }
        Ok(())
    }

    /// Deletes the keys that no version holds, and returns how many are gone.
    async fn remove_all(&self, mint: &M, secret: &Description, keys: &[Key], until: Timestamp) -> Result<usize, Error> {
        let now = self.timer.now();
        let removals = |holdings: &Holdings| {
            let kept = retirement::kept(secret, holdings, &self.secret);
            let read = retirement::read_since(secret, holdings, keys, &self.secret, now);
            retirement::removals(keys, &kept, &read, now)
        };
        let candidates = removals(&Holdings::new());
        if candidates.is_empty() {
            return Ok(0);
        }
        let holdings = self.holdings(mint, secret, &candidates).await?;
        let mut removed = 0;
        for removal in removals(&holdings) {
            removed += usize::from(self.remove(mint, &removal, until).await);
        }
        Ok(removed)
    }

    /// What the versions with a stage hold. A bare key may be one of ours that an operator has pasted back.
    async fn holdings(&self, mint: &M, secret: &Description, candidates: &[Removal]) -> Result<Holdings, Error> {
        let mut holdings = Holdings::new();
        let mut bare = Vec::new();
        for version in secret.versions.keys() {
            let payload = self.read(version).await?.map(|value| Payload::parse(&value));
            let holding = match payload {
                None if secret.has(version, &Stage::Pending) => Holding::Nothing,
                // It is a stale look: nothing is deleted on what it shows.
                None => return Err(Error::Empty),
                Some(Ok(Payload { key_id: Some(id), .. })) => Holding::Minted(KeyId(id)),
                Some(Ok(payload)) => {
                    bare.push((version, payload.key));
                    Holding::Foreign
                }
                Some(Err(_)) => Holding::Foreign,
            };
            holdings.insert(version.clone(), holding);
        }
        if bare.is_empty() {
            return Ok(holdings);
        }
        for Removal { key, .. } in candidates {
            let revealed = mint.reveal(&key.id).await.map_err(Error::mint("read a key"))?;
            for (version, _) in bare.iter().filter(|(_, held)| held.expose() == revealed.expose()) {
                holdings.insert((*version).clone(), Holding::Minted(key.id.clone()));
            }
        }
        Ok(holdings)
    }

    /// Deletes a key; whether it is gone.
    async fn remove(&self, mint: &M, removal: &Removal, until: Timestamp) -> bool {
        let Removal { key, check } = removal;
        let deleted = match mint.delete(key, *check).await {
            Ok(operation) => self.finished(mint, operation, "delete a key", until).await,
            Err(mint::Error::Absent) => return true,
            Err(cause) => Err(Error::Mint { what: "delete a key", cause }),
        };
        let Err(error) = deleted else { return true };
        // Google may find out only while it deletes.
        let found_out = matches!(&error, Error::Unminted { reason, .. } if reason == "FAILED_PRECONDITION");
        let in_use =
            matches!(&error, Error::Mint { cause: mint::Error::InUse, .. }) || (found_out && *check == Check::Use);
        let id = key.id.clone();
        self.notices.tell(&if in_use { Notice::InUse(id) } else { Notice::Left(id, error.code()) });
        false
    }
}
