//! The policy on record: which one is in force, and from when.

use std::collections::BTreeMap;

use shared::answer::Usage;
use shared::audit::{Entry, Kind};
use shared::clock::Clock;
use shared::guards::Decision;
use shared::policy::Compiled;
use shared::ports::{AuditQueue, Callers, Model, Unavailable};

use super::rules::{Scribe, Told};
use super::{Gate, Parts};

/// What records of the policy name as their surface: they are about no request.
const POLICY: &str = "policy";

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Gate<M, C, Q, K> {
    /// Puts on record which policy is in force: once, before the first request. One that is yet to be read goes on
    /// record when it is.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be kept.
    pub async fn begin(&self) -> Result<(), Unavailable> {
        match self.parts.rules.in_force() {
            Some(rules) => self.parts.tell(Told::Begin { to: rules.policy.version() }).await,
            None => Ok(()),
        }
    }

    /// Puts another policy in force for the requests that come from now on: the change is on record before.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be kept. The policy in force then stays in force.
    pub async fn adopt(&self, next: Compiled) -> Result<(), Unavailable> {
        self.parts.rules.adopt(next, &*self.parts).await
    }

    /// Puts on record that another policy was refused, and why: a stable code. The policy in force stays in force.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be kept.
    pub async fn refuse(&self, code: &str) -> Result<(), Unavailable> {
        self.parts.rules.refuse(code, &*self.parts).await
    }
}

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Scribe for Parts<M, C, Q, K> {
    async fn tell(&self, told: Told<'_>) -> Result<(), Unavailable> {
        let (operation, mark, error, version) = match told {
            Told::Begin { to } => ("begin", None, None, to),
            Told::Change { from, to } => ("change", Some(format!("policy.from:{from}")), None, to),
            Told::Refuse { code, stays } => ("refuse", None, Some(code.to_owned()), stays),
        };
        let entry = Entry {
            request_id: self.request_id(),
            kind: Kind::Outcome,
            ts: self.clock.now(),
            caller: String::new(),
            user: None,
            surface: POLICY.into(),
            operation: operation.into(),
            model: String::new(),
            decision: Decision::Allow,
            blocked: false,
            blocked_reason: None,
            risk_score: 0,
            rules: mark.into_iter().collect(),
            redactions: BTreeMap::new(),
            prompt: None,
            answer: None,
            prompt_hmac: None,
            tokens: Usage::default(),
            cost_micros: 0,
            latency_ms: 0,
            upstream_status: None,
            error,
            policy_version: version.to_owned(),
            key_version: None,
            pepper_id: None,
        };
        self.recorder.record(entry).await.map(drop)
    }
}
