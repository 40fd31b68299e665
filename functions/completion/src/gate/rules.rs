//! The policy in force, which may change while the gate runs.

use std::sync::{Arc, PoisonError, RwLock};

use shared::policy::Compiled;

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

    /// Puts another policy in force for the requests that come from now on, and tells the log.
    pub fn adopt(&self, next: Compiled) {
        let next = Arc::new(next);
        let to = next.policy.version().to_owned();
        let before = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), next);
        let from = before.policy.version();
        if from != to {
            tracing::info!(code = "policy_changed", from, to, "another policy is in force");
        }
    }
}
