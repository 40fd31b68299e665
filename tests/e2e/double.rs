//! The double itself: a test that leans on it must be able to trust it.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;
use tests::client::Client;
use tests::gemini::{Gemini, Hold, Script, answer, cases, script};

use crate::{COUNT, GENERATE, STREAM, prompt};

#[tokio::test]
async fn takes_what_gemini_takes_and_remembers_it() {
    let gemini = Gemini::start(cases::brain).await;
    let client = Client::new(&gemini.url(), gemini.key());
    let reply = client.post(GENERATE, &prompt("case:hello")).await;
    assert_eq!(reply.answer(), "Hello from the double.");
    gemini.assert_faultless();
    let seen = gemini.only_request();
    assert_eq!(seen.model(), Some("gemini-3.5-flash"));
    assert_eq!(seen.action(), Some("generateContent"));
    assert_eq!(seen.body, Some(prompt("case:hello")));
}

#[tokio::test]
async fn refuses_what_gemini_refuses() {
    let gemini = Gemini::start(cases::brain).await;
    let client = Client::new(&gemini.url(), gemini.key());
    let hello = prompt("case:hello");
    let key_in_url = format!("{GENERATE}?key={}", gemini.key());
    let stream_as_array = STREAM.trim_end_matches("?alt=sse");
    assert_eq!(client.with_key("another").post(GENERATE, &hello).await.status, 401);
    assert_eq!(client.post(&key_in_url, &hello).await.status, 401);
    assert_eq!(client.post(stream_as_array, &hello).await.status, 400);
    assert_eq!(client.post_bytes(GENERATE, "{").await.status, 400);
    assert_eq!(client.post("/v1beta/models/x:embedContent", &hello).await.status, 404);
    assert_eq!(client.get(COUNT).await.status, 404);
    let twice = client.request(http::Method::POST, GENERATE).header("authorization", "Bearer x");
    assert_eq!(client.send(twice, hello.to_string()).await.status, 401);
    let untyped = client.request(http::Method::POST, GENERATE);
    assert_eq!(client.send(untyped, hello.to_string()).await.status, 400);
    assert_eq!(gemini.requests().len(), 8);
    assert_eq!(gemini.faults().len(), 8, "{:#?}", gemini.faults());
}

#[tokio::test]
async fn refuses_a_replayed_call_without_its_signature() {
    let gemini = Gemini::start(cases::brain).await;
    let client = Client::new(&gemini.url(), gemini.key());
    let call = json!({"functionCall": {"name": "get_weather", "args": {}}});
    let reply = client.post(GENERATE, &json!({"contents": [{"role": "model", "parts": [call]}]})).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["status"], "INVALID_ARGUMENT");
    gemini.assert_faultless();
}

#[tokio::test]
async fn cuts_the_connection_where_the_script_says() {
    let gemini = Gemini::always(Script::stream().event(&answer::chunk("so far")).then("data: {\"can").cut()).await;
    let reply = Client::new(&gemini.url(), gemini.key()).post(STREAM, &prompt("x")).await;
    assert!(!reply.ended);
    assert!(reply.text().ends_with("data: {\"can"), "{reply:?}");
}

#[tokio::test]
async fn waits_where_the_script_says() {
    let hold = Hold::default();
    let script = Script::stream().event(&answer::chunk("before")).hold(&hold).event(&answer::chunk("after"));
    let gemini = Gemini::always(script).await;
    let mut live = Client::new(&gemini.url(), gemini.key()).open(STREAM, &prompt("x")).await;
    let before = live.read_until("before").await;
    hold.reached().await;
    assert!(!before.contains("after"));
    hold.release();
    assert!(live.rest().await.text().contains("after"));
}

#[tokio::test]
async fn its_gzip_is_gzip() {
    let gemini = Gemini::always(Script::json(200, &answer::text("packed")).gzipped()).await;
    let reply = Client::new(&gemini.url(), gemini.key()).post(GENERATE, &prompt("x")).await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    let mut gunzip =
        Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip is there");
    gunzip.stdin.take().unwrap().write_all(&reply.body).unwrap();
    let plain = gunzip.wait_with_output().unwrap();
    assert!(plain.status.success());
    assert_eq!(plain.stdout, answer::text("packed").to_string().into_bytes());
}

#[test]
fn a_spread_event_is_one_event_of_many_lines() {
    let event = script::spread_event(&answer::chunk("x"));
    assert!(event.lines().count() > 3 && event.ends_with("}\n\n"), "{event}");
    assert!(event.trim_end().lines().all(|line| line.starts_with("data: ")), "{event}");
}
