//! Gives every audit entry its place in the chain and sees it safely kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use uuid::{NoContext, Uuid};

use crate::audit::{Entry, Hash, Link, Record, Void, WriterId};
use crate::clock::{Clock, Timestamp};
use crate::ports::{AuditQueue, Unavailable};

/// How often a record is sent before it counts as void. At once, one after the other: a queue for which it helps to
/// wait knows better than this how long.
const ATTEMPTS: usize = 3;

/// How many voids a record names at most: some 25 KB as JSON, well below what a queue takes. After a long outage it
/// takes more than one record to name them all.
const VOIDS: usize = 256;

/// A writer that has been silent for so long begins another chain: the sealer need not look further back for where one
/// stood than this, and what a queue may hold back.
const SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes a chain of audit records, and after a day's silence the next.
///
/// Number and hash are given, and the record handed to the queue, under one lock: records reach the queue in the order of
/// the chain, so that a killed process leaves a chain without holes. The wait for durability is outside the lock, so
/// that many requests share one write.
///
/// Should the future of [`Recorder::record`] be dropped half-way, its record counts as void, like one whose
/// sending failed: the next record names it (the next few, after a long outage). It may have been kept all the same, and is then valid.
#[derive(Debug)]
pub struct Recorder<Q, C> {
    queue: Q,
    clock: C,
    chain: Mutex<Chain>,
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The record's own id.
    pub record_id: String,
    /// Its number in the chain.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

#[derive(Debug)]
struct Chain {
    writer_id: WriterId,
    /// When the last record was sealed.
    wrote: Timestamp,
    next: u64,
    last: Hash,
    /// Not acknowledged, and not yet named by a record that was.
    voids: BTreeMap<u64, Hash>,
}

impl<Q: AuditQueue, C: Clock> Recorder<Q, C> {
    /// Begins the chain of `writer_id`, which must never have written before.
    pub const fn new(writer_id: WriterId, queue: Q, clock: C) -> Self {
        Self { queue, clock, chain: Mutex::new(Chain::new(writer_id)) }
    }

    /// Returns once the entry is durable.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be, after several attempts. Its place in the chain is then void.
    pub async fn record(&self, entry: Entry) -> Result<Receipt, Unavailable> {
        let record;
        let mut first;
        let begun = {
            let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
            record = self.seal(entry, &mut chain);
            first = Box::pin(self.queue.append(&record));
            // The first poll hands the record over. The waker comes with the second, which follows at once.
            first.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        let unacknowledged = Unacknowledged { chain: &self.chain, record: &record };
        let mut sent = match begun {
            Poll::Ready(sent) => sent,
            Poll::Pending => first.await,
        };
        for _ in 1..ATTEMPTS {
            if sent.is_ok() {
                break;
            }
            sent = self.queue.append(&record).await;
        }
        sent?;
        // Kept: there is nothing left for the next record to name.
        std::mem::forget(unacknowledged);
        Ok(Receipt { record_id: record.record_id.clone(), seq: record.seq, hash: record.hash })
    }

    fn seal(&self, entry: Entry, chain: &mut Chain) -> Record {
        let at = self.clock.now();
        chain.begin_anew(at);
        let now = at.0;
        let nanoseconds = u32::try_from(now % 1000).unwrap_or_default() * 1_000_000;
        let record_id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, now / 1000, nanoseconds)).to_string();
        let link = Link {
            record_id,
            writer_id: chain.writer_id,
            seq: chain.next,
            prev_hash: chain.last,
            voids: chain.take_voids(),
        };
        let record = Record::seal(entry, link);
        chain.next += 1;
        chain.last = record.hash;
        record
    }
}

impl Chain {
    const fn new(writer_id: WriterId) -> Self {
        Self { writer_id, wrote: Timestamp(0), next: 0, last: Hash::ZERO, voids: BTreeMap::new() }
    }

    /// Begins the next chain where this one was silent for long. One that has voids to name goes on to name them, and so
    /// does one for whose successor there is no random name.
    fn begin_anew(&mut self, now: Timestamp) {
        let silent = self.next > 0 && self.voids.is_empty() && now.since(self.wrote) > SILENCE;
        if let Some(next) = silent.then(WriterId::random).and_then(Result::ok) {
            *self = Self::new(next);
        }
        self.wrote = now;
    }

    fn take_voids(&mut self) -> Vec<Void> {
        std::iter::from_fn(|| self.voids.pop_first()).take(VOIDS).map(|(seq, hash)| Void { seq, hash }).collect()
    }
}

/// A record under way. Dropped, it is void, and so is what it was to name.
struct Unacknowledged<'a> {
    chain: &'a Mutex<Chain>,
    record: &'a Record,
}

impl Drop for Unacknowledged<'_> {
    fn drop(&mut self) {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        // Of the chain before nobody tells any more.
        if chain.writer_id != self.record.writer_id {
            return;
        }
        chain.voids.extend(self.record.voids.iter().map(|void| (void.seq, void.hash)));
        chain.voids.insert(self.record.seq, self.record.hash);
    }
}

#[cfg(test)]
mod tests;
