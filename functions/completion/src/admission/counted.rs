//! What is reserved once Gemini has counted a prompt whose bytes were too much, or told nothing.

use shared::clock::Clock;
use shared::limits::Claim;
use shared::ports::{AuditQueue, Callers, Model};

use super::Take;
use super::reservation::{OPENING, Reservation, Uncounted};
use crate::problem::Problem;
use crate::service::Passage;

/// Reserves what a request can take whose prompt has so many tokens. Where its bytes had been reserved already, there is
/// nothing to do.
pub(crate) async fn reserve<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    tokens: u64,
) -> Result<(), Problem> {
    let Some(Uncounted { weight, mut claims, lasts }) = passage.reservation.uncounted.take() else { return Ok(()) };
    // It was charged as a request when it took its place.
    claims.iter_mut().for_each(spare_requests);
    let before = passage.receipt.standing.unwrap_or_default();
    super::release(passage).await;
    let now = passage.visit.parts.clock.now();
    let rates = passage.reservation.rates;
    let demand = super::demand(&passage.visit.request_id, &weight.counted(tokens), &rates, now, lasts);
    let input_tokens = passage.reservation.input_tokens;
    match super::take(passage.visit, &claims, &demand, now).await? {
        Take::Admitted(mut ticket) => {
            ticket.standing.requests = before.requests;
            passage.receipt.standing = Some(ticket.standing);
            passage.reservation = Reservation::new(Some(ticket), &demand, input_tokens, rates);
            Ok(())
        }
        Take::Open => {
            // Its place may have been open already.
            if !passage.entry.rules.iter().any(|rule| rule == OPENING) {
                passage.entry.rules.push(OPENING.to_owned());
            }
            passage.reservation = Reservation::new(None, &demand, input_tokens, rates);
            Ok(())
        }
        Take::Refused(mut refused) => {
            refused.standing.requests = before.requests;
            passage.entry.blocked = true;
            passage.entry.blocked_reason = Some(super::refusals::reason(&refused));
            passage.entry.error = Some(super::refusals::LIMITED.to_owned());
            Err(super::problem(&refused, now))
        }
    }
}

fn spare_requests(claim: &mut Claim) {
    claim.limits.requests_per_minute = None;
}
