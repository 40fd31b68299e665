//! What a caller sees of a stream: exactly the bytes that Google's SDKs can read, redacted, and soon.

use serde_json::json;
use tests::gate::Gate;
use tests::gemini::answer::{self, Answer};
use tests::gemini::{Gemini, Hold, Script};

use crate::{GENERATE, STREAM, gate_before, prompt};

#[tokio::test]
async fn is_nothing_but_data_lines() {
    let script = Script::stream()
        .then(": a comment\n\n")
        .event(&answer::chunk("one\u{2028}two\n\nthree "))
        .then("event: ping\ndata: {\"candidates\": []}\n\n")
        .event(&answer::text("four"));
    let (_gemini, gate) = gate_before(script).await;
    let reply = gate.client().post(STREAM, &prompt("hi")).await;
    assert!(reply.header("content-type").starts_with("text/event-stream"), "{reply:?}");
    // `events` fails on any byte that is not `data: <json>\n\n`.
    assert!(!reply.events().is_empty());
    assert_eq!(reply.answer(), "one\u{2028}two\n\nthree four");
    assert!(reply.ended && !reply.text().contains("[DONE]"), "{reply:?}");
}

#[tokio::test]
async fn a_chunk_arrives_before_gemini_has_finished() {
    let hold = Hold::default();
    let script =
        Script::stream().event(&answer::chunk("The first words, ")).hold(&hold).event(&answer::text("the rest."));
    let (_gemini, gate) = gate_before(script).await;
    let mut live = gate.client().open(STREAM, &prompt("hi")).await;
    live.read_until("The first").await;
    hold.reached().await;
    hold.release();
    let reply = live.rest().await;
    assert!(reply.ended, "{reply:?}");
    assert_eq!(reply.answer(), "The first words, the rest.");
}

/// Made when the test runs, so that the source holds no key.
fn secrets() -> Vec<(&'static str, String)> {
    vec![
        ("email", "ada.lovelace@example.org".to_owned()),
        ("google_api_key", format!("AIza{}", "SyD3x7-Q_".repeat(4).get(..35).unwrap())),
        ("credit_card", ["4111", "1111", "1111", "1111"].join(" ")),
    ]
}

#[tokio::test]
async fn a_secret_cut_anywhere_is_redacted() {
    for (name, secret) in secrets() {
        let text = format!("Note {secret} well.");
        let planted = secret.clone();
        let gemini = Gemini::start(move |request| {
            let at = request.contents()[0]["parts"][0]["text"].as_str().unwrap().parse().unwrap();
            let text = format!("Note {planted} well.");
            let (before, after) = text.split_at(at);
            Script::events(&answer::chunks(&[before, after]))
        })
        .await;
        let gate = Gate::start(&gemini).await;
        for at in 0..=text.len() {
            let reply = gate.client().post(STREAM, &prompt(&at.to_string())).await;
            let told = reply.answer();
            assert!(!reply.text().contains(&secret), "{name} at {at}: {told}");
            assert!(told.starts_with("Note [REDACTED:") && told.ends_with("] well."), "{name} at {at}: {told}");
        }
    }
}

#[tokio::test]
async fn a_whole_answer_is_redacted_like_a_stream() {
    for (name, secret) in secrets() {
        let text = format!("Note {secret} well.");
        let (_gemini, gate) = gate_before(Script::json(200, &answer::text(&text))).await;
        let whole = gate.client().post(GENERATE, &prompt("hi")).await;
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        let (_gemini, gate) = gate_before(Script::events(&answer::chunks(&letters))).await;
        let streamed = gate.client().post(STREAM, &prompt("hi")).await;
        assert_eq!(whole.answer(), streamed.answer(), "{name}");
        assert!(!whole.text().contains(&secret), "{name}: {whole:?}");
    }
}

#[tokio::test]
async fn a_secret_in_a_calls_arguments_is_redacted_and_its_signature_is_not() {
    let (_, key) = secrets().remove(1);
    // A signature that looks like a key, since it is not ours to read.
    let call = Answer::new().call("send", &json!({"to": "ada.lovelace@example.org", "token": key}), &key);
    let told = call.finish("STOP").value();
    for (path, script) in [(GENERATE, Script::json(200, &told)), (STREAM, Script::events(std::slice::from_ref(&told)))]
    {
        let (_gemini, gate) = gate_before(script).await;
        let reply = gate.client().post(path, &prompt("hi")).await;
        let chunk = if path == STREAM { reply.events().remove(0) } else { reply.json() };
        let part = &chunk["candidates"][0]["content"]["parts"][0];
        assert_eq!(part["thoughtSignature"], key, "{chunk}");
        let args = &part["functionCall"]["args"];
        assert!(args["token"].as_str().is_some_and(|token| token.starts_with("[REDACTED:")), "{chunk}");
        assert_eq!(args["to"], "ada.lovelace@example.org", "personal data passes: {chunk}");
    }
}
