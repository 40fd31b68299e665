//! Refusals on record: one for each caller and minute, with their number.
//!
//! A flood of refused requests must not become a flood of records. They are counted here and recorded once their minute
//! is over: with the next request, or when the gate ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shared::answer::Usage;
use shared::audit::{Entry, Kind};
use shared::clock::{Clock, Timestamp};
use shared::guards::Decision;
use shared::limits::Refused;
use shared::ports::{AuditQueue, Callers, Model};
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

/// The refusals that are not yet on record, by caller.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<String, Counted>>);

/// The first refusal of a minute, and how many there were.
#[derive(Debug)]
struct Counted {
    entry: Entry,
    reason: String,
    number: u64,
}

/// Counts a refusal.
pub(super) fn count<M, C, Q, K>(visit: &Visit<M, C, Q, K>, asking: &Asking<'_>, refused: &Refused, now: Timestamp) {
    let refusals = &visit.parts.accounts.refusals;
    let mut refusals = refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
    let counted = refusals.entry(asking.caller.name.clone()).or_insert_with(|| Counted {
        entry: entry(visit, asking, now),
        reason: reason(refused),
        number: 0,
    });
    counted.number += 1;
}

/// Records what was counted in minutes before `now`'s, or all of it.
pub(crate) async fn record<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    parts: &Parts<M, C, Q, K>,
    now: Option<Timestamp>,
) {
    let over = |counted: &Counted| now.is_none_or(|now| counted.entry.ts.0 / MINUTE < now.0 / MINUTE);
    let due: Vec<Counted> = {
        let mut refusals = parts.accounts.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !refusals.values().any(over) {
            return;
        }
        let names: Vec<String> =
            refusals.iter().filter(|(_, counted)| over(counted)).map(|(name, _)| name.clone()).collect();
        names.iter().filter_map(|name| refusals.remove(name)).collect()
    };
    for Counted { mut entry, reason, number } in due {
        entry.blocked_reason = Some(format!("{reason} x{number}"));
        // They were refused either way: a store that fails loses their number, which the log still tells.
        if let Err(unavailable) = parts.recorder.record(entry).await {
            tracing::error!(reason, number, error = %Chain(&unavailable), "could not store the record of refusals");
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
