use std::thread;

use serde_json::json;

use super::*;
use crate::aws::Budget;
use crate::aws::scripted::{Reply, Server};
use crate::caller::Key;
use crate::clock::{ManualClock, Timestamp};
use crate::fakes::ledger::laws;
use crate::ports::{Callers as _, Ledger as _};

/// Longer than the SDK is told to wait, and shorter than the adapters do.
const LATE: Duration = Duration::from_millis(150);
const HASTY: Budget = Budget { attempt: Duration::from_millis(20), attempts: 3, total: Duration::from_millis(50) };
/// A machine under load is no fault of the adapters'.
const UNHURRIED: Duration = Duration::from_secs(20);

#[tokio::test]
async fn how_long_an_attempt_may_take_is_said_by_the_adapters_and_not_by_the_sdk() {
    let server = Server::start(|_, _| {
        thread::sleep(LATE);
        Reply::ok(&json!({}))
    });
    let client = Client::new(&server.clients().configured(HASTY, &None));
    let get = client.get_item().table_name("t").key("id", aws_sdk_dynamodb::types::AttributeValue::S("i".into()));
    assert!(get.send().await.is_err(), "the SDK itself does not wait");

    let now = Timestamp(1_800_000_000_000);
    let callers = Callers::new(&client, "callers", ManualClock::at(now)).with_attempts_of(UNHURRIED);
    assert!(callers.find(Key::mint().unwrap().id()).await.unwrap().is_none());
    let pace = Pace { attempt: UNHURRIED, admit: UNHURRIED, give_back: UNHURRIED, settle: UNHURRIED };
    let ledger = Ledger::new(&client, "ledger").at_pace(pace);
    ledger.admit(&[laws::claim("app", "60", 100)], &laws::demand("r", 1, 1), now).await.unwrap();
    let asked = server.asked();
    let told: Vec<_> = asked.iter().rev().take(2).map(|asked| asked.operation.as_str()).collect();
    assert_eq!(told, ["UpdateItem", "GetItem"], "each was asked once");
}

#[tokio::test]
async fn what_an_attempt_left_in_doubt_stays_so_whatever_comes_after_it() {
    let throttled = || Error::Throttled("too much".into());
    let script = |last: fn() -> Result<(), Error>| {
        let mut answers = vec![last(), Err(Error::TimedOut)];
        move || std::future::ready(answers.pop().unwrap())
    };
    let mut in_doubt = false;
    let refused = attempt(Patience::BRIEF, UNHURRIED, &mut in_doubt, || async { Err::<(), _>(throttled()) }).await;
    assert!(refused.is_err() && !in_doubt);
    for last in [|| Ok(()), || Err(Error::Throttled("too much".into()))] {
        let mut in_doubt = false;
        drop(attempt(Patience::BRIEF, UNHURRIED, &mut in_doubt, script(last)).await);
        assert!(in_doubt);
    }
}

#[test]
fn a_client_that_is_patient_already_is_taken_as_it_is() {
    let server = Server::start(|_, _| Reply::ok(&json!({})));
    let (timeouts, retries) = patient();
    let made = server.clients().all().dynamodb;
    assert_eq!((made.config().timeout_config(), made.config().retry_config()), (Some(&timeouts), Some(&retries)));
}
