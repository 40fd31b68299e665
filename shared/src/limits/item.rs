//! One subject's account for one budget window.
//!
//! Each function here is one atomic step of a ledger. `committed` is what is booked plus what is reserved, so that a
//! reservation turns into a booking by leaving `open`, and nothing else changes: that is what happens to one whose
//! time is up, since Google may have billed it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gcra::{Micros, Rate};
use super::{Demand, Limit, Limits, Quota, Retry, Standing, Taken, Ticket};
use crate::clock::Timestamp;

/// One subject's account for one budget window.
///
/// It begins empty, its rates too: the turn of a window brings one more burst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The theoretical arrival time of requests.
    pub tat: Micros,
    /// That of tokens.
    pub tokens_tat: Micros,
    /// Booked plus reserved, in millionths of a dollar.
    pub committed: u64,
    /// Reservations by the request they are for.
    pub open: BTreeMap<String, Open>,
}

/// A reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Millionths of a dollar.
    pub micros: u64,
    /// When it is booked unless something was heard of it.
    pub until: Timestamp,
}

/// What settling did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settled {
    /// Nothing: the reservation is gone, settled before or booked when its time was up. What was booked stands.
    Already,
    /// The true cost is booked.
    Booked,
    /// The true cost is booked, and was more than had been reserved, by this much.
    Overrun(u64),
}

impl Item {
    /// Takes a request in, or leaves everything as it is.
    ///
    /// # Errors
    /// The limit that refuses, and when to try again.
    pub fn admit(&mut self, demand: &Demand, limits: &Limits, now: Timestamp) -> Result<(), (Limit, Retry)> {
        if self.open.contains_key(&demand.request_id) {
            // The answer to the first time was lost on its way.
            return Ok(());
        }
        let committed = self.spend(demand, limits, now).map_err(|retry| (Limit::Spend, retry))?;
        let clock = now.into();
        let tat = match limits.requests() {
            Some(rate) => rate.take(self.tat, 1, clock).map_err(|retry| (Limit::Requests, retry))?,
            None => self.tat,
        };
        let tokens_tat = match limits.tokens() {
            Some(rate) => rate.take(self.tokens_tat, demand.tokens, clock).map_err(|retry| (Limit::Tokens, retry))?,
            None => self.tokens_tat,
        };
        if let Some(until) = demand.until {
            let most = usize::try_from(limits.max_open.get()).unwrap_or(usize::MAX);
            if self.open.len() >= most {
                self.expire(now);
            }
            if self.open.len() >= most {
                return Err((Limit::Open, Retry::Soon));
            }
            self.open.insert(demand.request_id.clone(), Open { micros: demand.micros, until });
        }
        (self.tat, self.tokens_tat, self.committed) = (tat, tokens_tat, committed);
        Ok(())
    }

    fn spend(&self, demand: &Demand, limits: &Limits, now: Timestamp) -> Result<u64, Retry> {
        let committed = self.committed.saturating_add(demand.micros);
        // What costs nothing is no matter of budgets, overrun or not.
        let Some(cap) = limits.micros.map(u64::from).filter(|_| demand.until.is_some()) else { return Ok(committed) };
        if demand.micros > cap {
            return Err(Retry::Never);
        }
        if committed <= cap {
            return Ok(committed);
        }
        let reserved = self.reserved(now);
        // Where only reservations are in the way, most of them will come back.
        if committed.saturating_sub(reserved) <= cap {
            Err(Retry::Soon)
        } else {
            Err(Retry::At(limits.window.end(now)))
        }
    }

    /// What is reserved and not yet booked.
    fn reserved(&self, now: Timestamp) -> u64 {
        self.open.values().filter(|open| open.until > now).fold(0, |sum, open| sum.saturating_add(open.micros))
    }

    /// Books the true cost of a request in place of its reservation. A second time does nothing.
    ///
    /// A reservation whose time is up, and which nobody has closed yet, is settled like any other; once it is closed,
    /// what was booked stands, since the item no longer knows whether the late figure is the first.
    pub fn settle(&mut self, ticket: &Ticket, taken: Taken, limits: &Limits, now: Timestamp) -> Settled {
        let Some(open) = self.open.remove(&ticket.request_id) else { return Settled::Already };
        self.committed = self.committed.saturating_sub(open.micros).saturating_add(taken.micros);
        if let Some(rate) = limits.tokens() {
            let (then, now) = (ticket.at.into(), now.into());
            self.tokens_tat = rate.correct(self.tokens_tat, ticket.tokens, taken.tokens, then, now);
        }
        match taken.micros.saturating_sub(open.micros) {
            0 => Settled::Booked,
            by => Settled::Overrun(by),
        }
    }

    /// Gives back what was reserved for a request that never reached Google. It still counts as a request.
    pub fn release(&mut self, ticket: &Ticket, limits: &Limits, now: Timestamp) {
        self.settle(ticket, Taken::default(), limits, now);
    }

    /// Gives back everything, the request itself too: another subject refused it.
    pub fn undo(&mut self, ticket: &Ticket, limits: &Limits, now: Timestamp) {
        if !ticket.opened || self.open.contains_key(&ticket.request_id) {
            if let Some(rate) = limits.requests() {
                self.tat = rate.correct(self.tat, 1, 0, ticket.at.into(), now.into());
            }
            self.release(ticket, limits, now);
        }
    }

    /// Books every reservation whose time is up.
    pub fn expire(&mut self, now: Timestamp) {
        self.open.retain(|_, open| open.until > now);
    }

    /// How much is left of each limit.
    #[must_use]
    pub fn standing(&self, limits: &Limits, now: Timestamp) -> Standing {
        let clock = Micros::from(now);
        let of = |rate: Rate, tat: Micros| Quota {
            most: rate.per_minute(),
            left: rate.left(tat, clock),
            full_in_ms: tat.0.saturating_sub(clock.0).div_ceil(1000),
            window_ms: 60_000,
        };
        let (start, end) = (limits.window.start(now), limits.window.end(now));
        Standing {
            requests: limits.requests().map(|rate| of(rate, self.tat)),
            tokens: limits.tokens().map(|rate| of(rate, self.tokens_tat)),
            spend: limits.micros.map(|cap| Quota {
                most: cap.get(),
                left: cap.get().saturating_sub(self.committed),
                full_in_ms: end.0.saturating_sub(now.0),
                window_ms: end.0 - start.0,
            }),
        }
    }
}

impl Limits {
    /// The rate of requests.
    #[must_use]
    pub fn requests(&self) -> Option<Rate> {
        self.requests_per_minute.map(|rate| Rate::single(rate, self.burst))
    }

    /// The rate of tokens.
    #[must_use]
    pub fn tokens(&self) -> Option<Rate> {
        self.tokens_per_minute.map(Rate::bulk)
    }
}
