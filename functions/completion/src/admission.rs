//! Admission: the dearest price of a request is reserved before Gemini is called, and what it took is booked after.

use std::fmt;
use std::time::Duration;

use shared::answer::Usage;
use shared::caller::Caller;
use shared::clock::{Clock, Timestamp};
use shared::limits::{Admission, Demand, Limit, Rates, Refused, Retry, Settled, Standing, Taken, Ticket, spelt};
use shared::policy::{OnUnavailable, Policy};
use shared::ports::{AuditQueue, Callers, Deadline, Failure, Model};
use shared::telemetry::Chain;

use crate::compose::Bounded;
use crate::gate::Visit;
use crate::problem::{Code, Problem};
use crate::routes::Operation;
use crate::service::Passage;
use crate::surface::Ask;

mod accounts;
mod headers;
mod refusals;
mod weight;

pub use accounts::Accounts;
pub(crate) use headers::tell;
pub(crate) use refusals::record as record_refusals;

/// How long beyond the deadline for all of an answer a reservation lasts: for what is done before and after it.
const GRACE: Duration = Duration::from_secs(60);

/// When to ask again for what open requests hold: they take seconds.
const SOON: Duration = Duration::from_secs(1);

/// The rule that records name where a request passed without being asked for its limits.
const OPENING: &str = "admission.open";

/// Who asks for what.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) user: Option<&'a str>,
    pub(crate) model: &'a str,
    pub(crate) operation: Operation,
}

/// What is reserved for a request, and what became of it.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// `None` where the ledger could not be asked and the policy is open, and once it is closed.
    ticket: Option<Ticket>,
    /// The most that the request can take.
    most: Taken,
    rates: Rates,
    fate: Fate,
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

/// Admits a request, or says why not.
pub(crate) async fn admit<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    asking: &Asking<'_>,
    ask: &Ask,
    bounded: &Bounded,
) -> Result<Reservation, Problem> {
    let parts = &visit.parts;
    let policy = &visit.rules.policy;
    let now = parts.clock.now();
    record_refusals(parts, Some(now)).await;
    let rates = policy.prices.at(asking.model, now).ok_or_else(|| {
        tracing::error!(code = Code::ModelUnpriced.as_str(), model = asking.model, "no price holds for this model now");
        Problem::new(Code::ModelUnpriced, "the operator has not said what this model costs now; choose another one")
    })?;
    let mut demand = Demand { request_id: visit.request_id.clone(), tokens: 0, micros: 0, until: None };
    let mut rates = rates;
    // Counting costs nothing: it is held to the number of requests alone.
    if asking.operation != Operation::Count {
        let weight = weight::of(ask, &bounded.generation, policy);
        if weight.has_audio() {
            rates = rates.with_audio();
        }
        let lasts = u64::try_from((parts.config.deadlines.total + GRACE).as_millis()).unwrap_or(u64::MAX);
        demand.tokens = weight.tokens();
        demand.micros = rates.dearest(&weight);
        demand.until = Some(Timestamp(now.0.saturating_add(lasts)));
    }
    let ticket = take(visit, asking, &demand, now).await?;
    let most = Taken { tokens: demand.tokens, micros: demand.micros };
    Ok(Reservation { ticket, most, rates, fate: Fate::Unasked })
}

/// The most tokens that a request's prompt can have, with everything that is sent.
pub(crate) fn most_input_tokens(ask: &Ask, bounded: &Bounded, policy: &Policy) -> u64 {
    weight::of(ask, &bounded.generation, policy).input_tokens()
}

/// Admits a request that is answered without Google.
pub(crate) async fn glance<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    caller: &Caller,
) -> Result<(), Problem> {
    let now = visit.parts.clock.now();
    let demand = Demand { request_id: visit.request_id.clone(), tokens: 0, micros: 0, until: None };
    let asking = Asking { caller, user: None, model: "", operation: Operation::Count };
    take(visit, &asking, &demand, now).await.map(drop)
}

/// `None` where the ledger cannot be asked and the policy is open.
async fn take<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    asking: &Asking<'_>,
    demand: &Demand,
    now: Timestamp,
) -> Result<Option<Ticket>, Problem> {
    let parts = &visit.parts;
    let policy = &visit.rules.policy;
    // The ledger keeps no names, whatever the records do.
    let user = asking.user.map(|user| visit.pepper.hmac("user", user));
    let claims = policy.admission.claims(&asking.caller.name, user.as_deref(), &visit.request_id);
    match parts.accounts.admit(&claims, demand, now).await {
        Ok(Admission::Admitted(ticket)) => Ok(Some(ticket)),
        Ok(Admission::Refused(refused)) => {
            refusals::count(visit, asking, &refused, now);
            Err(problem(&refused, now))
        }
        Err(unavailable) => match policy.admission.on_unavailable {
            OnUnavailable::Closed => {
                tracing::error!(code = "ledger_unavailable", error = %Chain(&unavailable), "the ledger cannot be asked");
                let message =
                    "the limits cannot be checked at the moment, and without that nothing is answered; try again";
                Err(Problem::new(Code::LedgerUnavailable, message))
            }
            OnUnavailable::Open => {
                tracing::error!(code = "admission_open", error = %Chain(&unavailable), "a request passes without limits");
                Ok(None)
            }
        },
    }
}

impl Reservation {
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
            | Failure::TimedOut(Deadline::FirstByte | Deadline::Idle | Deadline::Total) => true,
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

/// Does what is due. Without a record of it the reservation stands, unless Google has done nothing.
pub(crate) async fn close<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    due: Due,
    recorded: bool,
) {
    let parts = passage.visit.parts.clone();
    let Some(ticket) = passage.reservation.ticket.take().filter(|ticket| ticket.opened) else { return };
    let now = parts.clock.now();
    let closed = match due {
        Due::Release => parts.accounts.release(&ticket, now).await.map(|()| Settled::Booked),
        Due::Settle(taken) if recorded => parts.accounts.settle(&ticket, taken, now).await,
        Due::Settle(_) => return,
    };
    match closed {
        Ok(Settled::Booked) => {}
        Ok(Settled::Already) => tracing::warn!(code = "settled_late", "the reservation was booked before its answer"),
        Ok(Settled::Overrun(micros)) => {
            // What an alarm watches for: some bound on the price did not hold.
            let model = &passage.entry.model;
            tracing::error!(code = "budget_overrun", micros, model, "Google billed more than was reserved");
        }
        Err(unavailable) => {
            let error = Chain(&unavailable);
            tracing::error!(code = "ledger_unavailable", %error, "a reservation stands, and will be booked in full");
        }
    }
}

/// Gives back what is reserved for a request that never reached Google.
pub(crate) async fn release<M: Model, C: Callers, Q: AuditQueue, K: Clock>(passage: &mut Passage<'_, M, C, Q, K>) {
    close(passage, Due::Release, false).await;
}

/// A refusal as its caller is told.
fn problem(refused: &Refused, now: Timestamp) -> Problem {
    let whose = Whose(refused);
    let what = match refused.limit {
        Limit::Open => "requests that may be open at once",
        Limit::Requests => "requests a minute",
        Limit::Spend => "budget",
        Limit::Tokens => "tokens a minute",
    };
    let (code, message, after) = match refused.retry {
        Retry::Never => {
            let message = format!(
                "the request may take more than the {what} of {whose} ever allow; shorten it, or lower its maximum output"
            );
            (Code::TooCostly, message, None)
        }
        Retry::At(turn) => {
            let message = format!("the {what} of {whose} is spent; it begins anew at {}", spelt(turn));
            (Code::BudgetSpent, message, Some(Duration::from_millis(turn.0.saturating_sub(now.0))))
        }
        Retry::After(milliseconds) => {
            let message = format!("the {what} of {whose} are used up for now");
            (Code::RateLimited, message, Some(Duration::from_millis(milliseconds)))
        }
        Retry::Soon => {
            let held = match refused.limit {
                Limit::Open => format!("{whose} has as many requests open as it may"),
                Limit::Requests | Limit::Spend | Limit::Tokens => {
                    format!("what is left of the {what} of {whose} is reserved by open requests")
                }
            };
            (Code::RateLimited, format!("{held}; try again when some have ended"), Some(SOON))
        }
    };
    Problem { retry_after: after, standing: Some(Box::new(refused.standing)), ..Problem::new(code, message) }
}

struct Whose<'r>(&'r Refused);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use shared::limits::Kind;
        f.write_str(match self.0.kind {
            Kind::All => "all callers together",
            Kind::Caller => "this caller",
            Kind::User => "this end user",
        })
    }
}

#[cfg(test)]
mod tests;
