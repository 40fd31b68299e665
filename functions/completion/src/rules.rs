//! A policy and the guards built from it.

use shared::guards::redact::Redactor;
use shared::guards::{BadPattern, Guard};
use shared::policy::Policy;

/// A policy in force.
#[derive(Debug)]
pub struct Rules {
    /// The policy.
    pub policy: Policy,
    /// Judges prompts by it.
    pub guard: Guard,
    /// Redacts answers by it.
    pub redactor: Redactor,
}

impl Rules {
    /// Builds the guards of a policy.
    ///
    /// # Errors
    /// [`BadPattern`] when one of the operator's own patterns cannot be used.
    pub fn new(policy: Policy) -> Result<Self, BadPattern> {
        let guard = Guard::new(&policy.input)?;
        let redactor = Redactor::new(&policy.output)?;
        Ok(Self { policy, guard, redactor })
    }
}
