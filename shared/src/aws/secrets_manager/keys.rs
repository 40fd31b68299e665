//! The provider's key from Secrets Manager: read seldom, by one at a time, and read anew when the provider rejects it.
//!
//! A reader who finds the key too old reads it, while all others go on with what is there. Where Secrets Manager fails,
//! the key in hand goes on to be used for hours, and Secrets Manager is left alone for a while. Where the provider
//! rejects the key, the secret is read once for all who were rejected; where it still holds the same, the version
//! before stands in. A key that was rejected is never a fallback.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_secretsmanager::Client;

use super::cache::{Cache, Current, Other};
use super::{CURRENT, PREVIOUS, STORE, Version, read};
use crate::aws::Fault;
use crate::clock::Clock;
use crate::payload::{NotAKey, Payload};
use crate::ports::{self, Key, Unavailable};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No version of the secret is the current one.
    #[error("the secret has no value yet: put the key into it")]
    Empty,
    /// The secret could not be read.
    #[error("the key's secret could not be read")]
    Fault(#[source] Fault),
    /// The secret holds something else.
    #[error(transparent)]
    NotAKey(NotAKey),
}

/// The provider's key in a secret.
pub struct Keys<C> {
    client: Client,
    secret: String,
    clock: C,
    cache: Mutex<Cache>,
    /// Held by whoever reads.
    flight: tokio::sync::Mutex<()>,
}

impl<C: Clock> Keys<C> {
    /// The key in the secret with this ARN or name. Nothing is read yet.
    #[must_use]
    pub fn new(client: Client, secret: impl Into<String>, clock: C) -> Self {
        Self {
            client,
            secret: secret.into(),
            clock,
            cache: Mutex::new(Cache::default()),
            flight: tokio::sync::Mutex::const_new(()),
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Current {
        self.cache().current(self.clock.now())
    }

    async fn read_current(&self) -> Result<(), Arc<Error>> {
        let found = match read(&self.client, &self.secret, CURRENT).await {
            Ok(Some(version)) => key(version).map_err(Error::NotAKey),
            Ok(None) => Err(Error::Empty),
            Err(fault) => Err(Error::Fault(fault)),
        };
        // After the read: it may have taken seconds.
        let now = self.clock.now();
        found.map(|key| self.cache().found_current(key, now)).map_err(|error| self.failed(error))
    }

    async fn read_previous(&self) -> Result<(), Arc<Error>> {
        let found =
            read(&self.client, &self.secret, PREVIOUS).await.map_err(|fault| self.failed(Error::Fault(fault)))?;
        // What is no key is no fallback.
        self.cache().found_previous(found.and_then(|version| key(version).ok()));
        Ok(())
    }

    fn failed(&self, error: Error) -> Arc<Error> {
        let error = Arc::new(error);
        self.cache().fail(Arc::clone(&error), self.clock.now());
        error
    }
}

impl<C: Clock> ports::Keys for Keys<C> {
    async fn current(&self) -> Result<Key, Unavailable> {
        let _flight = match self.next() {
            Current::Use(key) => return Ok(key),
            Current::Refuse(error) => return Err(unavailable(error)),
            Current::Read(Some(key)) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(key),
            },
            Current::Read(None) => self.flight.lock().await,
        };
        // Another may have read it meanwhile.
        let stale = match self.next() {
            Current::Use(key) => return Ok(key),
            Current::Refuse(error) => return Err(unavailable(error)),
            Current::Read(stale) => stale,
        };
        match (self.read_current().await, stale) {
            (Ok(()), _) => match self.next() {
                Current::Use(key) | Current::Read(Some(key)) => Ok(key),
                Current::Refuse(error) => Err(unavailable(error)),
                Current::Read(None) => Err(unavailable(Arc::new(Error::Empty))),
            },
            (Err(error), Some(key)) => {
                let cause = std::error::Error::source(&*error).map(tracing::field::display);
                tracing::warn!(%error, cause, "the key in hand is used on");
                Ok(key)
            }
            (Err(error), None) => Err(unavailable(error)),
        }
    }

    async fn replacement(&self, rejected: &Key) -> Result<Option<Key>, Unavailable> {
        self.cache().reject(rejected, self.clock.now());
        if let Some(known) = settled(self.cache().other(rejected, self.clock.now())) {
            return known;
        }
        let _flight = self.flight.lock().await;
        loop {
            let now = self.clock.now();
            let other = self.cache().other(rejected, now);
            match other {
                Other::ReadCurrent => {
                    self.cache().recheck(now);
                    self.read_current().await.map_err(unavailable)?;
                }
                Other::ReadPrevious => self.read_previous().await.map_err(unavailable)?,
                other @ (Other::Nothing | Other::Refuse(_) | Other::Use(_)) => {
                    return settled(other).unwrap_or(Ok(None));
                }
            }
        }
    }
}

/// The key of a version, called as the rotation called it, else by the version.
fn key(Version { text, id }: Version) -> Result<Key, NotAKey> {
    let Payload { key: value, key_id } = Payload::parse(&text)?;
    Ok(Key { value, version: key_id.unwrap_or(id) })
}

/// What can be said without reading.
fn settled(other: Other) -> Option<Result<Option<Key>, Unavailable>> {
    match other {
        Other::Nothing => Some(Ok(None)),
        Other::Refuse(error) => Some(Err(unavailable(error))),
        Other::Use(key) => Some(Ok(Some(key))),
        Other::ReadCurrent | Other::ReadPrevious => None,
    }
}

fn unavailable(cause: Arc<Error>) -> Unavailable {
    Unavailable { store: STORE, cause: Box::new(cause) }
}

#[cfg(test)]
mod tests;
