//! Acts on a plan through its ports. It has no opinion of its own, and may die anywhere: every effect either changes
//! nothing that a consumer sees, or is the one compare-and-swap that makes a proven key current.

mod keys;
mod look;
mod proof;
mod revocation;
mod sweep;

use std::time::Duration;

use shared::clock::Timestamp;
use shared::payload::Payload;
use shared::ports::mint::{KeyId, Mint, Probe};
use shared::ports::secrets::{self, Description, Pass, Stage, Store, VersionId};
use shared::secret::Secret;

use crate::error::Error;
use crate::event::Request;
use crate::plan::early::{self, Early};
use crate::plan::{self, Refusal, Standing, Step};
use crate::ports::{Notice, Notices, Timer};

/// The stage under which an operator puts a key where nobody may mint any.
pub const SUPPLIED: &str = "SUPPLIED";

/// Where new keys come from.
#[derive(Debug)]
pub enum Minting<M> {
    /// This bundle mints them.
    Own(M),
    /// The operator puts them under the stage [`SUPPLIED`].
    Supplied,
}

/// Rotates one secret.
#[derive(Debug)]
pub struct Job<S, M, P, T, N> {
    /// The secret.
    pub store: S,
    /// Where new keys come from.
    pub minting: Minting<M>,
    /// Tries keys out.
    pub probe: P,
    /// Tells the time.
    pub timer: T,
    /// Told what is odd.
    pub notices: N,
    /// The secret's ARN.
    pub secret: String,
}

/// There is no time left for another attempt.
struct TimeIsUp;

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// Does one step, or nothing where it is done already. `until` is when the function will be killed, less what it
    /// takes to say how it went.
    ///
    /// # Errors
    /// [`Error`]. The step may then run again, with the same version or a new one.
    pub async fn step(&self, request: &Request, until: Timestamp) -> Result<(), Error> {
        if request.secret != self.secret {
            return Err(Error::WrongSecret);
        }
        let version = &request.version;
        let secret = self.describe().await?;
        let standing = match plan::admit(&secret, version) {
            Ok(standing) => standing,
            Err(refusal @ Refusal::RolledBack) => {
                self.withdraw(version).await?;
                return Err(refusal.into());
            }
            Err(refusal @ (Refusal::NotPending | Refusal::RotationOff | Refusal::Unknown)) => {
                return Err(refusal.into());
            }
        };
        match (request.step, standing) {
            (Step::FinishSecret, Standing::Current) => {
                self.tidy(secret, version, until).await;
                Ok(())
            }
            (Step::CreateSecret | Step::SetSecret | Step::TestSecret, Standing::Current) => Ok(()),
            (Step::CreateSecret, Standing::Pending) => {
                self.create(&secret, version, request.pass.as_ref(), until).await
            }
            (Step::SetSecret, Standing::Pending) => self.set(version, until).await,
            (Step::TestSecret, Standing::Pending) => self.test(&secret, version, until).await,
            (Step::FinishSecret, Standing::Pending) => self.finish(secret, version, until).await,
        }
    }

    /// Asks for a rotation before its time, since the provider rejects the current key; at most once an hour.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn hasten(&self) -> Result<Early, Error> {
        let secret = self.describe().await?;
        let versions = self.store.versions().await.map_err(Error::store("list the versions"))?;
        let early = early::early(&secret, &versions, self.timer.now());
        if early != Early::Rotate {
            return Ok(early);
        }
        match self.store.rotate().await {
            Ok(()) => Ok(Early::Rotate),
            Err(secrets::Error::Conflict) => Ok(Early::UnderWay),
            Err(cause) => Err(Error::Store { what: "ask for a rotation", cause }),
        }
    }

    async fn create(
        &self,
        secret: &Description,
        version: &VersionId,
        pass: Option<&Pass>,
        until: Timestamp,
    ) -> Result<(), Error> {
        if self.read(version).await?.is_some() {
            return Ok(());
        }
        let value = match &self.minting {
            Minting::Own(mint) => {
                let payload = self.minted(mint, secret, version, until).await?;
                payload.write().map_err(Error::Malformed)?
            }
            Minting::Supplied => self.supplied(secret).await?,
        };
        match self.store.put(version, &value, pass).await {
            // Another run was here first, or an operator has put a key under this very version. The test will judge it.
            Ok(()) | Err(secrets::Error::Conflict) => Ok(()),
            Err(cause) => Err(Error::Store { what: "put the key", cause }),
        }
    }

    async fn supplied(&self, secret: &Description) -> Result<Secret<String>, Error> {
        let holder = secret.holder(&Stage::Other(SUPPLIED.to_owned())).ok_or(Error::Unsupplied)?;
        let value = self.read(holder).await?.ok_or(Error::Unsupplied)?;
        Payload::parse(&value).map_err(Error::Malformed)?;
        Ok(value)
    }

    /// A key needs no setting; it needs to be there, even if a sweep has taken it for an orphan.
    async fn set(&self, version: &VersionId, until: Timestamp) -> Result<(), Error> {
        let payload = self.pending(version).await?;
        match (&self.minting, self.own(&payload, version)) {
            (Minting::Own(mint), Some(id)) => self.ensure(mint, &id, until).await,
            _ => Ok(()),
        }
    }

    /// Proves the key, marks it as served, and makes its version current.
    ///
    /// It is proven once more, though a test has gone before: that test may have read the version too early and taken
    /// this for a dry run, or it may have been days ago. The mark comes first, so that a key without it was certainly
    /// never handed out: only such a key is deleted without asking who uses it. It is made anew where it is old, since it
    /// also tells when the key before this one stopped being current.
    async fn finish(&self, secret: Description, version: &VersionId, until: Timestamp) -> Result<(), Error> {
        let payload = self.pending(version).await?;
        self.prove(&payload.key, until).await?;
        if let (Minting::Own(mint), Some(id)) = (&self.minting, self.own(&payload, version)) {
            self.mark_served(mint, &id, until).await?;
        }
        match self.store.transfer(&Stage::Current, secret.holder(&Stage::Current), Some(version)).await {
            Ok(()) => {}
            // Another run may have done it.
            Err(secrets::Error::Conflict) if self.describe().await?.has(version, &Stage::Current) => {}
            Err(secrets::Error::Conflict) => return Err(Error::Moved),
            Err(cause) => return Err(Error::Store { what: "make the version current", cause }),
        }
        self.tidy(plan::promoted(secret, version), version, until).await;
        Ok(())
    }

    /// What is left to do once the version is current. None of it can fail the rotation, which is done.
    async fn tidy(&self, secret: Description, version: &VersionId, until: Timestamp) {
        if secret.has(version, &Stage::Pending) {
            match self.store.transfer(&Stage::Pending, Some(version), None).await {
                Ok(()) | Err(secrets::Error::Conflict) => {}
                Err(secrets::Error::Refused(_) | secrets::Error::Unavailable(_)) => {
                    self.notices.tell(&Notice::LeftPending(version.clone()));
                }
            }
        }
        if let Minting::Own(mint) = &self.minting
            && let Err(error) = self.sweep(mint, &secret, until).await
        {
            self.notices.tell(&Notice::Unswept(error.code()));
        }
    }

    /// Takes the pending stage off a version that was rolled back, which would keep the next rotation from beginning.
    async fn withdraw(&self, version: &VersionId) -> Result<(), Error> {
        match self.store.transfer(&Stage::Pending, Some(version), None).await {
            Ok(()) => self.notices.tell(&Notice::RolledBack(version.clone())),
            Err(secrets::Error::Conflict) => {}
            Err(cause) => return Err(Error::Store { what: "take back the pending stage", cause }),
        }
        Ok(())
    }

    async fn describe(&self) -> Result<Description, Error> {
        self.store.describe().await.map_err(Error::store("describe the secret"))
    }

    async fn read(&self, version: &VersionId) -> Result<Option<Secret<String>>, Error> {
        self.store.read(version).await.map_err(Error::store("read a version"))
    }

    async fn pending(&self, version: &VersionId) -> Result<Payload, Error> {
        let value = self.read(version).await?.ok_or(Error::Empty)?;
        Payload::parse(&value).map_err(Error::Malformed)
    }

    /// The key's name, where this bundle has minted it for this version.
    fn own(&self, payload: &Payload, version: &VersionId) -> Option<KeyId> {
        let id = plan::key_id(&self.secret, version);
        (payload.key_id.as_ref() == Some(&id.0)).then_some(id)
    }

    async fn pause(&self, time: Duration, until: Timestamp) -> Result<(), TimeIsUp> {
        if until.since(self.timer.now()) <= time {
            return Err(TimeIsUp);
        }
        self.timer.sleep(time).await;
        Ok(())
    }
}
