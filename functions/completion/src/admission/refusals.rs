//! Refusals on record, with their number: at most two records for each caller and minute.
//!
//! A flood of refused requests must not become a flood of records. The first of a minute is on record before its caller
//! is told: a function may be frozen after any answer, and never run again. The others are counted here and recorded
//! once their minute is over: with the next request, or when the gate ends, where it is told that it does.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::answer::Usage;
use shared::audit::{Entry, Kind};
use shared::clock::{Clock, Timestamp};
use shared::guards::Decision;
use shared::limits::Refused;
use shared::ports::{AuditQueue, Callers, Model, Unavailable};
use shared::telemetry::Chain;
use tokio::time::{Instant, timeout_at};

use super::Asking;
use crate::gate::{Parts, Visit};

const MINUTE: u64 = 60_000;

/// How long a request waits for what is to be recorded of others. What is left then waits for the next.
const PATIENCE: Duration = Duration::from_secs(1);

/// What records say of a request that a limit refused.
pub(super) const LIMITED: &str = "limited";

/// Which limit it was, as records say it.
pub(super) fn reason(refused: &Refused) -> String {
    format!("limit:{}.{}", refused.kind.as_str(), refused.limit.as_str())
}

/// The minutes in which callers were refused, by caller.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<String, Minute>>);

impl Refusals {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Minute>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what was counted in minutes before `now`'s, or all of it.
    fn over(&self, now: Option<Timestamp>) -> Vec<Counted> {
        let over = |minute: &Minute| now.is_none_or(|now| minute.began.0 / MINUTE < now.0 / MINUTE);
        let mut refusals = self.locked();
        let names: Vec<String> =
            refusals.iter().filter(|(_, minute)| over(minute)).map(|(name, _)| name.clone()).collect();
        names.iter().filter_map(|name| refusals.remove(name)?.rest).collect()
    }

    /// Counts again what was taken out and not recorded.
    fn put_back(&self, due: impl Iterator<Item = Counted>) {
        let mut refusals = self.locked();
        for counted in due {
            let (began, name) = (counted.entry.ts, counted.entry.caller.clone());
            let minute = refusals.entry(name).or_insert(Minute { began, rest: None });
            match &mut minute.rest {
                Some(rest) => rest.number += counted.number,
                None => minute.rest = Some(counted),
            }
        }
    }
}

#[derive(Debug)]
struct Minute {
    /// When its first refusal was.
    began: Timestamp,
    /// Those after the first, which are not yet on record.
    rest: Option<Counted>,
}

/// A refusal, and how many there were with it.
#[derive(Debug)]
struct Counted {
    entry: Entry,
    reason: String,
    number: u64,
}

impl Counted {
    fn told(&self) -> Entry {
        let Self { entry, reason, number } = self;
        Entry { blocked_reason: Some(format!("{reason} x{number}")), ..entry.clone() }
    }

    /// They were refused either way: a store that fails loses their number, which the log still tells.
    fn lost(&self, unavailable: &Unavailable) {
        let Self { reason, number, .. } = self;
        tracing::error!(reason, number, error = %Chain(unavailable), "could not store the record of refusals");
    }
}

/// Records a refusal, if it is the caller's first of this minute, or counts it.
pub(super) async fn note<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    asking: &Asking<'_>,
    refused: &Refused,
    now: Timestamp,
) {
    let Some(first) = count(visit, asking, refused, now) else { return };
    if let Err(unavailable) = visit.record(first.told()).await {
        first.lost(&unavailable);
    }
}

/// Counts a refusal, unless it is the first: that is returned.
fn count<M, C, Q, K>(
    visit: &Visit<M, C, Q, K>,
    asking: &Asking<'_>,
    refused: &Refused,
    now: Timestamp,
) -> Option<Counted> {
    let counted = || Counted { entry: entry(visit, asking, now), reason: reason(refused), number: 1 };
    let mut refusals = visit.parts.accounts.refusals.locked();
    let Some(minute) = refusals.get_mut(&asking.caller.name) else {
        refusals.insert(asking.caller.name.clone(), Minute { began: now, rest: None });
        return Some(counted());
    };
    match &mut minute.rest {
        Some(rest) => rest.number += 1,
        None => minute.rest = Some(counted()),
    }
    None
}

/// Records what was counted in minutes before `now`'s, within [`PATIENCE`], or all of it.
pub(crate) async fn record<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    parts: &Parts<M, C, Q, K>,
    now: Option<Timestamp>,
) {
    let mut due = parts.accounts.refusals.over(now).into_iter();
    let ends = now.map(|_| Instant::now() + PATIENCE);
    for rest in due.by_ref() {
        let recorded = parts.recorder.record(rest.told());
        let recorded = match ends {
            None => recorded.await,
            // Given up half-way it may be on record all the same: it is not recorded twice.
            Some(ends) => timeout_at(ends, recorded).await.unwrap_or_else(|_| {
                Err(Unavailable { store: "audit queue", cause: "it takes longer than others can wait".into() })
            }),
        };
        if let Err(unavailable) = recorded {
            rest.lost(&unavailable);
        }
        if ends.is_some_and(|ends| Instant::now() >= ends) {
            break;
        }
    }
    parts.accounts.refusals.put_back(due);
}

/// What is told of a request that a limit refused.
pub(super) fn entry<M, C, Q, K>(visit: &Visit<M, C, Q, K>, asking: &Asking<'_>, ts: Timestamp) -> Entry {
    Entry {
        request_id: visit.request_id.clone(),
        kind: Kind::Outcome,
        ts,
        caller: asking.caller.name.clone(),
        // There may be many of them in a minute.
        user: None,
        surface: visit.surface.as_str().into(),
        operation: asking.operation.into(),
        model: asking.model.to_owned(),
        decision: Decision::Allow,
        blocked: true,
        blocked_reason: None,
        risk_score: 0,
        rules: Vec::new(),
        redactions: BTreeMap::new(),
        prompt: None,
        answer: None,
        prompt_hmac: None,
        tokens: Usage::default(),
        cost_micros: 0,
        latency_ms: 0,
        upstream_status: None,
        error: Some(LIMITED.into()),
        policy_version: visit.rules.policy.version().to_owned(),
        key_version: None,
        pepper_id: None,
    }
}
