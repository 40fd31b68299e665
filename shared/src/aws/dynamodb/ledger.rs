//! The ledger: one item for each subject and window, one conditional write for each change.
//!
//! # Items
//!
//! The key is `subject` (S) and `window` (N, the window's start in ms). `tat` and `tokens_tat` (N, µs), `committed` (N,
//! micro-dollars), `open` (M: request id to a list of amount and `until`, ms), `ends` (N, ms), `expires` (N, seconds:
//! the table's TTL, a week past the window's end; nothing depends on whether or when the item then goes).
//!
//! # Round trips
//!
//! An admission is one conditional `UpdateItem` a claim, in the order of the claims; settling, releasing and giving
//! back are one a hold, all holds at once. The write's condition proves that there is room, and its numbers move
//! rather than being set, so that writers who race do not disturb each other. The condition depends on what was last
//! seen of the item in this process in two things only: whether each `tat` lies in the past, and what has expired.
//!
//! | what was seen | round trips a claim |
//! | --- | --- |
//! | the item as it is, or changed by others in its amounts | 1 write |
//! | nothing yet, or another side of a `tat` | 2 writes: the first fails and brings the item along |
//! | nothing yet, and there is no item | 2 writes |
//! | a refusal, and it still refuses | 1 read, no write: a flood of refusals does not use up the item's writes |
//! | a refusal, and there is room again | 1 read, 1 write |
//! | the item as it is, and it refuses now | 1 write, which fails |
//! | more that is expired and in the way than one write closes | 1 write more for each further fifty |
//!
//! Where a failed condition brings no item along, one more write finds out whether there is none, then one read
//! follows. A refusal by a later claim adds a write for each earlier one.
//!
//! An item that was made for a shorter window, before the policy changed, is made to last by one write more, once.
//!
//! A write takes one write unit for each started KB of the item, whether or not its condition holds: some 60 bytes a
//! reservation, so that one unit does for fifteen, and 200 take twelve. A consistent read takes a read unit for 4 KB.
//!
//! # What is tried how long
//!
//! An admission has a second in all. An attempt that fails, or has no answer within 300 ms, is made once more; that it
//! was done after all does no harm, since a request that is in is not charged again. Without a reservation there is
//! nothing to know it by: such a request, which costs nothing, may then count twice against the rates. Throttling is
//! told at once. Whatever is held, or may be held, when an admission fails or is refused is given back, as far as
//! `DynamoDB` can be reached; what cannot be given back is booked when its time is up, and a refusal stays one.
//! Settling and releasing, which nothing can make up for, are tried for up to three seconds, throttled or not.
//!
//! # Clocks
//!
//! The time is the writer's. One that is behind refuses more; one that is ahead by some seconds admits so many seconds'
//! worth more, once, and books reservations so many seconds early, which is why `until` has to lie well beyond
//! the request's own end.
//!
//! Permissions: `dynamodb:UpdateItem` and `dynamodb:GetItem` on the table.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures_util::future::join_all;

use super::attributes::Attributes;
use super::cache::Cache;
use super::{ATTEMPT, Error, Patience, attempt, bare, read};
use crate::clock::Timestamp;
use crate::limits::gcra::Micros;
use crate::limits::{Admission, Claim, Demand, Hold, Item, Open, Refused, Settled, Subject, Taken, Ticket};
use crate::ports::{self, Unavailable};

mod expression;
mod update;

use expression::Expression;
use update::{Entry, Update, admission, settlement, undoing};

/// How many changes by others a step bears before it gives up. Each of them is a `tat` that passed the clock, or an
/// expired reservation that somebody else closed: one or two are usual where many race.
const RACES: u32 = 8;

/// How many items are remembered at least; twice as many at most, of some kilobytes each where many requests are open.
const REMEMBERED: usize = 128;

/// The ledger in a `DynamoDB` table.
#[derive(Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    pace: Pace,
    remembered: Mutex<Cache<Key, Item>>,
}

/// How long the ledger tries.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// One attempt.
    pub attempt: Duration,
    /// An admission, with every claim.
    pub admit: Duration,
    /// Giving back what an admission that came to nothing holds.
    pub give_back: Duration,
    /// Settling or releasing.
    pub settle: Duration,
}

impl Default for Pace {
    /// # Defaults
    /// 300 ms; 1 s, which has room for three attempts without an answer; 500 ms; 3 s.
    fn default() -> Self {
        Self {
            attempt: ATTEMPT,
            admit: Duration::from_secs(1),
            give_back: Duration::from_millis(500),
            settle: Duration::from_secs(3),
        }
    }
}

type Key = (Subject, u64);

/// What is known of an item.
struct Seen {
    item: Option<Item>,
    /// Whether this step has been told of it; else it is remembered, or a guess.
    told: bool,
}

/// What became of a write.
enum Written {
    Done(Item),
    /// Something did not hold of this item.
    Failed(Option<Item>),
}

impl Ledger {
    /// The ledger in this table, at its default pace.
    #[must_use]
    pub fn new(client: &Client, table: impl Into<String>) -> Self {
        let remembered = Mutex::new(Cache::new(REMEMBERED));
        Self { client: bare(client), table: table.into(), pace: Pace::default(), remembered }
    }

    /// The same at another pace, for a table that is farther away.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Takes a request in with one claim. `in_doubt` becomes true where that may have been done without an answer.
    async fn take(
        &self,
        claim: &Claim,
        demand: &Demand,
        ticket: &mut Ticket,
        in_doubt: &mut bool,
    ) -> Result<Result<(), Box<Refused>>, Error> {
        let (hold, limits, now) = (claim.hold(ticket.at), &claim.limits, ticket.at);
        let remembered = self.recall(&hold);
        let mut seen = Seen { item: Some(remembered.unwrap_or_default()), told: false };
        for _ in 0..RACES {
            let (update, admits) = match (admission(seen.item.as_ref(), demand, limits, now), seen.told) {
                (Ok(Some(Entry::Admit(update))), _) => (update, true),
                (Ok(Some(Entry::Clear(update))), _) => (update, false),
                (Ok(None) | Err(_), false) => {
                    seen = Seen { item: self.read(&hold).await?, told: true };
                    continue;
                }
                (Ok(None), true) => {
                    ticket.add(claim, &seen.item.unwrap_or_default());
                    return Ok(Ok(()));
                }
                (Err((limit, retry)), true) => {
                    return Ok(Err(claim.refusal(limit, retry, &seen.item.unwrap_or_default(), now)));
                }
            };
            seen = match self.write(&hold, &update, Patience::BRIEF, in_doubt).await? {
                Written::Done(item) if admits => {
                    ticket.add(claim, &item);
                    return Ok(Ok(()));
                }
                Written::Done(item) | Written::Failed(Some(item)) => Seen { item: Some(item), told: true },
                // Either there is no item, or it was not brought along.
                Written::Failed(None) if seen.item.is_some() => Seen { item: None, told: false },
                Written::Failed(None) => Seen { item: self.read(&hold).await?, told: true },
            };
        }
        Err(Error::Contended)
    }

    /// Takes a request in with every claim, and into the ticket what it holds so far. `in_doubt` tells whether the claim
    /// after those may have let it in as well.
    async fn take_all(
        &self,
        claims: &[Claim],
        demand: &Demand,
        ticket: &mut Ticket,
        in_doubt: &mut bool,
    ) -> Result<Result<(), Box<Refused>>, Error> {
        for claim in claims {
            *in_doubt = false;
            if let Err(refused) = self.take(claim, demand, ticket, in_doubt).await? {
                return Ok(Err(refused));
            }
        }
        Ok(Ok(()))
    }

    /// Changes the item of a hold by `change`, which is asked anew whenever the item turns out otherwise.
    async fn change(
        &self,
        hold: &Hold,
        ticket: &Ticket,
        patience: Patience,
        change: impl Fn(&Item) -> Option<(Update, Settled)>,
    ) -> Result<Settled, Error> {
        let mut seen = self.presumed(hold, ticket);
        let mut done_in_doubt = Settled::Already;
        for _ in 0..RACES {
            let Some((update, settled)) = change(&seen) else { return Ok(done_in_doubt) };
            let mut in_doubt = false;
            let item = match self.write(hold, &update, patience, &mut in_doubt).await? {
                Written::Done(_) => return Ok(settled),
                Written::Failed(Some(item)) => Some(item),
                Written::Failed(None) => self.read(hold).await?,
            };
            // Should the reservation be gone, an attempt of ours whose answer was lost has most likely done it. What
            // it then said of an overrun must not be lost with it.
            if in_doubt {
                done_in_doubt = settled;
            }
            match item {
                Some(item) => seen = item,
                None => return Ok(done_in_doubt),
            }
        }
        Err(Error::Contended)
    }

    /// Changes the items of all holds, and returns the worst that happened to one. A failure of one holds up no other.
    async fn change_all<'t>(
        &self,
        holds: &'t [Hold],
        ticket: &Ticket,
        patience: Patience,
        within: Duration,
        change: impl Fn(&'t Hold, &Item) -> Option<(Update, Settled)>,
    ) -> Result<Settled, Error> {
        let changes = holds.iter().map(|hold| self.change(hold, ticket, patience, |item| change(hold, item)));
        let changed = tokio::time::timeout(within, join_all(changes)).await.map_err(|_| Error::TimedOut)?;
        changed.into_iter().try_fold(Settled::Already, |worst, settled| Ok(worst.max(settled?)))
    }

    /// Takes a request back from `holds`.
    async fn undo(&self, holds: &[Hold], ticket: &Ticket, now: Timestamp) -> Result<(), Error> {
        // Only a reservation tells that it has been taken back already.
        let patience = if ticket.opened { Patience::BRIEF } else { Patience::NONE };
        let undo = |hold: &Hold, item: &Item| Some((undoing(item, ticket, &hold.limits, now)?, Settled::Booked));
        self.change_all(holds, ticket, patience, self.pace.give_back, undo).await.map(drop)
    }

    async fn write(
        &self,
        hold: &Hold,
        update: &Update,
        patience: Patience,
        in_doubt: &mut bool,
    ) -> Result<Written, Error> {
        let Expression { condition, update, names, values } = Expression::of(update, hold);
        let once = async || {
            let request = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(expression::key(hold)))
                .condition_expression(&condition)
                .update_expression(&update)
                .set_expression_attribute_names(Some(names.clone()))
                .set_expression_attribute_values(Some(values.clone()))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            match request.send().await {
                Ok(output) => {
                    let attributes = output.attributes.unwrap_or_default();
                    let is_brief = expression::ends(&attributes).is_some_and(|ends| ends < hold.ends);
                    Ok((Written::Done(item(Some(&attributes))?.unwrap_or_default()), is_brief))
                }
                Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                    let UpdateItemError::ConditionalCheckFailedException(failed) = error.into_err() else {
                        return Ok((Written::Failed(None), false));
                    };
                    Ok((Written::Failed(item(failed.item.as_ref())?), false))
                }
                Err(error) => Err(Error::of(error)),
            }
        };
        let (written, is_brief) = attempt(patience, self.pace.attempt, in_doubt, once).await?;
        if is_brief {
            self.prolong(hold).await;
        }
        if let Written::Done(item) | Written::Failed(Some(item)) = &written {
            self.remember(hold, item);
        }
        Ok(written)
    }

    /// Has an item last to the end of this hold's window: a day and a month may begin together, and the policy may have
    /// changed from one to the other.
    async fn prolong(&self, hold: &Hold) {
        let Expression { condition, update, names, values } = Expression::prolonging(hold);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(expression::key(hold)))
            .condition_expression(condition)
            .update_expression(update)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        // Where it fails somebody else has done it, or the next write of the item will see that it is still to be done.
        drop(tokio::time::timeout(self.pace.attempt, request.send()).await);
    }

    async fn read(&self, hold: &Hold) -> Result<Option<Item>, Error> {
        let once = async || {
            let request = self.client.get_item().table_name(&self.table).set_key(Some(expression::key(hold)));
            let output = request.consistent_read(true).send().await.map_err(Error::of)?;
            item(output.item.as_ref())
        };
        let item = read(self.pace.attempt, once).await?;
        if let Some(item) = &item {
            self.remember(hold, item);
        }
        Ok(item)
    }

    fn recall(&self, hold: &Hold) -> Option<Item> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(&(hold.subject.clone(), hold.window.0)).cloned()
    }

    fn remember(&self, hold: &Hold, item: &Item) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.put((hold.subject.clone(), hold.window.0), item.clone());
    }

    /// The item of a request that was admitted, with the request's reservation in it.
    fn presumed(&self, hold: &Hold, ticket: &Ticket) -> Item {
        let busy = Item { tat: Micros(u64::MAX), tokens_tat: Micros(u64::MAX), ..Item::default() };
        let mut item = self.recall(hold).unwrap_or(busy);
        if ticket.opened {
            let open = Open { micros: ticket.micros, until: ticket.at };
            item.open.entry(ticket.request_id.clone()).or_insert(open);
        }
        item
    }
}

impl ports::Ledger for Ledger {
    async fn admit(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> Result<Admission, Unavailable> {
        let (mut ticket, mut in_doubt) = (Ticket::new(demand, now), false);
        let taking = self.take_all(claims, demand, &mut ticket, &mut in_doubt);
        match tokio::time::timeout(self.pace.admit, taking).await.unwrap_or(Err(Error::TimedOut)) {
            Ok(Ok(())) => Ok(Admission::Admitted(ticket)),
            Ok(Err(refused)) => {
                // Where this fails the refusal is known all the same: who takes no answer for a yes must not get none.
                if let Err(error) = self.undo(&ticket.holds, &ticket, now).await {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::error!(code = "ledger_unavailable", %error, cause, "a refused request is not given back");
                }
                Ok(Admission::Refused(refused))
            }
            Err(error) => {
                let mut holds = ticket.holds.clone();
                // The claim that failed may have let the request in all the same; a reservation would tell.
                let unheard = claims.get(holds.len()).filter(|_| ticket.opened && (in_doubt || error.in_doubt()));
                holds.extend(unheard.map(|claim| claim.hold(now)));
                // What cannot be given back either is booked when its time is up.
                drop(self.undo(&holds, &ticket, now).await);
                Err(unavailable(error))
            }
        }
    }

    async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        let settle = |hold: &Hold, item: &Item| settlement(item, ticket, taken, &hold.limits, now);
        self.change_all(&ticket.holds, ticket, Patience::LONG, self.pace.settle, settle).await.map_err(unavailable)
    }

    async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        self.settle(ticket, Taken::default(), now).await.map(drop)
    }
}

fn item(attributes: Option<&Attributes>) -> Result<Option<Item>, Error> {
    attributes.filter(|attributes| !attributes.is_empty()).map(expression::item).transpose()
}

fn unavailable(error: Error) -> Unavailable {
    Unavailable { store: "ledger", cause: error.into() }
}
