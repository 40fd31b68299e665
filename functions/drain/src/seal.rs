//! Seals the hours that are over: reads manifests, never records, and writes a signed digest for each hour.
//!
//! A digest is made once: of two sealers at a time one comes second, and goes on from the other's. Killed anywhere,
//! the next run goes on where the last digest is. Hours that nobody sealed are sealed later, each on its own.

use std::collections::{BTreeMap, BTreeSet};

use shared::audit::chains::Chains;
use shared::audit::digest::{self, DIGESTS, LOOK_BACK, Signed};
use shared::audit::manifest::Manifest;
use shared::audit::seal::{Sealer, alarming, unknown};
use shared::audit::{Hour, WriterId};
use shared::clock::Clock;
use shared::ports::Unavailable;
use shared::ports::trail::{Created, Outbox, Signer, Store};
use shared::telemetry::Chain;

use crate::object::MANIFESTS;

/// A drain that began within an hour has so long to end: its function is killed before.
const GRACE_MS: u64 = 5 * 60 * 1000;

/// How far back a writer's chain is looked for, in hours: nothing waits in a queue for longer than two weeks, and a writer
/// that is silent for a day begins another chain.
const LONGEST: u64 = 15 * 24;

/// Where it is noted that the head of a day was told, under the day's last hour.
pub const HEADS: &str = "heads/";

/// Seals the hours that are over.
#[derive(Debug)]
pub struct Sealing<S, K, O, C> {
    store: S,
    key: K,
    /// The hash of each day's last digest goes here, so that it is known elsewhere too.
    heads: Option<O>,
    clock: C,
}

/// Why an hour could not be sealed. The next run tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The last digest is none, or a digest that it must follow is gone. A sealer that went on would cover it up.
    #[error("{0} is not the digest that it was")]
    Broken(String),
    /// A manifest was there a moment ago.
    #[error("{0} is gone")]
    Gone(String),
    /// A store or the key cannot be used.
    #[error("the trail could not be sealed")]
    Unavailable(#[from] Unavailable),
}

impl<S: Store, K: Signer, O: Outbox, C: Clock> Sealing<S, K, O, C> {
    /// Seals what is in `store` with `key`.
    pub const fn new(store: S, key: K, heads: Option<O>, clock: C) -> Self {
        Self { store, key, heads, clock }
    }

    /// Seals every hour that is over, the oldest first; which were.
    ///
    /// # Errors
    /// [`Error`]. What was sealed before it stays.
    pub async fn run(&self) -> Result<Vec<Hour>, Error> {
        let mut last = self.last().await?;
        let mut sealed = Vec::new();
        let mut hour = match &last {
            Some(signed) => signed.digest.hour.next(),
            None => self.first().await?,
        };
        while hour.ends().0.saturating_add(GRACE_MS) <= self.clock.now().0 {
            last = Some(self.seal(hour, last.as_ref()).await?);
            sealed.push(hour);
            hour = hour.next();
        }
        if let Some(last) = &last {
            self.tell(last).await?;
        }
        Ok(sealed)
    }

    /// The latest digest.
    async fn last(&self) -> Result<Option<Signed>, Error> {
        // A page of a listing holds a month of them; all are listed only where none was made for as long.
        let recent = digest::key(Hour::of(self.clock.now()).back(31 * 24));
        let mut keys = self.store.list(DIGESTS, &recent).await?;
        if keys.is_empty() {
            keys = self.store.list(DIGESTS, "").await?;
        }
        let Some(hour) = keys.last().and_then(|key| Hour::in_path(key)) else { return Ok(None) };
        self.digest(hour).await
    }

    async fn digest(&self, hour: Hour) -> Result<Option<Signed>, Error> {
        let key = digest::key(hour);
        let Some(bytes) = self.store.read(&key).await? else { return Ok(None) };
        match digest::read(&bytes) {
            Ok(signed) if signed.digest.hour == hour => Ok(Some(signed)),
            Ok(_) | Err(_) => Err(Error::Broken(key)),
        }
    }

    /// Where a trail begins: with its first manifest, or now.
    async fn first(&self) -> Result<Hour, Error> {
        let manifests = self.store.list(MANIFESTS, "").await?;
        let now = Hour::of(self.clock.now());
        Ok(manifests.first().and_then(|key| Hour::in_path(key)).unwrap_or(now.back(1)))
    }

    async fn seal(&self, hour: Hour, last: Option<&Signed>) -> Result<Signed, Error> {
        let mut before = Before { sealing: self, digests: BTreeMap::new(), next: hour };
        before.to(hour.back(LOOK_BACK), last).await?;
        let named: BTreeSet<&str> = before
            .digests
            .values()
            .flat_map(|signed| &signed.digest.manifests)
            .map(|listed| listed.key.as_str())
            .collect();
        let mut fresh = Vec::new();
        for back in (0..=LOOK_BACK).rev() {
            let keys = self.store.list(&format!("{MANIFESTS}{}/", hour.back(back).partition()), "").await?;
            fresh.extend(keys.into_iter().filter(|key| !named.contains(key.as_str())));
        }
        fresh.sort_unstable();
        fresh.dedup();

        let mut chains = Chains::default();
        if let Some(last) = last {
            chains.resume_requests(&last.digest.chains);
        }
        for key in &fresh {
            if let Ok(manifest) = Manifest::read(&self.manifest(key).await?) {
                before.resume(&mut chains, &manifest, last).await?;
            }
        }
        // What is missing since the hour before is told now, whether or not its writer wrote again.
        for chain in last.iter().flat_map(|last| &last.digest.chains.writers) {
            chains.resume(chain);
        }
        before.remember(&mut chains, hour).await?;

        let mut sealer = Sealer::new(hour, chains);
        // Read again, one at a time: what a busy hour's manifests take together is more than a function has.
        for key in &fresh {
            sealer.take(key, &self.manifest(key).await?);
        }
        let (digest, _) = sealer.finish(self.clock.now(), last);
        let line = digest.to_line();
        let file = digest::file(&line, &self.key.sign(line.as_bytes()).await?);
        let key = digest::key(hour);
        let created = self.store.create(&key, file.into_bytes()).await?;
        if created == Created::There {
            // Another sealer was first, or this one's answer was lost.
            return self.digest(hour).await?.ok_or(Error::Broken(key));
        }
        report(&digest);
        Ok(Signed { hash: digest::hash(&line), digest, line, signature: Vec::new() })
    }

    async fn manifest(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.store.read(key).await?.ok_or_else(|| Error::Gone(key.to_owned()))
    }

    /// Tells the hash of the last digest of the last day that is over elsewhere, and notes that it did: killed in between, it
    /// tells it twice. That a topic fails is no reason to seal nothing: the log, which is elsewhere too, then has it, and the
    /// next run tries again.
    async fn tell(&self, latest: &Signed) -> Result<(), Error> {
        let Some(heads) = &self.heads else { return Ok(()) };
        let Some(hour) = last_of_a_day(latest.digest.hour) else { return Ok(()) };
        let hash = if hour == latest.digest.hour {
            latest.hash
        } else {
            // The first day of a trail has none before it.
            let Some(last) = self.digest(hour).await? else { return Ok(()) };
            last.hash
        };
        let told = format!("{HEADS}{}", hour.partition());
        if self.store.read(&told).await?.is_some() {
            return Ok(());
        }
        let words = format!(
            "Gatehouse's audit trail is sealed up to {hour} (UTC).\n\nHead: {hash}\n\nKeep this message. `gatehouse audit \
             verify --head {hash}` finds it out should the trail ever be rolled back to before.\n"
        );
        match heads.send(&words, Some("Gatehouse: head of the audit trail")).await {
            Ok(()) => {
                self.store.create(&told, words.into_bytes()).await?;
            }
            Err(error) => {
                tracing::error!(code = "head_untold", %hour, head = %hash, error = %Chain(&error), "a day's head was not told");
            }
        }
        Ok(())
    }
}

/// The digests before an hour, fetched backwards as far as they are needed.
struct Before<'s, S, K, O, C> {
    sealing: &'s Sealing<S, K, O, C>,
    digests: BTreeMap<Hour, Signed>,
    /// All from here on are fetched.
    next: Hour,
}

impl<S: Store, K: Signer, O: Outbox, C: Clock> Before<'_, S, K, O, C> {
    /// Fetches back to an hour, or to where the trail begins.
    async fn to(&mut self, hour: Hour, last: Option<&Signed>) -> Result<(), Error> {
        let Some(last) = last else { return Ok(()) };
        while self.next > hour && self.next.back(1) != self.next {
            let wanted = self.next.back(1);
            let found =
                if wanted == last.digest.hour { Some(last.clone()) } else { self.sealing.digest(wanted).await? };
            let Some(found) = found else {
                // Before its first digest the trail has none; after it, each has its place.
                let begun =
                    self.digests.values().next().is_none_or(|after| after.digest.previous != shared::audit::Hash::ZERO);
                return if begun { Err(Error::Broken(digest::key(wanted))) } else { Ok(()) };
            };
            if self.digests.get(&self.next).is_some_and(|after| after.digest.previous != found.hash) {
                return Err(Error::Broken(digest::key(wanted)));
            }
            self.digests.insert(wanted, found);
            self.next = wanted;
        }
        Ok(())
    }

    /// Takes up the chains of a manifest's writers, where some digest left them.
    async fn resume(&mut self, chains: &mut Chains, manifest: &Manifest, last: Option<&Signed>) -> Result<(), Error> {
        let Some(latest) = last.map(|last| last.digest.hour) else { return Ok(()) };
        for (writer, begun) in unknown(chains, manifest) {
            let oldest = begun.map_or(latest.back(LONGEST), |begun| begun.back(1).max(latest.back(LONGEST)));
            let mut at = latest;
            loop {
                if let Some(chain) = self.chain(at, &writer) {
                    chains.resume(chain);
                    break;
                }
                if at <= oldest || at.back(1) == at {
                    break;
                }
                at = at.back(1);
                self.to(at, last).await?;
                if self.next > at {
                    break;
                }
            }
        }
        Ok(())
    }

    fn chain(&self, hour: Hour, writer: &WriterId) -> Option<&shared::audit::chains::Chain> {
        self.digests.get(&hour)?.digest.chains.writers.iter().find(|chain| chain.writer_id == *writer)
    }

    /// Gives the chains the hashes of the last hours, to compare what comes again.
    async fn remember(&self, chains: &mut Chains, hour: Hour) -> Result<(), Error> {
        for signed in self.digests.range(hour.back(LOOK_BACK)..).map(|(_, signed)| signed) {
            for listed in &signed.digest.manifests {
                let bytes = self.sealing.store.read(&listed.key).await?;
                // One that is gone, or changed, is for the verifier to find: this is no proof but a comparison.
                if let Some(Ok(manifest)) = bytes.map(|bytes| Manifest::read(&bytes)) {
                    chains.remember(&manifest);
                }
            }
        }
        Ok(())
    }
}

/// The last hour of a day that is not after this one. None before there was any.
fn last_of_a_day(hour: Hour) -> Option<Hour> {
    let past = (hour.ends().0 / 3_600_000) % 24;
    let last = hour.back(past);
    (last != hour || past == 0).then_some(last)
}

fn report(digest: &digest::Digest) {
    let (records, manifests) = (digest.records, digest.manifests.len());
    tracing::info!(code = "sealed", hour = %digest.hour, records, manifests, "an hour is sealed");
    if alarming(digest) {
        let gaps = digest.chains.gaps.len();
        let (faults, unreadable) = (digest.faults.len(), digest.unreadable.len());
        tracing::error!(
            code = "trail_broken", hour = %digest.hour, gaps, faults, unreadable,
            "the trail is not whole: `gatehouse audit verify` tells what and where"
        );
    }
    let late = digest.chains.unanswered.len();
    if late > 0 {
        tracing::warn!(code = "trail_unanswered", hour = %digest.hour, late, "requests have no outcome");
    }
}
