//! Environments that are killed or frozen in the middle of their work.

use std::time::Duration;

use serde_json::json;
use tests::gemini::{Hold, Script, answer, cases};

use super::stack::{Stack, is_intent};
use crate::{GENERATE, STREAM, prompt};

pub(super) async fn a_deadline_kill_leaves_an_intent_and_a_booked_reservation(stack: &Stack) {
    // One place: whoever comes next needs it.
    stack.put_policy("[admission.caller]\nmax_open = 1\n").await;
    stack.answer_by(|_| Script::stream().event(&answer::chunk("So far, so good. ")).stall());
    let (name, key) = stack.named_caller().await;
    // The function ends an answer ten seconds before its deadline. Only one that cannot go on meets it.
    let function = stack.function().timeout(Duration::from_secs(16)).start().await;
    let mut live = function.client(&key).open(STREAM, &prompt("hi")).await;
    live.read_until("So far").await;
    function.freeze().await;
    let reply = live.rest().await;
    assert!(!reply.ended, "{reply:?}");
    function.settle().await;
    let failures = function.failures();
    assert_eq!(failures.iter().map(|failure| failure.kind.as_str()).collect::<Vec<_>>(), ["Sandbox.Timedout"]);
    let records = stack.records_of(&reply).await;
    assert!(records.len() == 1 && is_intent(&records[0]), "{records:#?}");
    let committed = |accounts: &[serde_json::Value]| -> i64 {
        accounts.iter().filter_map(|account| account["committed"]["N"].as_str()?.parse::<i64>().ok()).sum()
    };
    let open = |accounts: &[serde_json::Value]| -> usize {
        accounts.iter().filter_map(|account| account["open"]["M"].as_object()).map(serde_json::Map::len).sum()
    };
    let left = stack.accounts(&name).await;
    assert!(committed(&left) > 0 && open(&left) == 1, "{left:#?}");
    // Once its time is over its place is free, and what it had reserved stays booked.
    for account in left.iter().filter(|account| account["open"]["M"].as_object().is_some_and(|open| !open.is_empty())) {
        let (id, entry) = account["open"]["M"].as_object().unwrap().iter().next().unwrap();
        let update = json!({
            "TableName": stack.outputs["ledger_table"],
            "Key": {"subject": account["subject"], "window": account["window"]},
            "UpdateExpression": "SET #open.#id = :entry",
            "ExpressionAttributeNames": {"#open": "open", "#id": id},
            "ExpressionAttributeValues": {":entry": {"L": [entry["L"][0], {"N": "1"}]}},
        });
        stack.endpoint.call("DynamoDB_20120810.UpdateItem", &update).await;
    }
    stack.answer_by(cases::brain);
    let reply = function.client(&key).post(GENERATE, &prompt("case:hello")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    function.settle().await;
    let now = stack.accounts(&name).await;
    assert!(open(&now) == 0 && committed(&now) > committed(&left), "{now:#?}");
    function.assert_faultless();
}

pub(super) async fn a_freeze_in_mid_stream_loses_nothing(stack: &Stack) {
    let hold = Hold::default();
    let ending = hold.clone();
    stack.answer_by(move |_| {
        Script::stream().event(&answer::chunk("So far, so good. ")).hold(&ending).event(&answer::text("And on."))
    });
    let (function, key) = (stack.start().await, stack.caller().await);
    let mut live = function.client(&key).open(STREAM, &prompt("hi")).await;
    live.read_until("So far").await;
    hold.reached().await;
    function.freeze().await;
    hold.release();
    tokio::time::sleep(Duration::from_secs(2)).await;
    function.thaw().await;
    let reply = live.rest().await;
    assert!(reply.ended && reply.answer() == "So far, so good. And on.", "{reply:?}");
    function.settle().await;
    // Frozen again, and thawed by the next request.
    stack.answer_by(cases::brain);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(function.client(&key).post(GENERATE, &prompt("case:hello")).await.status, 200);
    assert_eq!((stack.records_of(&reply).await.len(), function.environments()), (2, 1));
    function.assert_faultless();
}
