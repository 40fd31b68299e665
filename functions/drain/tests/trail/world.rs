//! A store, a key and a time, and trails to keep in them.

use std::collections::BTreeMap;
use std::time::Duration;

use drain::event::Message;
use drain::{Job, Sealing, seal, verify};
use shared::audit::verify::{Known, Report};
use shared::audit::{Entry, Hash, Hour, Kind, Link, Record, Void, WriterId, digest};
use shared::clock::{Clock as _, ManualClock, Timestamp};
use shared::fakes::entry;
use shared::fakes::store::Memory;
use shared::signature::LocalKey;

/// 22:13:20, some day.
pub(crate) const START: u64 = 1_700_000_000_000;
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct World {
    pub(crate) store: Memory,
    key: Vec<u8>,
    now: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { store: Memory::default(), key: LocalKey::make().unwrap(), now: START }
    }

    pub(crate) fn clock(&self) -> ManualClock {
        ManualClock::at(Timestamp(self.now))
    }

    pub(crate) fn key(&self) -> LocalKey {
        LocalKey::read(&self.key).unwrap()
    }

    /// Drains a batch; which of it are to come again.
    pub(crate) async fn drain(&self, records: &[Record]) -> Vec<usize> {
        let message = |(id, record): (usize, &Record)| Message {
            id: id.to_string(),
            body: record.to_line(),
            queue: "arn:aws:sqs:x:1:audit".to_owned(),
        };
        let messages = records.iter().enumerate().map(message).collect();
        let job = Job::new(self.store.clone(), Memory::default(), Some(self.store.clone()), self.clock());
        job.drain(messages).await.failed.into_iter().map(|failed| failed.id.parse().unwrap()).collect()
    }

    pub(crate) async fn seal(&self) -> Result<Vec<Hour>, seal::Error> {
        Sealing::new(self.store.clone(), self.key(), Some(self.store.clone()), self.clock()).run().await
    }

    pub(crate) async fn verify(&self, head: Option<Hash>) -> Report {
        let public = self.key().public();
        let known = Known { head, now: self.clock().now(), sealed: true };
        verify::trail(&self.store, &|message, signature| public.signed(message, signature), known).await.unwrap()
    }

    /// All objects that are of the trail: what notes which heads were told is of no more than that.
    pub(crate) fn trail(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = self.store.objects();
        objects.retain(|key, _| !key.starts_with(seal::HEADS));
        objects
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += u64::try_from(time.as_millis()).unwrap();
    }
}

/// A writer's chain of so many requests, from `ts` on.
pub(crate) fn chain(writer: u8, requests: u64, ts: u64) -> Vec<Record> {
    let writer_id = WriterId::new([writer; 16]);
    let mut records: Vec<Record> = Vec::new();
    for request in 0..requests {
        for kind in [Kind::Intent, Kind::Outcome] {
            let seq = records.len() as u64;
            let prev_hash = records.last().map_or(Hash::ZERO, |record| record.hash);
            let entry = Entry { request_id: format!("{writer}-{request}"), ts: Timestamp(ts + seq), ..entry(kind) };
            let link = Link { record_id: format!("r{seq}"), writer_id, seq, prev_hash, voids: Vec::new() };
            records.push(Record::seal(entry, link));
        }
    }
    records
}

/// What becomes of a record that a writer sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    /// The writer was not told that it was kept: the next that is names it as void.
    Void,
    /// Likewise, and it was not.
    Lost,
}

/// What a writer leaves whose records meet these fates, until it dies after the last of them; what was lost is not in it.
/// A request whose intent is not known to be kept is refused, and has no outcome.
pub(crate) fn cut_chain(writer: u8, fates: &[Fate]) -> Vec<Record> {
    let writer_id = WriterId::new([writer; 16]);
    let (mut left, mut prev_hash, mut unnamed) = (Vec::new(), Hash::ZERO, Vec::new());
    let (mut request, mut kind) = (0, Kind::Intent);
    for (seq, fate) in (0..).zip(fates) {
        let entry = Entry { request_id: format!("{writer}-{request}"), ts: Timestamp(START + seq), ..entry(kind) };
        let link = Link { record_id: format!("r{seq}"), writer_id, seq, prev_hash, voids: unnamed.clone() };
        let record = Record::seal(entry, link);
        prev_hash = record.hash;
        match fate {
            Fate::Kept => unnamed.clear(),
            Fate::Void | Fate::Lost => unnamed.push(Void { seq, hash: record.hash }),
        }
        if *fate != Fate::Lost {
            left.push(record);
        }
        let refused = kind == Kind::Intent && *fate != Fate::Kept;
        (request, kind) = match kind {
            Kind::Intent if !refused => (request, Kind::Outcome),
            Kind::Intent | Kind::Outcome => (request + 1, Kind::Intent),
        };
    }
    left
}

/// Three hours of three writers, sealed, an hour of silence, and a tail that is not sealed.
pub(crate) async fn valid() -> World {
    let mut world = World::new();
    let (one, two, three) = (chain(1, 12, START), chain(2, 6, START), chain(3, 4, START));
    for hour in 0..3 {
        for part in 0..2 {
            let at = hour * 2 + part;
            let mut batch = one[at * 4..at * 4 + 4].to_vec();
            batch.extend_from_slice(&two[at * 2..at * 2 + 2]);
            if hour == 1 {
                batch.extend_from_slice(&three[part * 4..part * 4 + 4]);
            }
            assert!(world.drain(&batch).await.is_empty());
        }
        world.pass(HOUR);
        world.seal().await.unwrap();
    }
    world.pass(HOUR);
    world.seal().await.unwrap();
    let mut tail = chain(4, 2, START + 4 * 3_600_000);
    tail.truncate(3);
    world.drain(&tail).await;
    world
}

/// The hash of the last digest.
pub(crate) fn head(objects: &BTreeMap<String, Vec<u8>>) -> Hash {
    let last = objects.iter().rfind(|(key, _)| key.starts_with(digest::DIGESTS)).unwrap().1;
    digest::read(last).unwrap().hash
}
