//! The ledger behind a pointer, so that a gate's type does not name it.

use std::fmt;
use std::pin::Pin;

use shared::clock::Timestamp;
use shared::limits::{Admission, Claim, Demand, Settled, Taken, Ticket};
use shared::ports::{Ledger, Unavailable};

use super::refusals::Refusals;

/// Who may ask how much: a ledger, and the refusals that are still to be recorded.
pub struct Accounts {
    ledger: Box<dyn Books>,
    pub(super) refusals: Refusals,
}

type Told<'t, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 't>>;

/// A ledger of any type.
trait Books: Send + Sync {
    fn admit<'t>(&'t self, claims: &'t [Claim], demand: &'t Demand, now: Timestamp) -> Told<'t, Admission>;
    fn settle<'t>(&'t self, ticket: &'t Ticket, taken: Taken, now: Timestamp) -> Told<'t, Settled>;
    fn release<'t>(&'t self, ticket: &'t Ticket, now: Timestamp) -> Told<'t, ()>;
}

impl<L: Ledger> Books for L {
    fn admit<'t>(&'t self, claims: &'t [Claim], demand: &'t Demand, now: Timestamp) -> Told<'t, Admission> {
        Box::pin(Ledger::admit(self, claims, demand, now))
    }

    fn settle<'t>(&'t self, ticket: &'t Ticket, taken: Taken, now: Timestamp) -> Told<'t, Settled> {
        Box::pin(Ledger::settle(self, ticket, taken, now))
    }

    fn release<'t>(&'t self, ticket: &'t Ticket, now: Timestamp) -> Told<'t, ()> {
        Box::pin(Ledger::release(self, ticket, now))
    }
}

impl Accounts {
    /// The accounts that this ledger keeps.
    #[must_use]
    pub fn of(ledger: impl Ledger) -> Self {
        Self { ledger: Box::new(ledger), refusals: Refusals::default() }
    }

    pub(super) async fn admit(
        &self,
        claims: &[Claim],
        demand: &Demand,
        now: Timestamp,
    ) -> Result<Admission, Unavailable> {
        self.ledger.admit(claims, demand, now).await
    }

    pub(super) async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        self.ledger.settle(ticket, taken, now).await
    }

    pub(super) async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        self.ledger.release(ticket, now).await
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}
