//! In-memory ports for tests: strict where a real store is strict, and able to fail on demand.

pub mod ledger;
pub mod store;
pub mod trail;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::answer::Usage;
use crate::audit::{Entry, Kind, Record};
use crate::caller::{Caller, Id};
use crate::clock::Timestamp;
use crate::guards::Decision;
use crate::ports::{self, Unavailable};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Callers in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Callers(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    callers: HashMap<Id, Caller>,
    down: bool,
    lookups: usize,
}

impl Callers {
    /// Adds a caller, or replaces the one with its id.
    pub fn put(&self, caller: Caller) {
        lock(&self.0).callers.insert(caller.id.clone(), caller);
    }

    /// Whether look-ups fail from now on.
    pub fn set_down(&self, down: bool) {
        lock(&self.0).down = down;
    }

    /// How many look-ups there have been.
    #[must_use]
    pub fn lookups(&self) -> usize {
        lock(&self.0).lookups
    }
}

impl ports::Callers for Callers {
    async fn find(&self, id: &Id) -> Result<Option<Caller>, Unavailable> {
        let mut list = lock(&self.0);
        list.lookups += 1;
        if list.down { Err(down("callers")) } else { Ok(list.callers.get(id).cloned()) }
    }
}

/// What a [`Queue`] does with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Neither keeps it nor says so, ever.
    Hang,
    /// Keeps it and says that it did not.
    KeepAndFail,
    /// Does not keep it, and says so.
    Fail,
}

/// An audit queue in memory. Clones share it.
///
/// It refuses a record whose hash is wrong, and one that carries another content under a number it has seen.
#[derive(Clone, Debug, Default)]
pub struct Queue(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Record>,
    fates: VecDeque<Fate>,
    down: bool,
}

impl Queue {
    /// What happens to the next records, one fate each; after these all is well again.
    pub fn expect(&self, fates: impl IntoIterator<Item = Fate>) {
        lock(&self.0).fates.extend(fates);
    }

    /// Whether every record is refused from now on.
    pub fn set_down(&self, down: bool) {
        lock(&self.0).down = down;
    }

    /// What was kept, in order of arrival.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        lock(&self.0).records.clone()
    }
}

impl ports::AuditQueue for Queue {
    async fn append(&self, record: &Record) -> Result<(), Unavailable> {
        let fate = {
            let mut kept = lock(&self.0);
            let fate = kept.fates.pop_front().or(kept.down.then_some(Fate::Fail));
            if matches!(fate, None | Some(Fate::KeepAndFail)) {
                kept.keep(record)?;
            }
            fate
        };
        match fate {
            None => Ok(()),
            Some(Fate::Fail | Fate::KeepAndFail) => Err(down("audit queue")),
            Some(Fate::Hang) => std::future::pending().await,
        }
    }
}

impl Kept {
    fn keep(&mut self, record: &Record) -> Result<(), Unavailable> {
        let same_place = |other: &&Record| (other.writer_id, other.seq) == (record.writer_id, record.seq);
        let forked = self.records.iter().find(same_place).is_some_and(|other| other != record);
        if forked || !record.verify_hash() {
            return Err(Unavailable { store: "audit queue", cause: "the record does not fit its chain".into() });
        }
        self.records.push(record.clone());
        Ok(())
    }
}

fn down(store: &'static str) -> Unavailable {
    Unavailable { store, cause: "told to fail".into() }
}

/// An entry with something in every kind of field. User, prompt and answer hold the word `canary`.
#[must_use]
pub fn entry(kind: Kind) -> Entry {
    Entry {
        request_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        kind,
        ts: Timestamp(1_700_000_000_123),
        caller: "app".to_owned(),
        user: Some("u-canary".to_owned()),
        surface: "gemini".to_owned(),
        operation: "generate".to_owned(),
        model: "gemini-3.5-flash".to_owned(),
        decision: Decision::Flag,
        blocked: false,
        blocked_reason: None,
        risk_score: 400,
        rules: vec!["override.previous".to_owned(), "density".to_owned()],
        redactions: BTreeMap::from([("email".to_owned(), 2), ("ssn".to_owned(), 1)]),
        prompt: Some("prompt-canary \u{1F512}\n\"quoted\"".to_owned()),
        answer: Some("answer-canary".to_owned()),
        prompt_hmac: Some("00ff".to_owned()),
        tokens: Usage { prompt: 1, cached: 2, candidates: 3, thoughts: 4, tool_use: 5, total: 15 },
        cost_micros: 42,
        latency_ms: 7,
        upstream_status: Some(200),
        error: None,
        policy_version: "p1".to_owned(),
        key_version: Some("k1".to_owned()),
        pepper_id: None,
    }
}
