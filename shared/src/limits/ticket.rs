//! What a ledger is asked and what it answers.

use std::fmt;

use super::{Demand, Item, Limit, Limits, Retry};
use crate::clock::Timestamp;

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All callers together.
    All,
    /// A caller.
    Caller,
    /// An end user of a caller.
    User,
}

/// Who is limited. Its text is the key under which a ledger keeps its items.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    /// A caller, by name: the budget stays when its key is renewed.
    #[must_use]
    pub fn caller(name: &str) -> Self {
        Self(format!("caller/{name}"))
    }

    /// An end user, who is one caller's. `user` is a hash of the name: a ledger keeps no names.
    #[must_use]
    pub fn user(caller: &str, user: &str) -> Self {
        Self(format!("user/{user}/{caller}"))
    }

    /// One of the items that share the limit of all callers together.
    #[must_use]
    pub fn shard(number: u32) -> Self {
        Self(format!("all/{number}"))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Caller => "caller",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A subject, and what it is limited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose limits these are.
    pub kind: Kind,
    /// Who is limited.
    pub subject: Subject,
    /// To what.
    pub limits: Limits,
}

/// A ledger's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Everything is reserved with every subject.
    Admitted(Ticket),
    /// Nothing is reserved with any.
    Refused(Box<Refused>),
}

/// What an admitted request holds, to be settled or released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The request.
    pub request_id: String,
    /// When it was admitted.
    pub at: Timestamp,
    /// The tokens that were taken.
    pub tokens: u64,
    /// The price that was reserved, in millionths of a dollar.
    pub micros: u64,
    /// Whether there is a reservation at all.
    pub opened: bool,
    /// With whom.
    pub holds: Vec<Hold>,
    /// What is left, of each limit that of the subject with the least.
    pub standing: Standing,
}

/// A subject's item that a request is charged to: that of the window in which it was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The subject.
    pub subject: Subject,
    /// When the item's window began.
    pub window: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// The limits at the time.
    pub limits: Limits,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whose limit it is.
    pub kind: Kind,
    /// Which one.
    pub limit: Limit,
    /// When to try again.
    pub retry: Retry,
    /// What that subject has left.
    pub standing: Standing,
}

/// What is left of each limit that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Of the requests.
    pub requests: Option<Quota>,
    /// Of the tokens.
    pub tokens: Option<Quota>,
    /// Of the budget, in millionths of a dollar.
    pub spend: Option<Quota>,
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit itself.
    pub most: u64,
    /// What is left.
    pub left: u64,
    /// When all of it is there again, in milliseconds.
    pub full_in_ms: u64,
    /// The time it is for.
    pub window_ms: u64,
}

impl Claim {
    /// Which item the claim is on.
    #[must_use]
    pub fn hold(&self, now: Timestamp) -> Hold {
        let window = self.limits.window;
        let (subject, limits) = (self.subject.clone(), self.limits.clone());
        Hold { subject, window: window.start(now), ends: window.end(now), limits }
    }

    /// Takes a request into this claim's item, and what it holds into the ticket.
    ///
    /// # Errors
    /// The refusal; item and ticket are as before.
    pub fn admit(&self, item: &mut Item, demand: &Demand, ticket: &mut Ticket) -> Result<(), Box<Refused>> {
        let admitted = item.admit(demand, &self.limits, ticket.at);
        admitted.map_err(|(limit, retry)| self.refusal(limit, retry, item, ticket.at))?;
        ticket.add(self, item);
        Ok(())
    }

    /// The refusal of a request by this claim's item.
    #[must_use]
    pub fn refusal(&self, limit: Limit, retry: Retry, item: &Item, now: Timestamp) -> Box<Refused> {
        Box::new(Refused { kind: self.kind, limit, retry, standing: item.standing(&self.limits, now) })
    }
}

impl Ticket {
    /// A ticket that holds nothing yet.
    #[must_use]
    pub fn new(demand: &Demand, now: Timestamp) -> Self {
        Self {
            request_id: demand.request_id.clone(),
            at: now,
            tokens: demand.tokens,
            micros: demand.micros,
            opened: demand.until.is_some(),
            holds: Vec::new(),
            standing: Standing::default(),
        }
    }

    /// Adds what the request holds with a claim, whose item has taken it in.
    pub fn add(&mut self, claim: &Claim, item: &Item) {
        self.standing = self.standing.tighter(item.standing(&claim.limits, self.at));
        self.holds.push(claim.hold(self.at));
    }
}

impl Refused {
    /// Whether the limit that refuses goes by how much is asked for, so that it may let a smaller demand pass.
    #[must_use]
    pub const fn leaves_room_for_less(&self) -> bool {
        match self.limit {
            Limit::Open | Limit::Requests => false,
            Limit::Spend | Limit::Tokens => true,
        }
    }
}

impl Standing {
    /// Of each limit the one with less left.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let less = |one: Option<Quota>, other: Option<Quota>| match (one, other) {
            (Some(one), Some(other)) => Some(if other.left < one.left { other } else { one }),
            (one, other) => one.or(other),
        };
        Self {
            requests: less(self.requests, other.requests),
            tokens: less(self.tokens, other.tokens),
            spend: less(self.spend, other.spend),
        }
    }
}
