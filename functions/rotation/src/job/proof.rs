//! Whether the provider takes a key: several times in a row, since a new key reaches its servers one by one.

use std::time::Duration;

use shared::clock::Timestamp;
use shared::payload::Payload;
use shared::ports::mint::{Mint, Probe, Verdict};
use shared::ports::secrets::{Description, Stage, Store, VersionId};
use shared::secret::Secret;

use super::{Job, Minting};
use crate::error::Error;
use crate::ports::{Notices, Timer};

/// Acceptances in a row that count as proof. Google gives no number for how fast a new key spreads.
const IN_A_ROW: u32 = 5;

/// Between two probes: five in a row span as many seconds.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Looks at a version that seems empty. A value that was put shows with a delay; one that a dry run announces never.
const LOOKS: u32 = 3;

/// Between two such looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// Proves the pending key. A version that holds nothing was announced for a dry run, as when rotation is switched
    /// on without rotating at once: then the current key is proven, and where there is none, that keys can be listed.
    pub(super) async fn test(&self, secret: &Description, version: &VersionId, until: Timestamp) -> Result<(), Error> {
        for _ in 1..LOOKS {
            if let Some(value) = self.read(version).await? {
                return self.prove_value(&value, until).await;
            }
            self.pause(LOOK_EVERY, until).await.map_err(|_| Error::Empty)?;
        }
        if let Some(value) = self.read(version).await? {
            return self.prove_value(&value, until).await;
        }
        match (secret.holder(&Stage::Current), &self.minting) {
            (Some(current), _) => {
                let value = self.read(current).await?.ok_or(Error::Empty)?;
                self.prove_value(&value, until).await
            }
            (None, Minting::Own(mint)) => self.all_keys(mint).await.map(drop),
            (None, Minting::Supplied) => Ok(()),
        }
    }

    async fn prove_value(&self, value: &Secret<String>, until: Timestamp) -> Result<(), Error> {
        let payload = Payload::parse(value).map_err(Error::Malformed)?;
        self.prove(&payload.key, until).await
    }

    /// Returns once the key was accepted several times in a row. What cannot be told neither counts nor breaks the row.
    pub(super) async fn prove(&self, key: &Secret<String>, until: Timestamp) -> Result<(), Error> {
        let (mut row, mut last) = (0, Error::Late("the proof"));
        loop {
            match self.probe.probe(key).await {
                Verdict::Accepted => {
                    row += 1;
                    if row == IN_A_ROW {
                        return Ok(());
                    }
                }
                Verdict::Rejected(reason) => (row, last) = (0, Error::KeyRefused(reason)),
                Verdict::Inconclusive(reason) => last = Error::Inconclusive(reason),
            }
            if self.pause(PROBE_EVERY, until).await.is_err() {
                return Err(last);
            }
        }
    }
}
