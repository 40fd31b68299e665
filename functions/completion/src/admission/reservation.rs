//! What is reserved for a request, and what is due once it has ended.

use std::time::Duration;

use shared::answer::Usage;
use shared::limits::{Claim, Demand, Rates, Standing, Taken, Ticket, Weight};
use shared::ports::{Deadline, Failure};

/// The rule that records name where a request passed without being asked for its limits.
pub(super) const OPENING: &str = "admission.open";

/// What is reserved for a request, and what became of it.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// `None` where the ledger could not be asked and the policy is open, and once it is closed.
    pub(super) ticket: Option<Ticket>,
    /// The most that the request can take.
    most: Taken,
    /// The most tokens that its prompt can have, with everything that is sent.
    pub(super) input_tokens: u64,
    pub(super) rates: Rates,
    fate: Fate,
    /// Where its bytes alone were too much, or told nothing: what is to be reserved once Gemini has counted its tokens.
    pub(super) uncounted: Option<Uncounted>,
}

/// A request that holds a place, and less than it may take: its bytes were more than the limits allow, and its tokens
/// may not be, or they told nothing of them.
#[derive(Debug)]
pub(super) struct Uncounted {
    pub(super) weight: Weight,
    pub(super) claims: Vec<Claim>,
    pub(super) lasts: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Google has done nothing.
    Unasked,
    /// Google was asked.
    Asked,
    /// Google has begun to answer.
    Answered,
    /// It broke off: Google may have done more than it told.
    Unknown,
}

/// What is to be done with a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Give it back.
    Release,
    /// Book this.
    Settle(Taken),
}

impl Due {
    /// What the request costs.
    pub(crate) const fn cost_micros(self) -> u64 {
        match self {
            Self::Release => 0,
            Self::Settle(Taken { micros, .. }) => micros,
        }
    }
}

impl Reservation {
    pub(super) fn new(ticket: Option<Ticket>, demand: &Demand, input_tokens: u64, rates: Rates) -> Self {
        let most = Taken { tokens: demand.tokens, micros: demand.micros };
        Self { ticket, most, input_tokens, rates, fate: Fate::Unasked, uncounted: None }
    }

    /// The same, as a place to be counted in.
    pub(super) fn until_counted(self, uncounted: Uncounted) -> Self {
        Self { uncounted: Some(uncounted), ..self }
    }

    /// Whether Gemini has to count the prompt: its bytes alone are too much for this bound, or for the limits, or tell
    /// nothing.
    pub(crate) const fn needs_count(&self, most_input_tokens: u64) -> bool {
        self.uncounted.is_some() || self.input_tokens > most_input_tokens
    }

    /// What is left of the limits.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.ticket.as_ref().map(|ticket| ticket.standing)
    }

    /// The mark of a request that passed unasked.
    pub(crate) fn opening(&self) -> Option<String> {
        self.ticket.is_none().then(|| OPENING.to_owned())
    }

    /// From here on Google may do, and bill, the work.
    pub(crate) const fn asking(&mut self) {
        self.fate = Fate::Asked;
    }

    /// Google has begun to answer.
    pub(crate) const fn answered(&mut self) {
        self.fate = Fate::Answered;
    }

    /// What a failure tells of Google's work.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        let unknown = match failure {
            Failure::Cut(_)
            | Failure::Garbled(_)
            | Failure::TimedOut(Deadline::FirstByte | Deadline::Idle | Deadline::Total)
            // It gave up waiting for something that it may have begun.
            | Failure::Broken { status: 408 | 499 | 504 } => true,
            // Google said that it did nothing, or was never reached.
            Failure::Refused { .. }
            | Failure::KeyRejected { .. }
            | Failure::Account { .. }
            | Failure::NoSuchModel
            | Failure::Limited { .. }
            | Failure::Broken { .. }
            | Failure::Unreachable(_)
            | Failure::TimedOut(Deadline::Connect)
            | Failure::NoKey(_) => false,
        };
        self.fate = match self.fate {
            Fate::Asked if unknown => Fate::Unknown,
            Fate::Asked => Fate::Unasked,
            Fate::Answered if unknown => Fate::Unknown,
            fate @ (Fate::Unasked | Fate::Answered | Fate::Unknown) => fate,
        };
    }

    /// What is to be done, once the request has ended with this usage. Where Google has told none, or may have done
    /// more than it told, all that was reserved is booked, now rather than when its time is up: a request that has
    /// ended holds no place among the open ones.
    pub(crate) fn due(&self, usage: &Usage) -> Due {
        let told = *usage != Usage::default();
        match self.fate {
            Fate::Unasked => Due::Release,
            Fate::Answered if told => {
                let sum = [usage.prompt, usage.tool_use, usage.candidates, usage.thoughts];
                let tokens = sum.into_iter().fold(0, u64::saturating_add);
                Due::Settle(Taken { tokens, micros: self.rates.cost(usage) })
            }
            Fate::Asked | Fate::Answered | Fate::Unknown => Due::Settle(self.most),
        }
    }
}
