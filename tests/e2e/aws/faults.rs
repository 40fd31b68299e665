//! Services that throttle, fail or fall silent: promises hold, and errors are the surface's.

use std::sync::atomic::{AtomicUsize, Ordering};

use tests::aws::endpoint::{Call, Fault};
use tests::aws::runtime::Function;
use tests::gemini::cases;
use tests::wait;

use super::stack::Stack;
use crate::{GENERATE, STREAM, assert_error, prompt};

/// Ways in which a service does not answer as it should.
const WAYS: [Fault; 3] =
    [Fault::Refuse(400, "ThrottlingException"), Fault::Refuse(500, "InternalServerError"), Fault::HangUp];

/// Breaks the function's calls of a service in one way after the other. Each is answered by the surface's own 503, and
/// Gemini is not asked; once the service is healed, all is well.
async fn refuses_while_broken(
    stack: &Stack,
    service: &'static str,
    action: &'static str,
    function: &Function,
    key: &str,
) {
    let client = function.client(key);
    for way in WAYS {
        let asked = stack.gemini.requests().len();
        let concerned =
            move |call: &Call| call.by == "completion" && call.service == service && call.action.starts_with(action);
        stack.endpoint.break_by(move |call| concerned(call).then_some(way));
        for path in [GENERATE, STREAM] {
            assert_error(&client.post(path, &prompt("case:hello")).await, 503, "UNAVAILABLE");
        }
        assert_eq!(stack.gemini.requests().len(), asked, "{way:?}: Gemini was asked");
        stack.endpoint.heal();
    }
    wait::until("the function to serve again", || async {
        (client.post(GENERATE, &prompt("case:hello")).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(function.failures(), [], "{}", function.printed());
    function.assert_faultless();
}

pub(super) async fn a_ledger_that_fails_refuses_before_gemini_is_asked(stack: &Stack) {
    stack.answer_by(cases::brain);
    let (function, key) = (stack.start().await, stack.caller().await);
    refuses_while_broken(stack, "dynamodb", "UpdateItem", &function, &key).await;
}

pub(super) async fn a_queue_that_fails_refuses_before_gemini_is_asked(stack: &Stack) {
    stack.answer_by(cases::brain);
    let (function, key) = (stack.start().await, stack.caller().await);
    refuses_while_broken(stack, "sqs", "SendMessage", &function, &key).await;
}

pub(super) async fn a_record_whose_receipt_is_lost_is_kept_all_the_same(stack: &Stack) {
    stack.answer_by(cases::brain);
    let (function, key) = (stack.start().await, stack.caller().await);
    // The first record of an environment is of its policy; the next is an intent.
    assert_eq!(function.client(&key).post(GENERATE, &prompt("case:hello")).await.status, 200);
    function.settle().await;
    let losses = AtomicUsize::new(1);
    stack.endpoint.break_by(move |call| {
        let concerned = call.by == "completion" && call.service == "sqs";
        let lost =
            concerned && losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        lost.then_some(Fault::LoseReply)
    });
    let reply = function.client(&key).post(GENERATE, &prompt("case:hello")).await;
    stack.endpoint.heal();
    assert_eq!(reply.status, 200, "{reply:?}");
    let records = stack.records_of(&reply).await;
    let intents = records.iter().filter(|record| super::stack::is_intent(record)).count();
    assert_eq!((intents, records.len()), (2, 3), "the intent came once more, with the same bytes: {records:#?}");
}

/// An environment that has read them once goes on; a new one has nothing to go on with.
pub(super) async fn secrets_that_cannot_be_read_refuse_until_they_can(stack: &Stack) {
    stack.answer_by(cases::brain);
    let (warm, cold, key) = (stack.start().await, stack.start().await, stack.caller().await);
    assert_eq!(warm.client(&key).post(GENERATE, &prompt("case:hello")).await.status, 200);
    warm.settle().await;
    for way in WAYS {
        stack.endpoint.break_by(move |call| (call.service == "secretsmanager").then_some(way));
        assert_error(&cold.client(&key).post(GENERATE, &prompt("case:hello")).await, 503, "UNAVAILABLE");
        assert_eq!(warm.client(&key).post(GENERATE, &prompt("case:hello")).await.status, 200, "{way:?}");
        warm.settle().await;
    }
    stack.endpoint.heal();
    wait::until("the function to serve again", || async {
        (cold.client(&key).post(GENERATE, &prompt("case:hello")).await.status == 200).then_some(())
    })
    .await;
}

pub(super) async fn a_policy_that_cannot_be_read_refuses_until_it_can(stack: &Stack) {
    stack.answer_by(cases::brain);
    let (function, key) = (stack.start().await, stack.caller().await);
    refuses_while_broken(stack, "dynamodb", "GetItem", &function, &key).await;
}
