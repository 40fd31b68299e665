//! Strings that have broken somebody's software before, in every place that takes one.

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tests::gemini::{Script, answer};

use crate::limits::used;
use crate::{GENERATE, gate_before, prompt};

pub(crate) const NAUGHTY: &[&str] = &[
    "\0",
    "\u{1}\u{7f}\u{85}",
    "\u{feff}\u{200b}\u{202e}\u{2066}",
    "\u{e0041}\u{e007f}",
    "\u{fffe}\u{ffff}\u{10ffff}",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}algo",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{fdfd}\u{fb03}\u{1e9e}\u{130}",
    "'; DROP TABLE audit; --",
    "<script>alert(1)</script>",
    "${jndi:ldap://127.0.0.1/x}",
    "{{7*7}} #{1} %s%n%x",
    "../../../../etc/passwd",
    "data: {}\n\ndata: [DONE]\n\n",
    "x\r\nset-cookie: a=b\r\n\r\n",
    "\\u0000 \\ud800 \\",
    "-0 1e999 NaN null true undefined",
];

fn everywhere(text: &str) -> Vec<Value> {
    let user = |part: Value| json!({"contents": [{"role": "user", "parts": [part]}]});
    let with = |field: &str, value: Value| {
        let mut body = prompt("hi");
        body[field] = value;
        body
    };
    vec![
        prompt(text),
        json!({"contents": [{"role": text, "parts": [{"text": "hi"}]}]}),
        user(json!({"functionResponse": {"name": text, "response": {"a": "b"}}})),
        user(json!({"functionResponse": {"name": "f", "response": {text: text}}})),
        user(json!({"functionCall": {"name": text, "args": {text: text}}, "thoughtSignature": text})),
        user(json!({"inlineData": {"mimeType": text, "data": "AAAA"}})),
        user(json!({"inlineData": {"mimeType": "image/png", "data": text}})),
        user(json!({text: text})),
        with("systemInstruction", json!({"parts": [{"text": text}]})),
        with("generationConfig", json!({"stopSequences": [text], "responseMimeType": text})),
        with("generationConfig", json!({text: text})),
        with("safetySettings", json!([{"category": text, "threshold": text}])),
        with("tools", json!([{"functionDeclarations": [{"name": text, "description": text}]}])),
        with("toolConfig", json!({"functionCallingConfig": {"mode": text}})),
        with(text, json!(text)),
    ]
}

#[tokio::test]
async fn naughty_strings_anywhere_pass_or_are_refused_and_break_nothing() {
    let (_gemini, gate) = gate_before(Script::json(200, &answer::text("hi"))).await;
    for text in NAUGHTY {
        for body in everywhere(text) {
            let reply = gate.client().post(GENERATE, &body).await;
            assert!([200, 400, 404].contains(&reply.status.as_u16()), "{body}: {reply:?}");
            let _whole = reply.json();
        }
    }
    assert_eq!(gate.client().post(GENERATE, &prompt("hi")).await.answer(), "hi");
}

/// Names and texts that are long, of what a reader may take for structure: a stack would not do, if anything went into
/// them step by step.
pub(crate) fn long() -> [String; 3] {
    [".".repeat(1 << 20), "[".repeat(1 << 16), "{\"".repeat(1 << 16)]
}

/// An answer, and a count for what is so long that it is counted.
pub(crate) fn counted() -> Script {
    Script::json(200, &used(&json!({"promptTokenCount": 10, "totalTokenCount": 10})))
}

#[tokio::test]
async fn long_names_and_texts_anywhere_pass_or_are_refused_and_break_nothing() {
    let (_gemini, gate) = gate_before(counted()).await;
    for text in long() {
        for body in everywhere(&text) {
            let reply = gate.client().post(GENERATE, &body).await;
            assert!([200, 400, 404, 413].contains(&reply.status.as_u16()), "{reply:?}");
            assert!(reply.body.len() < 5000, "{} bytes", reply.body.len());
        }
    }
    assert_eq!(gate.client().post(GENERATE, &prompt("hi")).await.status, 200);
}

#[tokio::test]
async fn naughty_headers_break_nothing() {
    let (_gemini, gate) = gate_before(Script::json(200, &answer::text("hi"))).await;
    let client = gate.client();
    for name in ["x-gatehouse-user", "x-gatehouse-documents", "user-agent", "accept-encoding", "x-server-timeout"] {
        for value in ["", "-1", "0.1,2.0,,9999999999999999999.1", "\u{e9}", "a b;c=d", &"x".repeat(4000)] {
            let request = client.request(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json");
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let reply = client.send(request.header(name, value), prompt("hi").to_string()).await;
            assert!([200, 400].contains(&reply.status.as_u16()), "{name}: {reply:?}");
        }
    }
}
