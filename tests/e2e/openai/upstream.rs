//! What Gemini can do to a gate, told in `OpenAI`'s words.

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;
use tests::client::Reply;
use tests::gate::Setup;
use tests::gemini::answer::{self, Answer};
use tests::gemini::errors::{KNOWN, Meaning, error};
use tests::gemini::{Gemini, Script, cases};

use super::{CHAT, assert_error, assert_error_object, chat, client, streamed};
use crate::{ROOMY, gate_before};

#[tokio::test]
async fn every_known_error_becomes_the_callers_kind_of_error() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Setup::default().policy(ROOMY).start(&gemini).await;
    // Many at once, since what is retried takes its time.
    let asking = KNOWN.iter().flat_map(|known| {
        let body = chat(&format!("case:error-{}", known.name.replace('_', "-")));
        [body.clone(), streamed(body)].map(|body| {
            let gate = &gate;
            async move { (known, client(gate).post(CHAT, &body).await) }
        })
    });
    for (known, reply) in iter(asking).buffer_unordered(30).collect::<Vec<_>>().await {
        let (name, told) = (known.name, reply.json());
        let kind = told["error"]["type"].as_str().unwrap_or_default().to_owned();
        match known.meaning {
            Meaning::Caller => assert_error(&reply, 400, "provider_refused"),
            Meaning::Model => assert_error(&reply, 404, "model_not_found"),
            Meaning::Quota => {
                assert_error(&reply, 429, "provider_limited");
                assert_eq!(kind, "rate_limit_error", "{name}: {reply:?}");
                let again = if name == "quota_minute" { ("7", "") } else { ("", "false") };
                assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), again, "{name}: {reply:?}");
            }
            Meaning::Operator | Meaning::Transient => {
                assert!(reply.status.is_server_error(), "{name}: {reply:?}");
                assert_error_object(&told);
                assert_eq!(kind, "server_error", "{name}: {reply:?}");
                let futile = reply.header("x-should-retry") == "false";
                assert_eq!(futile, known.meaning == Meaning::Operator, "{name}: {reply:?}");
            }
        }
        let words = told["error"]["message"].as_str().unwrap_or_default().to_lowercase();
        assert!(!words.contains("api key") && !words.contains("leaked"), "{name}: {reply:?}");
    }
    gemini.assert_faultless();
}

/// Asserts that a stream ended in an error event, behind which nothing stands, and that nothing claimed success.
fn assert_ends_in_error(what: &str, reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{what}: {reply:?}");
    let (events, done) = reply.chunks();
    let (last, before) = events.split_last().unwrap();
    assert!(!done, "{what}: {reply:?}");
    assert!(before.iter().all(|event| event["choices"][0]["finish_reason"].is_null()), "{what}: {reply:?}");
    assert_error_object(last)
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event() {
    let so_far = Script::stream().event(&answer::chunk("so far, "));
    for (what, script) in [
        ("between events", so_far.clone().cut()),
        ("inside an event", so_far.clone().then("data: {\"candidates\": [{\"con").cut()),
        ("with a clean end but no finish", so_far.clone()),
        ("with an event that is not JSON", so_far.clone().then("data: nonsense\n\n")),
        ("with an error object", so_far.clone().event(&error(503, "UNAVAILABLE", "The model is overloaded."))),
        ("with a failed finish", so_far.event(&Answer::new().finish("MALFORMED_FUNCTION_CALL").value())),
    ] {
        let (_gemini, gate) = gate_before(script).await;
        let code = assert_ends_in_error(what, &client(&gate).post(CHAT, &streamed(chat("hi"))).await);
        assert!(code.starts_with("provider_"), "{what}: {code}");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_or_failed_is_an_error() {
    for (what, script) in [
        ("empty", Script::empty(200, "application/json")),
        ("no object", Script::empty(200, "application/json").then("[]")),
        ("neither candidates nor feedback", Script::json(200, &json!({"usageMetadata": answer::usage()}))),
        ("a failed finish", Script::json(200, &Answer::new().text("half").finish("OTHER").value())),
    ] {
        let (_gemini, gate) = gate_before(script).await;
        let reply = client(&gate).post(CHAT, &chat("hi")).await;
        assert!(reply.status.is_server_error(), "{what}: {reply:?}");
        assert_error_object(&reply.json());
    }
}

#[tokio::test]
async fn each_finish_has_its_word() {
    for (reason, word) in
        [("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("A_FINISH_OF_TOMORROW", "content_filter")]
    {
        let told = Answer::new().text("some").finish(reason).value();
        let (_gemini, gate) = gate_before(Script::json(200, &told)).await;
        let reply = client(&gate).post(CHAT, &chat("hi")).await;
        assert_eq!((reply.completion().as_str(), &reply.json()["choices"][0]["finish_reason"]), ("some", &json!(word)));
        let (_gemini, gate) = gate_before(Script::events(&[told])).await;
        let reply = client(&gate).post(CHAT, &streamed(chat("hi"))).await;
        let (chunks, done) = reply.chunks();
        assert_eq!((reply.completion().as_str(), done), ("some", true), "{reply:?}");
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], word, "{reply:?}");
    }
}
