//! A client that reads too slowly, or not at all.

use tests::audit;
use tests::gate::Setup;
use tests::gemini::{Gemini, Script, answer};

use crate::STREAM;
use crate::limits::{account, short};

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up_at_the_deadline_and_settled() {
    // More than the sockets between hold: the gate has to wait for its client.
    let piece = " ".repeat(128 << 10);
    let script = (0..300).fold(Script::stream(), |script, _| script.event(&answer::chunk(&piece)));
    let gemini = Gemini::always(script.event(&answer::text("The end."))).await;
    let gate = Setup::default().env("TOTAL_SECONDS", "8").start(&gemini).await;
    let live = gate.client().open(STREAM, &short("hi")).await;
    assert_eq!(live.status, 200);
    // The connection stands all the while, and nothing is read from it.
    let rows = gate.audit("the outcome", |rows| rows.iter().any(|row| audit::is(row, "outcome"))).await;
    let outcome = rows.iter().find(|row| audit::is(row, "outcome")).unwrap();
    assert_eq!(outcome["error"], "caller_gone", "{outcome:#?}");
    assert!(outcome["latency_ms"].as_u64().unwrap() >= 7900, "{outcome:#?}");
    let (committed, open) = account(gate.data(), "caller");
    assert_eq!((Some(committed), open), (outcome["cost_micros"].as_i64(), 0), "no usage was told: all is booked");
    let reply = live.rest().await;
    assert!(!reply.text().contains("The end."), "the rest was never sent");
}
