//! How things stand, changing nothing.

use shared::payload::Payload;
use shared::ports::mint::{KeyId, Mint, Probe};
use shared::ports::secrets::Store;

use super::{Job, Minting};
use crate::error::Error;
use crate::plan::outlook::{self, Observed, Outlook};
use crate::plan::retirement::{Holding, Holdings};
use crate::ports::{Notices, Timer};

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// The secret's versions, what they hold, and the bundle's keys.
    ///
    /// # Errors
    /// [`Error::Store`] and [`Error::Mint`].
    pub async fn observe(&self) -> Result<Observed, Error> {
        let secret = self.describe().await?;
        let mut holdings = Holdings::new();
        for version in secret.versions.keys() {
            let holding = match self.read(version).await?.map(|value| Payload::parse(&value)) {
                None => Holding::Nothing,
                Some(Ok(Payload { key_id: Some(id), .. })) => Holding::Minted(KeyId(id)),
                Some(Ok(_) | Err(_)) => Holding::Foreign,
            };
            holdings.insert(version.clone(), holding);
        }
        let keys = match &self.minting {
            Minting::Own(mint) => Some(self.all_keys(mint).await?),
            Minting::Supplied => None,
        };
        Ok(Observed { secret, holdings, keys })
    }

    /// What the next rotation would do, and what is wrong now.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub async fn look(&self) -> Result<Outlook, Error> {
        let observed = self.observe().await?;
        Ok(outlook::outlook(&observed, &self.secret, self.timer.now()))
    }
}
