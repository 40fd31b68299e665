//! One change of an item, decided on what was seen of it.
//!
//! What was seen may be old. So an [`Update`] brings along what must hold of the item as it is, and says how far its
//! numbers move rather than where to: where all of that holds, it does to the item what the functions of [`Item`]
//! would have done, whatever others have done meanwhile. Where something does not hold, nothing is done.

use crate::clock::Timestamp;
use crate::limits::gcra::{Micros, Rate};
use crate::limits::{Demand, Item, Limit, Limits, Open, Retry, Settled, Taken, Ticket};

/// Reservations that one change closes at most, since `DynamoDB` takes expressions of some 300 terms only.
const CLOSED_AT_ONCE: usize = 50;

/// A number of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Committed,
    Tat,
    TokensTat,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// There is no item yet.
    NoItem,
    /// The request has no reservation.
    NotOpen(String),
    /// The request has a reservation of this amount.
    Reserved(String, u64),
    /// The request has a reservation, whose time is up.
    Over(String, Timestamp),
    /// There are fewer reservations.
    Fewer(u64),
    Above(Number, u64),
    AtLeast(Number, u64),
    AtMost(Number, u64),
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Create(Item),
    Set(Number, u64),
    Raise(Number, u64),
    Lower(Number, u64),
    Open(String, Open),
    Close(String),
}

/// One change of an item: all of it, if everything holds, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) tests: Vec<Test>,
    pub(super) changes: Vec<Change>,
}

/// What an admission does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The request is taken in.
    Admit(Update),
    /// More than one change closes is expired and in the way: this much of it goes, and the request has yet to come in.
    Clear(Update),
}

/// Takes a request in. `seen` is `None` where there is no item; the entry is `None` where there is nothing to change: the
/// request is in already, or nothing limits it.
///
/// # Errors
/// The limit that refuses what was seen, and when to try again.
pub(super) fn admission(
    seen: Option<&Item>,
    demand: &Demand,
    limits: &Limits,
    now: Timestamp,
) -> Result<Option<Entry>, (Limit, Retry)> {
    let mut after = seen.cloned().unwrap_or_default();
    after.admit(demand, limits, now)?;
    let Some(seen) = seen else {
        let update = Update { tests: vec![Test::NoItem], changes: vec![Change::Create(after)] };
        return Ok(Some(Entry::Admit(update)));
    };
    if seen.open.contains_key(&demand.request_id) {
        return Ok(None);
    }
    let mut update = Update::default();
    let in_the_way = demand.until.map_or(0, |_| in_the_way(seen, limits));
    if in_the_way > CLOSED_AT_ONCE {
        update.close_expired(seen, now);
        return Ok(Some(Entry::Clear(update)));
    }
    update.test(Test::NotOpen(demand.request_id.clone()));
    if let Some(rate) = limits.requests() {
        update.take(Number::Tat, rate, seen.tat, 1, now.into());
    }
    if let Some(rate) = limits.tokens() {
        update.take(Number::TokensTat, rate, seen.tokens_tat, demand.tokens, now.into());
    }
    if demand.micros > 0 {
        update.change(Change::Raise(Number::Committed, demand.micros));
    }
    if let Some(until) = demand.until {
        if let Some(cap) = limits.micros {
            update.test(Test::AtMost(Number::Committed, cap.get().saturating_sub(demand.micros)));
        }
        let closed = if in_the_way > 0 { update.close_expired(seen, now) } else { 0 };
        update.test(Test::Fewer(u64::from(limits.max_open.get()) + closed));
        let open = Open { micros: demand.micros, until };
        update.change(Change::Open(demand.request_id.clone(), open));
    }
    Ok((!update.changes.is_empty()).then_some(Entry::Admit(update)))
}

/// How many reservations have to go before there is a place for one more.
fn in_the_way(seen: &Item, limits: &Limits) -> usize {
    let places = usize::try_from(limits.max_open.get()).unwrap_or(usize::MAX);
    seen.open.len().saturating_add(1).saturating_sub(places)
}

/// Books what a request took in place of its reservation; `None` where it has none.
pub(super) fn settlement(
    seen: &Item,
    ticket: &Ticket,
    taken: Taken,
    limits: &Limits,
    now: Timestamp,
) -> Option<(Update, Settled)> {
    let open = seen.open.get(&ticket.request_id)?;
    let mut update = Update::default();
    update.test(Test::Reserved(ticket.request_id.clone(), open.micros));
    update.change(Change::Close(ticket.request_id.clone()));
    match (taken.micros.checked_sub(open.micros), open.micros.checked_sub(taken.micros)) {
        (Some(more), None) => update.change(Change::Raise(Number::Committed, more)),
        (None, Some(less)) => update.change(Change::Lower(Number::Committed, less)),
        _ => {}
    }
    if let Some(rate) = limits.tokens() {
        update.correct(Number::TokensTat, rate, seen.tokens_tat, [ticket.tokens, taken.tokens], [ticket.at, now]);
    }
    let settled = match taken.micros.saturating_sub(open.micros) {
        0 => Settled::Booked,
        by => Settled::Overrun(by),
    };
    Some((update, settled))
}

/// Takes a request back as if it had never been; `None` where there is nothing to take back.
pub(super) fn undoing(seen: &Item, ticket: &Ticket, limits: &Limits, now: Timestamp) -> Option<Update> {
    let mut update = match settlement(seen, ticket, Taken::default(), limits, now) {
        Some((update, _)) => update,
        None if ticket.opened => return None,
        None => Update::default(),
    };
    if let Some(rate) = limits.requests() {
        update.correct(Number::Tat, rate, seen.tat, [1, 0], [ticket.at, now]);
    }
    (!update.changes.is_empty()).then_some(update)
}

impl Update {
    fn test(&mut self, test: Test) {
        self.tests.push(test);
    }

    fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Moves a `tat` on. `DynamoDB` knows no maximum of two numbers, so that idle and busy are two changes, and what
    /// was seen chooses.
    fn take(&mut self, number: Number, rate: Rate, seen: Micros, units: u64, now: Micros) {
        let cost = rate.cost(units);
        if seen > now {
            self.test(Test::Above(number, now.0));
            self.test(Test::AtMost(number, now.0.saturating_add(rate.tolerance()).saturating_sub(cost)));
            self.change(Change::Raise(number, cost));
        } else {
            self.test(Test::AtMost(number, now.0));
            self.change(Change::Set(number, now.0.saturating_add(cost)));
        }
    }

    /// Corrects a `tat` for units that were taken and turn out otherwise.
    fn correct(&mut self, number: Number, rate: Rate, seen: Micros, units: [u64; 2], times: [Timestamp; 2]) {
        let ([taken, used], [then, now]) = (units, times.map(Micros::from));
        if used > taken {
            let more = rate.cost(used - taken);
            if seen > now {
                self.test(Test::Above(number, now.0));
                self.change(Change::Raise(number, more));
            } else {
                self.test(Test::AtMost(number, now.0));
                self.change(Change::Set(number, now.0.saturating_add(more)));
            }
            return;
        }
        let back = rate.back(taken, used, then, now);
        if back == 0 {
            return;
        }
        if seen.0 >= back {
            self.test(Test::AtLeast(number, back));
            self.change(Change::Lower(number, back));
        } else {
            self.test(Test::AtMost(number, back));
            self.change(Change::Set(number, 0));
        }
    }

    /// Closes reservations whose time is up, as many as one change may, and tells how many.
    fn close_expired(&mut self, seen: &Item, now: Timestamp) -> u64 {
        let over = seen.open.iter().filter(|(_, open)| open.until <= now).take(CLOSED_AT_ONCE);
        let mut closed = 0;
        for (id, _) in over {
            self.test(Test::Over(id.clone(), now));
            self.change(Change::Close(id.clone()));
            closed += 1;
        }
        closed
    }
}

#[cfg(test)]
mod tests;
