//! The ledger behind a pointer, so that a gate's type does not name it.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::clock::Timestamp;
use shared::limits::{Admission, Claim, Demand, Recall, Settled, Taken, Ticket};
use shared::ports::{Ledger, Unavailable};

use super::refusals::Refusals;

/// Of how many subjects the last refusal is remembered: some 500 bytes each.
const RECALLED: usize = 1024;

/// Who may ask how much: a ledger, what it has just refused, and the refusals that are still to be recorded.
pub struct Accounts {
    ledger: Box<dyn Books>,
    recall: Mutex<Recall>,
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
        Self { ledger: Box::new(ledger), recall: Mutex::new(Recall::new(RECALLED)), refusals: Refusals::default() }
    }

    fn recall(&self) -> MutexGuard<'_, Recall> {
        self.recall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the ledger, unless it has just refused the like.
    pub(super) async fn admit(
        &self,
        claims: &[Claim],
        demand: &Demand,
        now: Timestamp,
    ) -> Result<Admission, Unavailable> {
        if let Some(refused) = self.recall().refuse(claims, demand, now) {
            return Ok(Admission::Refused(refused.into()));
        }
        let admission = self.ledger.admit(claims, demand, now).await?;
        if let Admission::Refused(refused) = &admission {
            self.recall().note(claims, demand, refused, now);
        }
        Ok(admission)
    }

    pub(super) async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        let settled = self.ledger.settle(ticket, taken, now).await;
        self.ended(ticket);
        settled
    }

    pub(super) async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        let released = self.ledger.release(ticket, now).await;
        self.ended(ticket);
        released
    }

    /// What was refused a moment ago may have room now. That is so whatever the ledger said, which may have done it.
    fn ended(&self, ticket: &Ticket) {
        let mut recall = self.recall();
        ticket.holds.iter().for_each(|hold| recall.forget(&hold.subject));
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use shared::fakes::ledger;
    use shared::limits::{Kind, Limits, Retry, Subject};
    use shared::policy::Policy;

    use super::*;

    #[tokio::test]
    async fn what_a_request_gives_back_as_it_ends_is_there_at_once() {
        let accounts = Accounts::of(ledger::Ledger::default());
        let limits = Limits { tokens_per_minute: NonZeroU32::new(100), ..Policy::embedded().admission.caller };
        let claims = [Claim { kind: Kind::Caller, subject: Subject::caller("app"), limits }];
        let now = Timestamp(1_790_000_000_000);
        for (round, settles) in [true, false].into_iter().enumerate() {
            let ask = async |id: &str| {
                let until = Some(Timestamp(now.0 + 60_000));
                let demand = Demand { request_id: format!("{round}-{id}"), tokens: 90, micros: 1, until };
                accounts.admit(&claims, &demand, now).await.unwrap()
            };
            let Admission::Admitted(ticket) = ask("first").await else { panic!("it was refused") };
            assert!(matches!(ask("second").await, Admission::Refused(_)));
            if settles {
                accounts.settle(&ticket, Taken { tokens: 1, micros: 1 }, now).await.unwrap();
            } else {
                accounts.release(&ticket, now).await.unwrap();
            }
            let Admission::Admitted(ticket) = ask("third").await else { panic!("what was given back is not felt") };
            accounts.release(&ticket, now).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_flood_is_refused_without_the_ledger_until_the_refusal_may_be_over() {
        let ledger = ledger::Ledger::default();
        let accounts = Accounts::of(ledger.clone());
        let limits = Limits {
            requests_per_minute: NonZeroU32::new(60),
            burst: NonZeroU32::MIN,
            ..Policy::embedded().admission.caller
        };
        let claims = [Claim { kind: Kind::Caller, subject: Subject::caller("app"), limits }];
        let at = |milliseconds| Timestamp(1_790_000_000_000 + milliseconds);
        let demand = |id: u64| Demand { request_id: id.to_string(), tokens: 1, micros: 1, until: Some(at(60_000)) };
        let retry = async |now: u64| match accounts.admit(&claims, &demand(now), at(now)).await {
            Ok(Admission::Admitted(_)) => Ok(None),
            Ok(Admission::Refused(refused)) => Ok(Some(refused.retry)),
            Err(unavailable) => Err(unavailable.store),
        };
        assert_eq!(retry(0).await, Ok(None));
        assert_eq!(retry(10).await, Ok(Some(Retry::After(990))));
        // The ledger cannot be asked, and need not be.
        ledger.set_down(true);
        for now in 11..1000 {
            assert_eq!(retry(now).await, Ok(Some(Retry::After(1000 - now))));
        }
        assert_eq!(retry(1000).await, Err("ledger"));
        ledger.set_down(false);
        assert_eq!(retry(1000).await, Ok(None));
    }
}
