//! The callers: one item each, under its id.
//!
//! # Items
//!
//! The key is `id` (S). A caller has `name` (S), `secret_hash` (B, SHA-256; absent where there is a role), `role` (S,
//! the role's ARN; absent where there is a key), `created` (N, ms) and, once it is shut out, `revoked` (N, ms). The name
//! of an active caller is claimed by an item of its own, `id = "name/NAME"`, with the id as its `holder` (S).
//!
//! # Looking up
//!
//! A look-up is one consistent `GetItem`, half a kilobyte and one read unit; it is made once more should it fail or have
//! no answer within 300 ms, and however many ask for the same caller at once, it is made for all of them. What was found
//! is believed for 45 s, counted from before it was asked for: a revocation is felt within 60 s, however the clock is
//! corrected meanwhile within reason, also and all the more while `DynamoDB` is down. That there is no such caller
//! is believed for 10 s, in a bounded space of its own, so that invented ids drive out no caller.
//!
//! Permissions: `dynamodb:GetItem` on the table. The [`Register`], which is the operator's, needs more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::sync::OnceCell;

use super::attributes::{Attributes, text_of};
use super::cache::Cache;
use super::{ATTEMPT, Error, bare, read};
use crate::caller::{Caller, Credential, Id, Role};
use crate::clock::{Clock, Timestamp};
use crate::ports::{self, Unavailable};

mod register;

pub use register::{Listed, Register};

/// How long a caller that was found is believed, in milliseconds. A quarter of the 60 s that are promised is left for
/// the look-up itself, and for clocks that are corrected.
const FOUND_MS: u64 = 45_000;
/// How long it is believed that there is no such caller: who tries a key before it is made waits no longer than this.
const UNKNOWN_MS: u64 = 10_000;
/// How many callers are remembered at least, and how many ids of none; twice as many of each at most.
const REMEMBERED: usize = 512;

const CREATED: &str = "created";
const ID: &str = "id";
const NAME: &str = "name";
const REVOKED: &str = "revoked";
const ROLE: &str = "role";
const SECRET_HASH: &str = "secret_hash";

/// Looks up callers in a `DynamoDB` table.
#[derive(Debug)]
pub struct Callers<C> {
    client: Client,
    table: String,
    clock: C,
    /// How long an attempt may take.
    attempt: Duration,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    callers: Cache<Id, (Timestamp, Caller)>,
    unknown: Cache<Id, Timestamp>,
    /// Look-ups on their way.
    asked: HashMap<Id, Arc<Question>>,
}

/// A look-up that several wait for. Should the one that makes it be dropped, another of them makes it.
type Question = OnceCell<Result<Option<Caller>, Arc<Error>>>;

impl<C: Clock> Callers<C> {
    /// The callers in this table.
    #[must_use]
    pub fn new(client: &Client, table: impl Into<String>, clock: C) -> Self {
        let (callers, unknown) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        let known = Mutex::new(Known { callers, unknown, asked: HashMap::new() });
        Self { client: bare(client), table: table.into(), clock, attempt: ATTEMPT, known }
    }

    /// The same with this much time for an attempt, for a table that is farther away.
    #[must_use]
    pub fn with_attempts_of(self, attempt: Duration) -> Self {
        Self { attempt, ..self }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_up(&self, id: &Id) -> Result<Option<Caller>, Arc<Error>> {
        let asked = self.clock.now();
        let found = read(self.attempt, async || item(&self.client, &self.table, id.as_str()).await).await;
        let found = found.and_then(|item| item.map(|item| caller(&item)).transpose());
        let mut known = self.known();
        match &found {
            Ok(Some(caller)) => known.callers.put(id.clone(), (asked, caller.clone())),
            Ok(None) => known.unknown.put(id.clone(), asked),
            Err(_) => {}
        }
        found.map_err(Arc::new)
    }
}

impl<C: Clock> ports::Callers for Callers<C> {
    async fn find(&self, id: &Id) -> Result<Option<Caller>, Unavailable> {
        let question = {
            let mut known = self.known();
            if let Some(answer) = known.recall(id, self.clock.now()) {
                return Ok(answer);
            }
            Asking { callers: self, id, question: known.ask(id) }
        };
        let answer = question.question.get_or_init(|| self.look_up(id)).await;
        answer.clone().map_err(unavailable)
    }
}

impl Known {
    fn recall(&mut self, id: &Id, now: Timestamp) -> Option<Option<Caller>> {
        // A clock that was set back tells nothing of how old anything is.
        let within = |then: Timestamp, most: u64| now.0.checked_sub(then.0).is_some_and(|age| age < most);
        match self.callers.get(id) {
            Some((then, caller)) if within(*then, FOUND_MS) => return Some(Some(caller.clone())),
            Some(_) => self.callers.remove(id),
            None => {}
        }
        match self.unknown.get(id) {
            Some(then) if within(*then, UNKNOWN_MS) => return Some(None),
            Some(_) => self.unknown.remove(id),
            None => {}
        }
        None
    }

    fn ask(&mut self, id: &Id) -> Arc<Question> {
        Arc::clone(self.asked.entry(id.clone()).or_default())
    }
}

/// One who waits for a look-up. The last to leave, with an answer or without, takes it away.
struct Asking<'a, C: Clock> {
    callers: &'a Callers<C>,
    id: &'a Id,
    question: Arc<Question>,
}

impl<C: Clock> Drop for Asking<'_, C> {
    fn drop(&mut self) {
        if let Entry::Occupied(asked) = self.callers.known().asked.entry(self.id.clone()) {
            let ours = Arc::ptr_eq(asked.get(), &self.question);
            // An answer is in the caches, or is a failure that is nobody else's.
            let over = self.question.initialized() || Arc::strong_count(&self.question) <= 2;
            if ours && over {
                asked.remove();
            }
        }
    }
}

/// Reads one item.
async fn item(client: &Client, table: &str, id: &str) -> Result<Option<Attributes>, Error> {
    let request = client.get_item().table_name(table).key(ID, AttributeValue::S(id.to_owned()));
    Ok(request.consistent_read(true).send().await.map_err(Error::of)?.item)
}

/// Reads a caller. One that is half a caller is none that may call.
fn caller(item: &Attributes) -> Result<Caller, Error> {
    let id = Id::parse(text_of(item, ID)?).map_err(|_| Error::Garbled("the id is none"))?;
    let credential = match (item.get(SECRET_HASH), item.get(ROLE)) {
        (Some(AttributeValue::B(hash)), None) => {
            Credential::Key(hash.as_ref().try_into().map_err(|_| Error::Garbled("the secret's hash is none"))?)
        }
        (None, Some(AttributeValue::S(arn))) => {
            Credential::Role(Role::parse(arn).map_err(|_| Error::Garbled("the role is none"))?)
        }
        _ => return Err(Error::Garbled("a caller has either a key or a role")),
    };
    Ok(Caller { id, name: text_of(item, NAME)?.to_owned(), credential, revoked: item.contains_key(REVOKED) })
}

fn unavailable(error: impl Into<ports::Cause>) -> Unavailable {
    Unavailable { store: "callers", cause: error.into() }
}

#[cfg(test)]
mod tests;
