//! The limits as one would describe them, in microseconds, with booked and reserved kept apart.

use std::num::NonZeroU32;

use crate::clock::Timestamp;
use crate::limits::{Demand, Limit, Limits, Settled, Taken, Ticket};

/// The limiter that decides, over all subjects that a request is charged to.
pub(super) struct Reference(Vec<Account>);

/// One subject's.
#[derive(Clone)]
struct Account {
    limits: Limits,
    requests: Bucket,
    tokens: Bucket,
    /// What was booked of requests that are no longer open.
    booked: u64,
    /// Request, reserved, until.
    open: Vec<(String, u64, Timestamp)>,
}

/// A bucket that leaks a minute of time a minute: how full it was, and when that was.
#[derive(Clone, Default)]
struct Bucket {
    empty_at: u128,
}

impl Bucket {
    fn fits(&self, cost: u128, room: u128, now: Timestamp) -> bool {
        let now = u128::from(now.0) * 1000;
        self.empty_at.saturating_sub(now) + cost <= room
    }

    fn pour(&mut self, cost: u128, now: Timestamp) {
        self.empty_at = self.empty_at.max(u128::from(now.0) * 1000) + cost;
    }
}

const MINUTE: u128 = 60_000_000;

fn cost(units: u64, per_minute: NonZeroU32) -> u128 {
    (u128::from(units) * MINUTE).div_ceil(per_minute.get().into())
}

impl Reference {
    /// Of a subject for each of these limits.
    pub(super) fn of(limits: &[Limits]) -> Self {
        let account = |limits: &Limits| Account {
            limits: limits.clone(),
            requests: Bucket::default(),
            tokens: Bucket::default(),
            booked: 0,
            open: Vec::new(),
        };
        Self(limits.iter().map(account).collect())
    }

    /// All of them admit a request, or nothing has been: the first that refuses, and its limit.
    pub(super) fn admit(&mut self, demand: &Demand, now: Timestamp) -> Result<(), (usize, Limit)> {
        let mut after = self.0.clone();
        for (place, account) in after.iter_mut().enumerate() {
            account.admit(demand, now).map_err(|limit| (place, limit))?;
        }
        self.0 = after;
        Ok(())
    }

    /// The worst that came of it.
    pub(super) fn settle(&mut self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Settled {
        let settled = self.0.iter_mut().map(|account| account.settle(ticket, taken, now));
        settled.max().unwrap_or(Settled::Already)
    }
}

impl Account {
    fn admit(&mut self, demand: &Demand, now: Timestamp) -> Result<(), Limit> {
        let committed = self.booked + self.open.iter().map(|(_, micros, _)| micros).sum::<u64>();
        // What costs nothing passes whatever is spent.
        if demand.until.is_some() && committed + demand.micros > self.limits.micros.unwrap().get() {
            return Err(Limit::Spend);
        }
        let (requests, tokens) = (self.limits.requests_per_minute.unwrap(), self.limits.tokens_per_minute.unwrap());
        let (one, all) = (cost(1, requests), cost(demand.tokens, tokens));
        if !self.requests.fits(one, one * u128::from(self.limits.burst.get()), now) {
            return Err(Limit::Requests);
        }
        if !self.tokens.fits(all, MINUTE, now) {
            return Err(Limit::Tokens);
        }
        if let Some(until) = demand.until {
            let most = self.limits.max_open.get() as usize;
            if self.open.len() >= most {
                // Nobody closes what is in nobody's way.
                let (over, open): (Vec<_>, Vec<_>) = self.open.drain(..).partition(|(_, _, until)| *until <= now);
                self.booked += over.iter().map(|(_, micros, _)| micros).sum::<u64>();
                self.open = open;
            }
            if self.open.len() >= most {
                return Err(Limit::Open);
            }
            self.open.push((demand.request_id.clone(), demand.micros, until));
        }
        self.requests.pour(one, now);
        self.tokens.pour(all, now);
        Ok(())
    }

    fn settle(&mut self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Settled {
        let Some(place) = self.open.iter().position(|(id, _, _)| *id == ticket.request_id) else {
            return Settled::Already;
        };
        let (_, reserved, _) = self.open.swap_remove(place);
        self.booked += taken.micros;
        let rate = self.limits.tokens_per_minute.unwrap();
        let (was, is) = (cost(ticket.tokens, rate), cost(taken.tokens, rate));
        if taken.tokens > ticket.tokens {
            self.tokens.pour(cost(taken.tokens - ticket.tokens, rate), now);
        } else {
            let elapsed = u128::from(now.0.saturating_sub(ticket.at.0)) * 1000;
            self.tokens.empty_at -= (was - is).saturating_sub(elapsed);
        }
        if taken.micros > reserved { Settled::Overrun(taken.micros - reserved) } else { Settled::Booked }
    }
}
