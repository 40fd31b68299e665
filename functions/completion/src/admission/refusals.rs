//! Refusals on record, with their number: at most two records for each caller and minute.
//!
//! A flood of refused requests must not become a flood of records. The first of a minute is on record before its caller
//! is told: a function may be frozen after any answer, and never run again. The others are counted here and recorded
//! once their minute is over: with the next request, or when the gate ends, where it is told that it does.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shared::answer::Usage;
use shared::audit::{Entry, Kind};
use shared::clock::{Clock, Timestamp};
use shared::guards::Decision;
use shared::limits::Refused;
use shared::ports::{AuditQueue, Callers, Model, Unavailable};
use shared::telemetry::Chain;

use super::Asking;
use crate::gate::{Parts, Visit};

const MINUTE: u64 = 60_000;

/// What records say of a request that a limit refused.
pub(super) const LIMITED: &str = "limited";

/// Which limit it was, as records say it.
pub(super) fn reason(refused: &Refused) -> String {
    format!("limit:{}.{}", refused.kind.as_str(), refused.limit.as_str())
}

/// The minutes in which callers were refused, by caller.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<String, Minute>>);

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
    let mut refusals = visit.parts.accounts.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Records what was counted in minutes before `now`'s, or all of it.
pub(crate) async fn record<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    parts: &Parts<M, C, Q, K>,
    now: Option<Timestamp>,
) {
    let over = |minute: &Minute| now.is_none_or(|now| minute.began.0 / MINUTE < now.0 / MINUTE);
    let due: Vec<Counted> = {
        let mut refusals = parts.accounts.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !refusals.values().any(over) {
            return;
        }
        let names: Vec<String> =
            refusals.iter().filter(|(_, minute)| over(minute)).map(|(name, _)| name.clone()).collect();
        names.iter().filter_map(|name| refusals.remove(name)?.rest).collect()
    };
    for rest in due {
        if let Err(unavailable) = parts.recorder.record(rest.told()).await {
            rest.lost(&unavailable);
        }
    }
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
        operation: asking.operation.as_str().into(),
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
