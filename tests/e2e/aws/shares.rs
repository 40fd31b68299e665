//! What several environments share: limits, budgets, the policy, who is a caller.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tests::aws::runtime::Function;
use tests::gemini::{Hold, Script, answer, cases};

use super::stack::Stack;
use crate::limits::{short, used};
use crate::{GENERATE, assert_error, prompt};

pub(super) async fn two_environments_share_a_limit(stack: &Stack) {
    stack.put_policy("[admission.caller]\nrequests_per_minute = 4\nburst = 4\n").await;
    let hold = Hold::default();
    let waiting = hold.clone();
    stack.answer_by(move |request| Script::answer(request, &answer::text("Well.")).held_back(&waiting));
    let (function, key) = (stack.function().concurrency(2).start().await, stack.caller().await);
    let client = function.client(&key);
    let body = prompt("hi");
    let both = async {
        for _ in 0..2 {
            hold.reached().await;
        }
        assert_eq!(function.environments(), 2);
        for _ in 0..2 {
            hold.release();
        }
    };
    let (first, second, ()) = tokio::join!(client.post(GENERATE, &body), client.post(GENERATE, &body), both);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200), "{first:?} {second:?}");
    stack.answer_by(|request| Script::answer(request, &answer::text("Well.")));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        function.settle().await;
        statuses.push(client.post(GENERATE, &body).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 429], "two of four were left, whoever asks");
    function.assert_faultless();
}

/// The budget in millionths of a dollar, what each answer takes of it, and how many ask.
const BUDGET: u64 = 200_000;
const PRICE: u64 = 1590;
const REQUESTS: u64 = 400;

/// How many of [`REQUESTS`] a function with four environments serves to one caller: each of them is asked by one client
/// as fast as it answers, and each request reaches the gate.
async fn served_in_a_race(function: &Function, key: &str) -> u64 {
    function.provision(4).await;
    let (asked, served) = (AtomicU64::new(0), AtomicU64::new(0));
    let workers = (0..4).map(async |_| {
        let client = function.client(key);
        while asked.fetch_add(1, Ordering::Relaxed) < REQUESTS {
            let reply = loop {
                let reply = client.post(GENERATE, &short("hi")).await;
                // Lambda's own refusal, while an environment is on its way back.
                if reply.header("x-gatehouse-request-id").is_empty() && reply.status == 429 {
                    continue;
                }
                break reply;
            };
            match reply.status.as_u16() {
                200 => drop(served.fetch_add(1, Ordering::Relaxed)),
                429 => {}
                _ => panic!("{reply:?}"),
            }
        }
    });
    join_all(workers).await;
    function.settle().await;
    assert_eq!((function.environments(), function.failures()), (4, Vec::new()));
    function.assert_faultless();
    served.into_inner()
}

pub(super) async fn racing_environments_never_pass_a_budget_and_lock_nobody_out(stack: &Stack) {
    stack.put_policy("[admission.caller]\nburst = 1000\nusd = \"0.20\"\nmax_open = 200\n").await;
    let usage = json!({"promptTokenCount": 1000, "candidatesTokenCount": 10, "totalTokenCount": 1010});
    stack.answer_by(move |_| Script::json(200, &used(&usage)));
    let (name, key) = stack.named_caller().await;
    let function = stack.function().concurrency(4).never_frozen().start().await;
    let served = served_in_a_race(&function, &key).await;
    let accounts = stack.accounts(&name).await;
    let booked = accounts.iter().filter_map(|account| account["committed"]["N"].as_str()?.parse::<u64>().ok()).max();
    assert_eq!(booked, Some(served * PRICE), "{accounts:#?}");
    assert!((100..=BUDGET / PRICE).contains(&served), "{served} were served");
    let open = accounts.iter().filter_map(|account| account["open"]["M"].as_object()).map(serde_json::Map::len);
    assert_eq!(open.sum::<usize>(), 0, "{accounts:#?}");
    // Another caller, and this one under a budget with room, are served.
    assert_eq!(function.client(&stack.caller().await).post(GENERATE, &short("hi")).await.status, 200);
    stack.put_policy("[admission.caller]\nusd = \"10.00\"\n").await;
    let later = stack.start().await;
    assert_eq!(later.client(&key).post(GENERATE, &short("hi")).await.status, 200);
}

/// What may come at once; then one more a second.
const BURST: u64 = 150;

pub(super) async fn racing_environments_never_pass_a_limit_and_lock_nobody_out(stack: &Stack) {
    stack.put_policy(&format!("[admission.caller]\nrequests_per_minute = 60\nburst = {BURST}\nmax_open = 200\n")).await;
    stack.answer_by(|request| Script::answer(request, &answer::text("Well.")));
    let (name, key) = stack.named_caller().await;
    let function = stack.function().concurrency(4).never_frozen().start().await;
    let began = Timestamp::now();
    let served = served_in_a_race(&function, &key).await;
    let seconds = Timestamp::now().duration_since(began).as_secs().unsigned_abs() + 1;
    assert!((BURST..=BURST + seconds).contains(&served), "{served} were served in at most {seconds} seconds");
    let accounts = stack.accounts(&name).await;
    let open = accounts.iter().filter_map(|account| account["open"]["M"].as_object()).map(serde_json::Map::len);
    assert_eq!(open.sum::<usize>(), 0, "{accounts:#?}");
    // Another caller is served, and so is this one when its next request is due.
    assert_eq!(function.client(&stack.caller().await).post(GENERATE, &short("hi")).await.status, 200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(function.client(&key).post(GENERATE, &short("hi")).await.status, 200);
}

pub(super) async fn a_changed_policy_and_a_revoked_caller_are_taken_over(stack: &Stack) {
    stack.put_policy("").await;
    stack.answer_by(cases::brain);
    let function = stack.start().await;
    let added = stack.operator(&["caller", "add", &tests::canary("caller"), "--json"]).await;
    let (revoked, key) = (function.client(added["key"].as_str().unwrap()), stack.caller().await);
    let client = function.client(&key);
    let (model, body) = ("/v1beta/models/gemini-2.5-flash:generateContent", json!(prompt("case:hello")));
    for client in [&client, &revoked] {
        assert_eq!(client.post(model, &body).await.status, 200);
        function.settle().await;
    }
    stack.put_policy("[models]\nallowed = [\"gemini-3.5-flash\"]\n").await;
    stack.operator(&["caller", "revoke", added["id"].as_str().unwrap(), "--json"]).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_error(&client.post(model, &body).await, 404, "NOT_FOUND");
    function.settle().await;
    // A policy that is none is refused, and the one in force stays.
    stack.put_policy("[models\n").await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_error(&revoked.post(GENERATE, &body).await, 401, "UNAUTHENTICATED");
    function.settle().await;
    assert_eq!(client.post(GENERATE, &body).await.status, 200);
    function.settle().await;
    assert_error(&client.post(model, &body).await, 404, "NOT_FOUND");
    function.assert_faultless();
}
