//! A ledger in memory, item by item as a store without transactions has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{down, lock};
use crate::clock::Timestamp;
use crate::limits::{Admission, Claim, Demand, Hold, Item, Settled, Subject, Taken, Ticket};
use crate::ports::{self, Unavailable};

pub mod laws;

/// A ledger in memory. Clones share it.
///
/// Each item is changed on its own, and a refusal by the second gives back the first, as in `DynamoDB`.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// By subject and the beginning of the window.
    items: HashMap<(Subject, u64), Item>,
    down: bool,
}

impl Ledger {
    /// Whether every step fails from now on.
    pub fn set_down(&self, down: bool) {
        lock(&self.0).down = down;
    }

    /// A subject's item in the window that began then.
    #[must_use]
    pub fn item(&self, subject: &Subject, window: Timestamp) -> Option<Item> {
        lock(&self.0).items.get(&(subject.clone(), window.0)).cloned()
    }

    /// Changes one item in one step.
    fn step<T>(&self, hold: &Hold, change: impl FnOnce(&mut Item) -> T) -> Result<T, Unavailable> {
        let mut kept = lock(&self.0);
        if kept.down {
            return Err(down("ledger"));
        }
        Ok(change(kept.items.entry((hold.subject.clone(), hold.window.0)).or_default()))
    }
}

impl ports::Ledger for Ledger {
    async fn admit(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> Result<Admission, Unavailable> {
        let mut ticket = Ticket::new(demand, now);
        for claim in claims {
            let admitted = self.step(&claim.hold(now), |item| claim.admit(item, demand, &mut ticket))?;
            if let Err(refused) = admitted {
                for hold in &ticket.holds {
                    self.step(hold, |item| item.undo(&ticket, &hold.limits, now))?;
                }
                return Ok(Admission::Refused(refused));
            }
        }
        Ok(Admission::Admitted(ticket))
    }

    async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        let mut worst = Settled::Already;
        for hold in &ticket.holds {
            worst = worst.max(self.step(hold, |item| item.settle(ticket, taken, &hold.limits, now))?);
        }
        Ok(worst)
    }

    async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        for hold in &ticket.holds {
            self.step(hold, |item| item.release(ticket, &hold.limits, now))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_in_memory_keeps_the_laws() {
        laws::all(&Ledger::default);
        laws::agrees_with_the_reference(&Ledger::default, 512);
    }

    #[test]
    fn one_that_is_down_admits_nobody() {
        let ledger = Ledger::default();
        ledger.set_down(true);
        let admitted = laws::wait(ports::Ledger::admit(&ledger, &[], &laws::demand("r", 1, 1), Timestamp(0)));
        assert!(admitted.is_ok(), "without a claim there is nobody to ask");
        let admitted = laws::wait(ports::Ledger::admit(
            &ledger,
            &[laws::claim("app", "1", 5)],
            &laws::demand("r", 1, 1),
            Timestamp(0),
        ));
        assert!(admitted.is_err());
    }
}
