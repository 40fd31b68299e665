//! Seals this machine's trail, hour by hour, with the key in the data directory.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use drain::Sealing;
use shared::clock::{Clock, SystemClock, Timestamp};
use shared::ports::Unavailable;
use shared::ports::trail::Outbox;
use shared::signature::LocalKey;
use tokio::runtime::{Builder, Runtime};

use super::trail::Trail;
use super::{Error, seal_key, sqlite};

/// How often records are packed and hours sealed.
const EVERY: Duration = Duration::from_secs(60);

/// Nobody is told the head: `gatehouse audit verify` prints it.
#[derive(Debug)]
pub(super) struct Nobody(Infallible);

impl Outbox for Nobody {
    async fn send(&self, _: &str, _: Option<&str>) -> Result<(), Unavailable> {
        match self.0 {}
    }
}

/// Packs what has arrived, and seals the hours that are over.
#[derive(Debug)]
pub(super) struct Keeper {
    trail: Trail,
    sealing: Sealing<Trail, LocalKey, Nobody, SystemClock>,
    runtime: Runtime,
    kept: Option<Timestamp>,
}

impl Keeper {
    /// Over the data directory, whose key it makes where there is none.
    pub(super) fn open(data: &Path) -> Result<Self, Error> {
        let trail = || sqlite::open(data).map(Trail::over);
        Ok(Self {
            sealing: Sealing::new(trail()?, seal_key::open(data)?, None, SystemClock),
            trail: trail()?,
            runtime: Builder::new_current_thread().build().map_err(Error::NoRuntime)?,
            kept: None,
        })
    }

    /// Does so when it is time, or `at_once`.
    pub(super) fn keep(&mut self, at_once: bool, clock: &impl Clock) -> Result<(), Error> {
        let now = clock.now();
        if !at_once && self.kept.is_some_and(|kept| now.since(kept) < EVERY) {
            return Ok(());
        }
        self.trail.pack(clock)?;
        self.runtime.block_on(self.sealing.run()).map_err(Error::Seal)?;
        self.kept = Some(now);
        Ok(())
    }
}
