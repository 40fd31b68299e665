//! The `OpenAI` surface when the request is bad: refused in its shape, and Gemini never hears of it.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tests::gate::{Gate, Setup};
use tests::gemini::{Gemini, Script, answer};

use super::{CHAT, assert_error, chat, client, streamed};
use crate::gate_before;

async fn gate() -> (Gemini, Gate) {
    gate_before(Script::json(200, &answer::text("hi"))).await
}

#[tokio::test]
async fn what_openai_offers_and_the_gate_does_not_is_a_404_that_says_so() {
    let (gemini, gate) = gate().await;
    for path in [
        "/v1/responses",
        "/v1/embeddings",
        "/v1/completions",
        "/v1/files",
        "/v1/batches",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/assistants",
        "/v1/moderations",
        "/v1/chat/completions/x",
        "/v1/chat/completions/",
        "/openai/v1/responses",
        "/openai/v1",
        "/openai/v1/",
        "/v1beta/openai/embeddings",
    ] {
        let reply = client(&gate).post(path, &chat("hi")).await;
        assert_error(&reply, 404, "unknown_url");
        assert!(reply.text().contains("/v1/chat/completions"), "{reply:?}");
    }
    let reply = client(&gate).get(CHAT).await;
    assert_error(&reply, 405, "method_not_allowed");
    assert_eq!(reply.header("allow"), "POST");
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn every_bad_key_gets_the_same_401() {
    let (gemini, gate) = gate().await;
    let client = client(&gate);
    let post = || client.anonymous(Method::POST, CHAT).header(CONTENT_TYPE, "application/json");
    let wrong_secret = format!("{}x", gate.key.get(..gate.key.len() - 1).unwrap());
    let mut told = Vec::new();
    for request in [
        post(),
        post().header(AUTHORIZATION, "Bearer "),
        post().header(AUTHORIZATION, "Bearer sk-wrong"),
        post().header(AUTHORIZATION, format!("Bearer {wrong_secret}")),
        post().header(AUTHORIZATION, format!("Bearer {}", gemini.key())),
        post().header("x-goog-api-key", wrong_secret.as_str()),
    ] {
        let reply = client.send(request, chat("hi").to_string()).await;
        assert_error(&reply, 401, "invalid_api_key");
        told.push(reply.text().replace(reply.header("x-request-id"), "ID"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "the bodies tell bad keys apart: {told:#?}");
    let models = client.send(client.anonymous(Method::GET, "/v1/models").header(AUTHORIZATION, "Bearer x"), "").await;
    assert_error(&models, 401, "invalid_api_key");
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn two_keys_in_one_request_are_refused() {
    let (gemini, gate) = gate().await;
    let client = client(&gate);
    let post = || client.request(Method::POST, CHAT).header(CONTENT_TYPE, "application/json");
    let bearer = format!("Bearer {}", gate.key);
    for request in [post().header("x-goog-api-key", &gate.key), post().header(AUTHORIZATION, bearer)] {
        assert_error(&client.send(request, chat("hi").to_string()).await, 400, "two_credentials");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_body_that_is_not_sound_json_is_refused() {
    let (gemini, gate) = gate().await;
    let hi = chat("hi").to_string();
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (what, body, code) in [
        ("nothing", String::new(), "invalid_json"),
        ("half", "{\"messages\":".into(), "invalid_json"),
        ("a tail", format!("{hi} x"), "invalid_json"),
        ("NaN", hi.replace("\"hi\"", "NaN"), "invalid_json"),
        ("a lone surrogate", hi.replace("\"hi\"", "\"\\ud800\""), "invalid_json"),
        ("a duplicate key", hi.replacen("\"model\"", "\"messages\":[],\"model\"", 1), "duplicate_key"),
        ("one key spelt twice", hi.replacen("\"model\"", "\"mod\\u0065l\":\"x\",\"model\"", 1), "duplicate_key"),
        ("too deep", deep, "too_deep"),
        ("an array", "[]".into(), "invalid_field"),
    ] {
        let reply = client(&gate).post_bytes(CHAT, body).await;
        assert_eq!(reply.status, 400, "{what}: {reply:?}");
        assert_error(&reply, 400, code);
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_field_is_refused_by_name_with_the_remedy() {
    let (gemini, gate) = gate().await;
    for (field, value, code) in [
        ("brand_new", json!(1), "unknown_field"),
        ("logprobs", json!(true), "refused_field"),
        ("n", json!(2), "refused_field"),
        ("store", json!(true), "refused_field"),
        ("web_search_options", json!({}), "refused_field"),
        ("temperature", json!("hot"), "invalid_field"),
        ("stop", json!(["a", "b", "c", "d", "e", "f"]), "invalid_field"),
        ("max_tokens", json!("many"), "invalid_field"),
    ] {
        let mut body = chat("hi");
        body[field] = value;
        let named = if field == "max_tokens" { "max_completion_tokens" } else { field };
        for body in [body.clone(), streamed(body)] {
            let reply = client(&gate).post(CHAT, &body).await;
            assert_error(&reply, 400, code);
            let told = reply.json();
            assert_eq!(told["error"]["param"], named, "{told}");
            assert!(told["error"]["message"].as_str().unwrap().starts_with(named), "{told}");
        }
    }
    let image = json!({"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest/meta-data"}});
    let body = json!({"model": "gemini-3.5-flash", "messages": [{"role": "user", "content": [image]}]});
    let reply = client(&gate).post(CHAT, &body).await;
    assert_error(&reply, 400, "refused_field");
    assert!(reply.text().contains("data:"), "{reply:?}");
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_model_that_is_a_path_or_not_allowed_is_refused() {
    let (gemini, gate) = gate().await;
    for (model, status, code) in [
        ("gpt-5", 404, "model_not_found"),
        ("gemini-0-nowhere", 404, "model_not_found"),
        ("../x", 400, "invalid_field"),
        ("gemini-3.5-flash:countTokens", 400, "invalid_field"),
        ("", 400, "invalid_field"),
    ] {
        let mut body = chat("hi");
        body["model"] = json!(model);
        let reply = client(&gate).post(CHAT, &body).await;
        assert_error(&reply, status, code);
        assert_eq!(reply.json()["error"]["param"], "model", "{reply:?}");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_in_openais_word() {
    let gemini = Gemini::always(Script::json(200, &json!({"totalTokens": 900}))).await;
    let gate = Setup::default().policy("[limits]\nmax_input_tokens = 100\n").start(&gemini).await;
    let reply = client(&gate).post(CHAT, &chat(&"word ".repeat(200))).await;
    assert_error(&reply, 400, "context_length_exceeded");
    assert_eq!(reply.json()["error"]["param"], "messages", "{reply:?}");
}

#[tokio::test]
async fn the_end_user_is_named_once() {
    let gemini = Gemini::always(Script::json(200, &answer::text("hi"))).await;
    let gate = Setup::default().policy("[users]\nrequire = true\n").start(&gemini).await;
    let client = client(&gate);
    assert_error(&client.post(CHAT, &chat("hi")).await, 400, "user_required");
    let named = |user: &str| {
        let mut body = chat("hi");
        body["user"] = json!(user);
        body
    };
    assert_eq!(client.post(CHAT, &named("ada")).await.status, 200);
    let post = || client.request(Method::POST, CHAT).header(CONTENT_TYPE, "application/json");
    for (body, status) in [(chat("hi"), 200), (named("ada"), 200), (named("bob"), 400)] {
        let reply = client.send(post().header("x-gatehouse-user", "ada"), body.to_string()).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    assert_error(&client.post(CHAT, &named(&"x".repeat(300))).await, 400, "invalid_field");
}

/// A text in every place that takes one.
fn everywhere(text: &str) -> Vec<Value> {
    let messages = |messages: Value| json!({"model": "gemini-3.5-flash", "messages": messages});
    let with = |field: &str, value: Value| {
        let mut body = chat("hi");
        body[field] = value;
        body
    };
    let call = json!({"id": text, "type": text, "function": {"name": text, "arguments": text},
        "extra_content": {"google": {"thought_signature": text}}});
    let called = json!({"id": text, "function": {"name": text, "arguments": json!({text: text}).to_string()}});
    vec![
        chat(text),
        messages(json!([{"role": text, "content": "hi"}])),
        messages(json!([{"role": "user", "name": text, "content": [{"type": "text", "text": text}]}])),
        messages(json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": text}}]}])),
        messages(json!([{"role": "user", "content": [{"type": text, text: text}]}])),
        messages(json!([{"role": "system", "content": text}, {"role": "user", "content": "hi"}])),
        messages(json!([{"role": "assistant", "content": text, "refusal": text, "tool_calls": [call]}])),
        messages(json!([{"role": "assistant", "tool_calls": [called]},
            {"role": "tool", "tool_call_id": text, "content": text}])),
        with("model", json!(text)),
        with("user", json!(text)),
        with("stop", json!(text)),
        with("reasoning_effort", json!(text)),
        with("response_format", json!({"type": text})),
        with("tool_choice", json!(text)),
        with("tools", json!([{"type": "function", "function": {"name": text, "description": text}}])),
        with("metadata", json!({text: text})),
        with(text, json!(text)),
    ]
}

#[tokio::test]
async fn naughty_strings_anywhere_pass_or_are_refused_and_break_nothing() {
    let (_gemini, gate) = gate().await;
    for text in crate::naughty::NAUGHTY {
        for body in everywhere(text) {
            let reply = client(&gate).post(CHAT, &body).await;
            assert!([200, 400, 404].contains(&reply.status.as_u16()), "{body}: {reply:?}");
            let _whole = reply.json();
        }
    }
    assert_eq!(client(&gate).post(CHAT, &chat("hi")).await.completion(), "hi");
}

#[tokio::test]
async fn long_names_and_texts_anywhere_pass_or_are_refused_and_break_nothing() {
    let (_gemini, gate) = gate_before(crate::naughty::counted()).await;
    for text in crate::naughty::long() {
        for body in everywhere(&text) {
            let reply = client(&gate).post(CHAT, &body).await;
            assert!([200, 400, 404, 413].contains(&reply.status.as_u16()), "{reply:?}");
            assert!(reply.body.len() < 5000, "{} bytes", reply.body.len());
        }
    }
    assert_eq!(client(&gate).post(CHAT, &chat("hi")).await.status, 200);
}
