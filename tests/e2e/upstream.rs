//! What Gemini can do to a gate: every error, every way to break off, every way to send the same bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::client::Reply;
use tests::gate::{Gate, Setup};
use tests::gemini::answer::{self, Answer};
use tests::gemini::errors::{KNOWN, Known, Meaning, error};
use tests::gemini::{Gemini, Script, cases, script};
use tests::wait;
use tokio::task::JoinSet;

use crate::{COUNT, GENERATE, ROOMY, STREAM, assert_ends_in_error, assert_error, detail, gate_before, prompt};

#[tokio::test]
async fn every_known_error_becomes_the_callers_kind_of_error() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Setup::default().policy(ROOMY).start(&gemini).await;
    // All at once, since what is retried takes its time.
    let asking = KNOWN.iter().flat_map(|known| [GENERATE, STREAM].map(|path| ask(&gate, known, path)));
    for (known, reply) in join_all(asking).await {
        let (name, told) = (known.name, reply.json());
        let status = told["error"]["status"].as_str().unwrap_or_default();
        match known.meaning {
            Meaning::Caller => assert_error(&reply, 400, "INVALID_ARGUMENT"),
            Meaning::Model => assert_error(&reply, 404, "NOT_FOUND"),
            Meaning::Quota => assert_error(&reply, 429, "RESOURCE_EXHAUSTED"),
            Meaning::Operator | Meaning::Transient => {
                assert!(reply.status.is_server_error(), "{name}: {reply:?}");
                assert_error(&reply, reply.status.as_u16(), status);
                assert_ne!(status, "UNAUTHENTICATED", "{name}: {reply:?}");
            }
        }
        let words = told["error"]["message"].as_str().unwrap_or_default().to_lowercase();
        assert!(!words.contains("api key") && !words.contains("leaked"), "{name}: {reply:?}");
    }
    gemini.assert_faultless();
}

async fn ask(gate: &Gate, known: &'static Known, path: &str) -> (&'static Known, Reply) {
    let text = format!("case:error-{}", known.name.replace('_', "-"));
    (known, gate.client().post(path, &prompt(&text)).await)
}

#[tokio::test]
async fn a_quota_that_names_its_time_is_passed_on_with_it() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Gate::start(&gemini).await;
    let reply = gate.client().post(GENERATE, &prompt("case:error-quota-minute")).await;
    assert_eq!(reply.header("retry-after"), "7", "{reply:?}");
    let told = reply.json();
    let retry = detail(&told["error"], "type.googleapis.com/google.rpc.RetryInfo");
    assert_eq!(retry.unwrap()["retryDelay"], "7s", "{told}");
}

#[tokio::test]
async fn what_asking_again_cannot_mend_is_asked_once() {
    for name in ["invalid-argument", "credits-spent", "quota-day", "key-leaked", "model-gone"] {
        let gemini = Gemini::start(cases::brain).await;
        let gate = Gate::start(&gemini).await;
        gate.client().post(GENERATE, &prompt(&format!("case:error-{name}"))).await;
        assert_eq!(gemini.requests().len(), 1, "{name} was asked again");
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_asked_again_before_the_first_byte() {
    let busy = AtomicBool::new(true);
    let gemini = Gemini::start(move |request| {
        if busy.swap(false, Ordering::SeqCst) { Known::named("unavailable").script() } else { cases::brain(request) }
    })
    .await;
    let gate = Gate::start(&gemini).await;
    assert_eq!(gate.client().post(GENERATE, &prompt("case:hello")).await.answer(), "Hello from the double.");
    assert_eq!(gemini.requests().len(), 2);
}

#[tokio::test]
async fn a_failure_that_stays_is_not_asked_for_ever() {
    let (gemini, gate) = gate_before(Known::named("unavailable").script()).await;
    assert!(gate.client().post(STREAM, &prompt("hi")).await.status.is_server_error());
    let asked = gemini.requests().len();
    assert!((2..=5).contains(&asked), "asked {asked} times");
}

#[tokio::test]
async fn an_error_of_count_tokens_is_mapped_too() {
    let (_gemini, gate) = gate_before(Script::json(429, &error(429, "RESOURCE_EXHAUSTED", "Slow down."))).await;
    assert_error(&gate.client().post(COUNT, &prompt("hi")).await, 429, "RESOURCE_EXHAUSTED");
}

/// A stream with all that the standard allows and Gemini may one day do: a mark, comments, either line end, an event
/// over several lines, characters of several bytes, an address that no chunk holds whole.
fn motley() -> String {
    let chunks =
        [answer::chunk("é🌻 ada@exa"), answer::chunk("mple.org "), Answer::new().text("ok").finish("STOP").value()];
    let slim = |chunk: &Value| json!({"candidates": chunk["candidates"]});
    let [first, second, last] = chunks;
    format!(
        "\u{feff}: hello\ndata: {}\r\n\r\nid: 7\n{}\n:\ndata:{}\n\n",
        slim(&first),
        script::spread_event(&slim(&second)),
        slim(&last)
    )
}

const MOTLEY: &str = "é🌻 [REDACTED:email] ok";

#[tokio::test]
async fn a_stream_split_at_any_byte_says_the_same() {
    let bytes = motley().into_bytes();
    let length = bytes.len();
    let gemini = Gemini::start(move |request| {
        let at: usize = request.contents()[0]["parts"][0]["text"].as_str().unwrap().parse().unwrap();
        let (before, after) = bytes.split_at(at);
        Script::stream().then(before.to_vec()).pause(Duration::from_millis(2)).then(after.to_vec())
    })
    .await;
    let gate = Arc::new(Setup::default().policy(ROOMY).start(&gemini).await);
    let mut asking = JoinSet::new();
    for at in 0..=length {
        let gate = Arc::clone(&gate);
        asking.spawn(async move { (at, gate.client().post(STREAM, &prompt(&at.to_string())).await) });
        if asking.len() == 16 {
            check_split(asking.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(answered) = asking.join_next().await {
        check_split(answered.unwrap());
    }
}

fn check_split((at, reply): (usize, Reply)) {
    assert_eq!(reply.answer(), MOTLEY, "split at {at}: {reply:?}");
    assert!(reply.text().contains("STOP"), "split at {at}: {reply:?}");
}

#[tokio::test]
async fn a_stream_that_comes_byte_by_byte_says_the_same() {
    let (_gemini, gate) = gate_before(Script::stream().trickle(motley().as_bytes())).await;
    let reply = gate.client().post(STREAM, &prompt("hi")).await;
    assert_eq!(reply.answer(), MOTLEY, "{reply:?}");
}

#[tokio::test]
async fn a_whole_answer_that_comes_byte_by_byte_says_the_same() {
    let whole = answer::text("byte by byte").to_string();
    let (_gemini, gate) = gate_before(Script::empty(200, "application/json").trickle(whole.as_bytes())).await;
    assert_eq!(gate.client().post(GENERATE, &prompt("hi")).await.answer(), "byte by byte");
}

#[tokio::test]
async fn a_huge_event_comes_through() {
    let long = "sunflower ".repeat(100_000);
    let (_gemini, gate) = gate_before(Script::events(&[answer::text(&long)])).await;
    let reply = gate.client().post(STREAM, &prompt("hi")).await;
    assert_eq!(reply.answer().len(), long.len());
    assert!(reply.text().contains("STOP"));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event() {
    let so_far = Script::stream().event(&answer::chunk("so far, "));
    for (what, script) in [
        ("between events", so_far.clone().cut()),
        ("inside an event", so_far.clone().then("data: {\"candidates\": [{\"con").cut()),
        ("with a clean end but no finish", so_far.clone()),
        ("with a clean end inside an event", so_far.clone().then("data: {\"candidates\": [{\"con")),
        ("with an event that is not JSON", so_far.clone().then("data: nonsense\n\n")),
        ("with an error object", so_far.clone().event(&error(503, "UNAVAILABLE", "The model is overloaded."))),
        ("with a bare error line", so_far.then(error(500, "INTERNAL", "Oops.").to_string() + "\n\n")),
    ] {
        let (_gemini, gate) = gate_before(script).await;
        let reply = gate.client().post(STREAM, &prompt("hi")).await;
        assert_eq!(reply.status, 200, "{what}: {reply:?}");
        let last = assert_ends_in_error(&reply);
        assert!(last["error"]["code"].as_u64().is_some_and(|code| code >= 500), "{what}: {last}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_makes_no_sense_is_an_error() {
    let whole = answer::text("so far").to_string();
    let half = whole.get(..whole.len() / 2).unwrap().to_owned();
    for (what, script) in [
        ("cut", Script::empty(200, "application/json").then(half.clone()).cut()),
        ("half", Script::empty(200, "application/json").then(half)),
        ("empty", Script::empty(200, "application/json")),
        ("no object", Script::empty(200, "application/json").then("[]")),
        ("neither candidates nor feedback", Script::json(200, &json!({"usageMetadata": answer::usage()}))),
        ("packed without being asked", Script::json(200, &answer::text("packed")).gzipped()),
        ("an error with status 200", Script::json(200, &error(503, "UNAVAILABLE", "Busy."))),
    ] {
        let (_gemini, gate) = gate_before(script).await;
        let reply = gate.client().post(GENERATE, &prompt("hi")).await;
        assert!(reply.status.is_server_error(), "{what}: {reply:?}");
        assert_eq!(reply.json()["error"]["code"], reply.status.as_u16(), "{what}: {reply:?}");
    }
}

#[tokio::test]
async fn an_empty_stream_is_an_error() {
    let (_gemini, gate) = gate_before(Script::stream()).await;
    let reply = gate.client().post(STREAM, &prompt("hi")).await;
    let error = if reply.status == 200 { assert_ends_in_error(&reply) } else { reply.json() };
    assert!(error["error"]["code"].as_u64().is_some_and(|code| code >= 500), "{reply:?}");
}

#[tokio::test]
async fn what_gemini_blocks_is_blocked_in_geminis_words() {
    for reason in ["SAFETY", "PROHIBITED_CONTENT", "A_REASON_OF_TOMORROW"] {
        let (_gemini, gate) = gate_before(Script::json(200, &answer::blocked(reason))).await;
        let told = gate.client().post(GENERATE, &prompt("hi")).await.json();
        assert_eq!(told["promptFeedback"]["blockReason"], reason, "{told}");
        let (_gemini, gate) = gate_before(Script::events(&[answer::blocked(reason)])).await;
        let events = gate.client().post(STREAM, &prompt("hi")).await.events();
        assert_eq!(events[0]["promptFeedback"]["blockReason"], reason, "{events:?}");
        assert!(events.iter().all(|event| event.get("error").is_none()), "{events:?}");
    }
}

#[tokio::test]
async fn a_stream_at_its_end_is_whole_whether_its_connection_breaks_or_stays_open() {
    for told in [Answer::new().text("all").finish("STOP").value(), answer::blocked("SAFETY")] {
        for script in [Script::stream().event(&told).cut(), Script::stream().event(&told).stall()] {
            let (_gemini, gate) = gate_before(script).await;
            let asked = async { gate.client().post(STREAM, &prompt("hi")).await };
            let events = wait::within("the answer to end", asked).await.events();
            assert_eq!(events.len(), 1, "{events:?}");
            assert_eq!(events[0]["candidates"][0]["finishReason"], told["candidates"][0]["finishReason"]);
            assert_eq!(events[0]["promptFeedback"]["blockReason"], told["promptFeedback"]["blockReason"]);
        }
    }
}

#[tokio::test]
async fn a_finish_without_content_and_one_of_tomorrow_pass() {
    for reason in ["SAFETY", "MAX_TOKENS", "SPII", "A_FINISH_OF_TOMORROW"] {
        let told = Answer::new().finish(reason).value();
        let (_gemini, gate) = gate_before(Script::json(200, &told)).await;
        let reply = gate.client().post(GENERATE, &prompt("hi")).await;
        assert_eq!(reply.json()["candidates"][0]["finishReason"], reason, "{reply:?}");
        let (_gemini, gate) = gate_before(Script::events(&[answer::chunk("some"), told])).await;
        let reply = gate.client().post(STREAM, &prompt("hi")).await;
        assert_eq!(reply.events().last().unwrap()["candidates"][0]["finishReason"], reason, "{reply:?}");
        assert_eq!(reply.answer(), "some");
    }
}

#[tokio::test]
async fn a_field_of_tomorrow_is_dropped() {
    let told = Answer::new()
        .part(json!({"text": "known", "brandNewField": "unseen"}))
        .finish("STOP")
        .with("brandNewTop", json!("unseen"))
        .value();
    for (path, script) in [(GENERATE, Script::json(200, &told)), (STREAM, Script::events(std::slice::from_ref(&told)))]
    {
        let (_gemini, gate) = gate_before(script).await;
        let reply = gate.client().post(path, &prompt("hi")).await;
        assert_eq!(reply.answer(), "known");
        assert!(!reply.text().contains("unseen") && !reply.text().contains("brandNew"), "{reply:?}");
    }
}

async fn impatient(gemini: &Gemini) -> Gate {
    let seconds =
        [("CONNECT_SECONDS", "1"), ("FIRST_BYTE_SECONDS", "1"), ("IDLE_SECONDS", "1"), ("TOTAL_SECONDS", "3")];
    seconds.iter().fold(Setup::default(), |setup, (name, value)| setup.env(name, *value)).start(gemini).await
}

#[tokio::test]
async fn a_gemini_that_does_not_answer_is_given_up_and_not_asked_again() {
    let gemini = Gemini::always(Script::stream().held_back(&script::Hold::default())).await;
    let gate = impatient(&gemini).await;
    for path in [GENERATE, STREAM] {
        assert_error(&gate.client().post(path, &prompt("hi")).await, 504, "DEADLINE_EXCEEDED");
    }
    assert_eq!(gemini.requests().len(), 2, "an attempt whose fate is unknown was repeated");
}

#[tokio::test]
async fn a_stream_that_stalls_ends_in_a_deadline_error() {
    let gemini = Gemini::always(Script::stream().event(&answer::chunk("so far")).stall()).await;
    let gate = impatient(&gemini).await;
    let reply = gate.client().post(STREAM, &prompt("hi")).await;
    let last = assert_ends_in_error(&reply);
    assert_eq!(last["error"]["status"], "DEADLINE_EXCEEDED", "{reply:?}");
}

#[tokio::test]
async fn a_stream_that_never_ends_ends_in_a_deadline_error() {
    let drip = (0..40)
        .fold(Script::stream(), |script, _| script.event(&answer::chunk("drip ")).pause(Duration::from_millis(250)));
    let gemini = Gemini::always(drip).await;
    let gate = impatient(&gemini).await;
    let last = assert_ends_in_error(&gate.client().post(STREAM, &prompt("hi")).await);
    assert_eq!(last["error"]["status"], "DEADLINE_EXCEEDED", "{last}");
}

#[tokio::test]
async fn a_gemini_that_is_not_there_is_an_error() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let gemini = Gemini::start(cases::brain).await;
    let gate = Setup::default().env("GEMINI_BASE_URL", nobody).start(&gemini).await;
    let reply = gate.client().post(GENERATE, &prompt("case:hello")).await;
    assert!(reply.status.is_server_error(), "{reply:?}");
    assert_eq!(reply.json()["error"]["code"], reply.status.as_u16(), "{reply:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Gemini::start(cases::brain).await;
    let (_gemini, gate) = gate_before(Script::redirect(&format!("{}{GENERATE}", elsewhere.url()))).await;
    let reply = gate.client().post(GENERATE, &prompt("case:hello")).await;
    assert!(reply.status.is_server_error(), "{reply:?}");
    assert!(elsewhere.requests().is_empty(), "the redirect was followed");
}
