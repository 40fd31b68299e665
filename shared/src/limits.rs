//! Admission: how much a caller, an end user or all of them together may ask, and what it may cost.
//!
//! Everything here is arithmetic on an [`Item`], which a [ledger](crate::ports::Ledger) keeps for each [`Subject`] and
//! budget window: requests and tokens by the minute ([`gcra`]), spend by the window, and the requests that are open.
//! Before Gemini is called, the dearest price that the request can have is reserved; afterwards the true one is
//! booked. What is committed (booked plus reserved) never passes the cap, however many race, as long as the ledger
//! applies each of these functions to an item as one atomic step.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

pub mod gcra;
mod item;
pub mod price;
mod recall;
mod ticket;
mod weight;
mod window;
mod written;

pub use item::{Item, Open, Settled};
pub use price::Rates;
pub use recall::{LONGEST as LONGEST_RECALL, Recall};
pub use ticket::{Admission, Claim, Hold, Kind, Quota, Refused, Standing, Subject, Ticket};
pub use weight::{CONTEXT_WINDOW, Weight};
pub use window::{Window, spelt};

/// What a subject may ask for. What is `None` has no bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a minute, in the long run.
    #[serde(deserialize_with = "written::number")]
    pub requests_per_minute: Option<NonZeroU32>,
    /// Requests that may come at once before the rate is enforced.
    pub burst: NonZeroU32,
    /// Tokens a minute, those of the prompt and those of the answer.
    #[serde(deserialize_with = "written::number")]
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Millionths of a dollar a window.
    #[serde(deserialize_with = "written::dollars", rename = "usd")]
    pub micros: Option<NonZeroU64>,
    /// When the budget begins anew.
    pub window: Window,
    /// Requests that may be open at once.
    pub max_open: NonZeroU32,
}

/// What a request asks of the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Names the request. Admitted again under the same name, it is charged once.
    pub request_id: String,
    /// The most tokens that it can take.
    pub tokens: u64,
    /// The dearest price that it can have, in millionths of a dollar.
    pub micros: u64,
    /// Until when it is certain to have ended; a reservation that is open then is booked. `None` for a request that
    /// costs nothing and counts by number alone.
    pub until: Option<Timestamp>,
}

/// What a request took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Tokens.
    pub tokens: u64,
    /// Millionths of a dollar.
    pub micros: u64,
}

/// Which limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Too many requests are open.
    Open,
    /// Too many requests in a minute.
    Requests,
    /// The budget.
    Spend,
    /// Too many tokens in a minute.
    Tokens,
}

/// When a refused request may do better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After this much time, in milliseconds.
    After(u64),
    /// Once the budget begins anew.
    At(Timestamp),
    /// Not as it stands: it asks for more than the limit ever allows.
    Never,
    /// Once open requests end, which cannot be foretold.
    Soon,
}

impl Limit {
    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Requests => "requests",
            Self::Spend => "spend",
            Self::Tokens => "tokens",
        }
    }
}

#[cfg(test)]
mod tests;
