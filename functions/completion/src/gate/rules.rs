//! The policy in force, which may change while the gate runs. Which one it is, is on record.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use shared::answer::Usage;
use shared::audit::{Entry, Kind};
use shared::clock::Clock;
use shared::guards::Decision;
use shared::policy::Compiled;
use shared::ports::{AuditQueue, Callers, Model, Unavailable};

use super::Gate;

/// The policy in force. A request keeps the one it began with.
#[derive(Debug)]
pub struct Rules(RwLock<Arc<Compiled>>);

impl Rules {
    /// Begins with this policy.
    #[must_use]
    pub fn new(first: Compiled) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    /// The policy in force now.
    #[must_use]
    pub fn current(&self) -> Arc<Compiled> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another policy in force for the requests that come from now on.
    fn replace(&self, next: Compiled) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

/// What records of the policy name as their surface: they are about no request.
const POLICY: &str = "policy";

/// What is told of the policy in force.
enum Told<'t> {
    /// It is the first.
    Begin,
    /// It follows this one.
    Change { from: &'t str },
    /// It stays, since another was refused for this reason.
    Refuse { code: &'t str },
}

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Gate<M, C, Q, K> {
    /// Puts on record which policy is in force: once, before the first request.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be kept.
    pub async fn begin(&self) -> Result<(), Unavailable> {
        let rules = self.parts.rules.current();
        self.tell(&Told::Begin, rules.policy.version()).await
    }

    /// Puts another policy in force for the requests that come from now on: the change is on record before.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be kept. The policy in force then stays in force.
    pub async fn adopt(&self, next: Compiled) -> Result<(), Unavailable> {
        let before = self.parts.rules.current();
        let (from, to) = (before.policy.version(), next.policy.version());
        if from == to {
            return Ok(());
        }
        self.tell(&Told::Change { from }, to).await?;
        tracing::info!(code = "policy_changed", from, to, "another policy is in force");
        self.parts.rules.replace(next);
        Ok(())
    }

    /// Puts on record that another policy was refused, and why: a stable code. The policy in force stays in force.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be kept.
    pub async fn refuse(&self, code: &str) -> Result<(), Unavailable> {
        let rules = self.parts.rules.current();
        self.tell(&Told::Refuse { code }, rules.policy.version()).await
    }

    async fn tell(&self, told: &Told<'_>, version: &str) -> Result<(), Unavailable> {
        let (operation, mark, error) = match told {
            Told::Begin => ("begin", None, None),
            Told::Change { from } => ("change", Some(format!("policy.from:{from}")), None),
            Told::Refuse { code } => ("refuse", None, Some((*code).to_owned())),
        };
        let entry = Entry {
            request_id: self.request_id(),
            kind: Kind::Outcome,
            ts: self.parts.clock.now(),
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
        self.parts.recorder.record(entry).await.map(drop)
    }
}
