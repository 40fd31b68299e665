//! Admission: the dearest price of a request is reserved before Gemini is called, and what it took is booked after.

use std::time::Duration;

use shared::audit::Entry;
use shared::caller::Caller;
use shared::clock::{Clock, Timestamp};
use shared::limits::{Admission, Claim, Demand, Rates, Refused, Settled, Ticket, Weight};
use shared::policy::OnUnavailable;
use shared::ports::{AuditQueue, Callers, Model, Unavailable};
use shared::telemetry::Chain;
use tokio::time::timeout;

use crate::compose::Bounded;
use crate::gate::Visit;
use crate::problem::{Code, Problem};
use crate::routes::Operation;
use crate::service::Passage;
use crate::surface::Ask;

mod accounts;
mod counted;
mod headers;
mod refusals;
mod reservation;
mod told;
mod weight;

pub use accounts::Accounts;
pub(crate) use counted::reserve as reserve_counted;
pub(crate) use headers::tell;
pub(crate) use refusals::record as record_refusals;
pub(crate) use reservation::{Due, Reservation};
use reservation::{OPENING, Uncounted};
use told::problem;

/// How long beyond the deadline for all of an answer a reservation lasts: for what is done before and after it.
const GRACE: Duration = Duration::from_secs(60);

/// Who asks for what.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) user: Option<&'a str>,
    pub(crate) model: &'a str,
    /// As records name it.
    pub(crate) operation: &'static str,
}

/// Admits a request, or says why not.
///
/// Where the bytes of its prompt are too much, and its tokens may not be, or where they tell nothing of its tokens, it is
/// admitted with the fewest tokens that the bytes can be: that takes a request and a place like any other, so that a
/// flood of them is no flood of counts. [`reserve_counted`] then decides.
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
    let mut rates = policy.prices.at(asking.model, now).ok_or_else(|| {
        tracing::error!(code = Code::ModelUnpriced.as_str(), model = asking.model, "no price holds for this model now");
        Problem::new(Code::ModelUnpriced, "the operator has not said what this model costs now; choose another one")
    })?;
    let claims = claims(visit, asking);
    // Counting costs nothing: it is held to the number of requests alone.
    if asking.operation == Operation::Count.as_str() {
        let demand = free(visit);
        let ticket = granted(visit, asking, take(visit, &claims, &demand, now).await?, now).await?;
        return Ok(Reservation::new(ticket, &demand, 0, rates));
    }
    let weight = weight::of(ask, &bounded.generation, policy);
    if weight.has_audio() {
        rates = rates.with_audio();
    }
    let lasts = parts.config.deadlines.total + GRACE;
    let input_tokens = weight.input_tokens();
    if !weight.needs_count() {
        let demand = demand(&visit.request_id, &weight, &rates, now, lasts);
        let taken = take(visit, &claims, &demand, now).await?;
        if !matches!(&taken, Take::Refused(refused) if refused.leaves_room_for_less()) {
            let ticket = granted(visit, asking, taken, now).await?;
            return Ok(Reservation::new(ticket, &demand, input_tokens, rates));
        }
    }
    // A name of its own: should this place not be given back, the request is not taken for admitted already.
    let place = format!("{}.count", visit.request_id);
    let least = demand(&place, &weight.least(), &rates, now, lasts);
    // Should this be refused too, that is what is told: the request may fit once there is more room.
    let ticket = granted(visit, asking, take(visit, &claims, &least, now).await?, now).await?;
    let place = Reservation::new(ticket, &least, input_tokens, rates);
    Ok(place.until_counted(Uncounted { weight, claims, lasts }))
}

/// Admits a request that is answered without Google. It has no record, unless it passes without being asked for its
/// limits.
pub(crate) async fn glance<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    caller: &Caller,
) -> Result<(), Problem> {
    let now = visit.parts.clock.now();
    record_refusals(&visit.parts, Some(now)).await;
    let asking = Asking { caller, user: None, model: "", operation: "models" };
    let taken = take(visit, &claims(visit, &asking), &free(visit), now).await?;
    if granted(visit, &asking, taken, now).await?.is_some() {
        return Ok(());
    }
    let entry =
        Entry { blocked: false, error: None, rules: vec![OPENING.into()], ..refusals::entry(visit, &asking, now) };
    visit.record(entry).await.map_err(|unavailable| Problem::unrecorded(&unavailable))
}

/// What a request asks of the limits that may take so much.
fn demand(request_id: &str, weight: &Weight, rates: &Rates, now: Timestamp, lasts: Duration) -> Demand {
    let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    Demand {
        request_id: request_id.to_owned(),
        tokens: weight.tokens(),
        micros: rates.dearest(weight),
        until: Some(Timestamp(now.0.saturating_add(lasts))),
    }
}

/// What a request asks that costs nothing.
fn free<M, C, Q, K>(visit: &Visit<M, C, Q, K>) -> Demand {
    Demand { request_id: visit.request_id.clone(), tokens: 0, micros: 0, until: None }
}

/// Whom a request is charged to.
fn claims<M, C, Q, K>(visit: &Visit<M, C, Q, K>, asking: &Asking<'_>) -> Vec<Claim> {
    // The ledger keeps no names, whatever the records do.
    let user = asking.user.map(|user| visit.pepper.hmac("user", user));
    visit.rules.policy.admission.claims(&asking.caller.name, user.as_deref(), &visit.request_id)
}

/// What came of asking the ledger.
enum Take {
    Admitted(Ticket),
    /// It cannot be asked, and the policy is open.
    Open,
    Refused(Box<Refused>),
}

async fn take<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    claims: &[Claim],
    demand: &Demand,
    now: Timestamp,
) -> Result<Take, Problem> {
    match visit.parts.accounts.admit(claims, demand, now).await {
        Ok(Admission::Admitted(ticket)) => Ok(Take::Admitted(ticket)),
        Ok(Admission::Refused(refused)) => Ok(Take::Refused(refused)),
        Err(unavailable) => match visit.rules.policy.admission.on_unavailable {
            OnUnavailable::Closed => {
                tracing::error!(code = "ledger_unavailable", error = %Chain(&unavailable), "the ledger cannot be asked");
                let message =
                    "the limits cannot be checked at the moment, and without that nothing is answered; try again";
                Err(Problem::new(Code::LedgerUnavailable, message))
            }
            OnUnavailable::Open => {
                tracing::error!(code = "admission_open", error = %Chain(&unavailable), "a request passes without limits");
                Ok(Take::Open)
            }
        },
    }
}

/// The ticket, `None` where there is none and the policy is open. A refusal is noted, and told.
async fn granted<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    visit: &Visit<M, C, Q, K>,
    asking: &Asking<'_>,
    taken: Take,
    now: Timestamp,
) -> Result<Option<Ticket>, Problem> {
    match taken {
        Take::Admitted(ticket) => Ok(Some(ticket)),
        Take::Open => Ok(None),
        Take::Refused(refused) => {
            refusals::note(visit, asking, &refused, now).await;
            Err(problem(&refused, now))
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
    // The outcome may be stored at a second try, which then needs the ticket.
    if due != Due::Release && !recorded {
        return;
    }
    let Some(ticket) = passage.reservation.ticket.take().filter(|ticket| ticket.opened) else { return };
    let now = parts.clock.now();
    let closing = async {
        match due {
            Due::Release => parts.accounts.release(&ticket, now).await.map(|()| Settled::Booked),
            Due::Settle(taken) => parts.accounts.settle(&ticket, taken, now).await,
        }
    };
    let late = |_| Err(Unavailable { store: "ledger", cause: "it took longer than the platform gives".into() });
    match timeout(passage.visit.time_to_settle(), closing).await.unwrap_or_else(late) {
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

#[cfg(test)]
mod tests;
