//! The double of Lambda does what Lambda does, and sees what Lambda would not take: tried with a function by hand.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::aws::runtime::{Function, LARGEST_PAYLOAD, Setup};
use tests::wait;

fn setup() -> Setup {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws/python/stand_in.py");
    Setup::new("by-hand", "/usr/bin/env").argument("python3").argument(script)
}

async fn get(function: &Function, path: &str) -> tests::client::Reply {
    function.client("").get(path).await
}

fn kinds(function: &Function) -> Vec<String> {
    function.failures().into_iter().map(|failure| failure.kind).collect()
}

#[tokio::test]
async fn a_request_becomes_an_event_and_a_streamed_response_its_answer() {
    let function = setup().start().await;
    let client = function.client("key");
    let reply = client.post("/echo?a=b", &json!({"c": "d"})).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(reply.ended && reply.header("x-made-by") == "hand", "{reply:?}");
    assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 2, "{reply:?}");
    let told = reply.json();
    let event = &told["event"];
    assert_eq!((&event["rawPath"], &event["body"]), (&json!("/echo"), &json!(r#"{"c":"d"}"#)), "{told}");
    assert_eq!(event["headers"]["x-goog-api-key"], "key", "{told}");
    assert_eq!(event["requestContext"]["http"]["method"], "POST", "{told}");
    assert_eq!(event["requestContext"]["requestId"], told["headers"]["lambda-runtime-aws-request-id"], "{told}");
    let arn = told["headers"]["lambda-runtime-invoked-function-arn"].as_str().unwrap();
    assert!(arn.ends_with(":function:by-hand"), "{told}");
    let deadline: i64 = told["headers"]["lambda-runtime-deadline-ms"].as_str().unwrap().parse().unwrap();
    let left = deadline - event["requestContext"]["timeEpoch"].as_i64().unwrap();
    assert!((59_000..61_000).contains(&left), "{left}");
    assert!(function.printed().contains("started"));
    function.assert_faultless();
}

#[tokio::test]
async fn pieces_pass_at_once_and_one_environment_takes_one_invocation() {
    let function = setup().concurrency(1).start().await;
    let mut live = function.client("").open("/slowly", &Value::Null).await;
    assert_eq!(live.read_until("one ").await, "one ");
    let refused = get(&function, "/echo").await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(live.rest().await.text(), "one two");
    function.settle().await;
    assert_eq!(get(&function, "/echo").await.status, 201);
    assert_eq!((function.invocations(), function.environments()), (2, 1));
}

#[tokio::test]
async fn what_is_too_large_does_not_reach_the_function() {
    let function = setup().start().await;
    let reply = function.client("").post_bytes("/echo", vec![b'x'; LARGEST_PAYLOAD]).await;
    assert_eq!((reply.status.as_u16(), function.invocations()), (413, 0), "{reply:?}");
}

#[tokio::test]
async fn an_event_can_be_anything_and_its_answer_is_whole() {
    let function = setup().start().await;
    let told = function.invoke(&json!({"do": "whole", "more": 1})).await.unwrap();
    assert_eq!(told["event"]["more"], 1, "{told}");
    function.settle().await;
    let failure = function.invoke(&json!({"do": "fail"})).await.unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("Own", "by wish"));
    assert_eq!(function.environments(), 1, "a failure ended the environment");
    function.assert_faultless();
}

#[tokio::test]
async fn a_failure_is_lambdas_own_answer() {
    let function = setup().start().await;
    for path in ["/fail", "/exit"] {
        let reply = get(&function, path).await;
        assert_eq!(reply.status, 502, "{reply:?}");
        assert!(!reply.text().contains("by wish"), "{reply:?}");
    }
    assert_eq!(kinds(&function), ["Own", "Runtime.ExitError"]);
    assert_eq!(get(&function, "/echo").await.status, 201, "an environment that ended is not replaced");
    for (path, kind) in [("/break_off", "Runtime.TruncatedResponse"), ("/trailer", "Late")] {
        let reply = get(&function, path).await;
        assert_eq!((reply.text().as_str(), reply.ended), ("one ", false), "{path}: {reply:?}");
        function.settle().await;
        assert_eq!(kinds(&function).last().unwrap(), kind);
    }
    function.assert_faultless();
}

#[tokio::test]
async fn a_function_that_does_not_start_says_so() {
    let function = setup().env("FAILS_TO_START", "1").start().await;
    assert_eq!(get(&function, "/echo").await.status, 502);
    assert_eq!(kinds(&function), ["Start", "Runtime.ExitError"]);
}

#[tokio::test]
async fn the_deadline_kills_in_mid_stream() {
    let function = setup().timeout(Duration::from_secs(1)).start().await;
    let reply = get(&function, "/forever").await;
    assert_eq!((reply.text().as_str(), reply.ended), ("one ", false), "{reply:?}");
    function.settle().await;
    assert_eq!((kinds(&function), function.environments()), (vec!["Sandbox.Timedout".to_owned()], 0));
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_nothing() {
    let function = setup().start().await;
    let mut live = function.client("").open("/slowly", &Value::Null).await;
    live.read_until("one ").await;
    drop(live);
    function.settle().await;
    assert_eq!((function.failures(), function.environments()), (Vec::new(), 1));
    function.assert_faultless();
}

#[tokio::test]
async fn a_frozen_function_goes_on_where_it_was() {
    let function = setup().never_frozen().start().await;
    let mut live = function.client("").open("/slowly", &Value::Null).await;
    live.read_until("one ").await;
    function.freeze().await;
    let rest = live.rest();
    tokio::pin!(rest);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut rest).await.is_err(), "it was not frozen");
    function.thaw().await;
    assert_eq!(wait::within("the rest", rest).await.text(), "one two");
}

#[tokio::test]
async fn a_door_for_signers_tells_who_knocks() {
    let arn = "arn:aws:sts::123456789012:assumed-role/app/session";
    let function = setup().signed_by([("KEYID", arn)]).start().await;
    let client = function.client("");
    let signed = |key: &str| {
        let request = client.anonymous(Method::GET, "/echo");
        request.header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/lambda/aws4_request"),
        )
    };
    let told = client.send(signed("KEYID"), "").await.json();
    assert_eq!(told["event"]["requestContext"]["authorizer"]["iam"]["userArn"], arn, "{told}");
    for refused in [client.send(signed("OTHER"), "").await, get(&function, "/echo").await] {
        assert_eq!(refused.status, 403, "{refused:?}");
    }
}

#[tokio::test]
async fn what_no_runtime_should_do_is_a_fault() {
    for path in
        ["undeclared", "nothing", "no_nulls", "wrong_prelude", "wrong_type", "wrong_id", "twice", "early", "elsewhere"]
    {
        let function = setup().start().await;
        let _whatever = get(&function, &format!("/{path}")).await;
        wait::until(path, || async { (!function.faults().is_empty()).then_some(()) }).await;
        assert_eq!(function.faults().len(), 1, "{path}: {:?}", function.faults());
    }
}
