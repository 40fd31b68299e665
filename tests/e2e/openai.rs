//! The `OpenAI` surface when all is well: what a client asks reaches Gemini, and the completion comes back.

mod answers;
mod one_gate;
mod records;
mod refusals;
mod upstream;

use serde_json::{Value, json};
use tests::client::{Client, Reply};
use tests::gate::Gate;
use tests::gemini::answer::{self, Answer};
use tests::gemini::cases::{self, SIGNATURE};
use tests::gemini::{Gemini, Script};

use crate::gate_before;

const CHAT: &str = "/v1/chat/completions";

/// A request of one user's message.
fn chat(text: &str) -> Value {
    json!({"model": "gemini-3.5-flash", "messages": [{"role": "user", "content": text}]})
}

/// The same request, streamed.
fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

/// A client that sends the gate's key as `OpenAI`'s do.
fn client(gate: &Gate) -> Client {
    gate.client().bearer()
}

/// Asserts that an answer is an error as `OpenAI`'s SDKs read them, with an id.
fn assert_error(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.header("content-type").starts_with("application/json"), "{reply:?}");
    assert!(!reply.header("x-request-id").is_empty(), "{reply:?}");
    assert_eq!(reply.header("x-request-id"), reply.header("x-gatehouse-request-id"), "{reply:?}");
    assert_eq!(assert_error_object(&reply.json()), code, "{reply:?}");
}

/// Asserts that a body or an event is an error object, and gives its code.
fn assert_error_object(body: &Value) -> String {
    let error = &body["error"];
    for field in ["message", "type", "code"] {
        assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {body}");
    }
    assert!(error.get("param").is_some(), "{body}");
    error["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn answers_whole_and_streamed_under_each_base() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Gate::start(&gemini).await;
    for base in ["/v1", "/openai/v1", "/v1beta/openai"] {
        let path = format!("{base}/chat/completions");
        let reply = client(&gate).post(&path, &chat("case:hello")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.completion(), "Hello from the double.");
        assert_eq!(reply.json()["object"], "chat.completion");
        assert!(!reply.header("x-request-id").is_empty(), "{reply:?}");
        let reply = client(&gate).post(&path, &streamed(chat("case:stream"))).await;
        assert_eq!(reply.completion(), "One, two, three.", "{reply:?}");
        assert!(reply.ended && reply.chunks().1, "{reply:?}");
    }
    // The key may come as Google's clients send it, too.
    assert_eq!(gate.client().post(CHAT, &chat("case:hello")).await.completion(), "Hello from the double.");
    gemini.assert_faultless();
}

#[tokio::test]
async fn reports_what_gemini_counted_thoughts_included() {
    let (_gemini, gate) = gate_before(Script::json(200, &answer::text("hi"))).await;
    let told = client(&gate).post(CHAT, &chat("hello")).await.json();
    let usage = json!({"prompt_tokens": 11, "completion_tokens": 27, "total_tokens": 38,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 20}});
    assert_eq!(told["usage"], usage, "{told}");
    assert_eq!(told["choices"][0]["finish_reason"], "stop");
    let (_gemini, gate) = gate_before(Script::events(&answer::chunks(&["a", "b"]))).await;
    let mut body = streamed(chat("hello"));
    body["stream_options"] = json!({"include_usage": true});
    let (chunks, done) = client(&gate).post(CHAT, &body).await.chunks();
    let (last, before) = chunks.split_last().unwrap();
    assert_eq!((&last["usage"], &last["choices"], done), (&usage, &json!([]), true), "{chunks:?}");
    assert!(before.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)), "{chunks:?}");
}

#[tokio::test]
async fn a_stream_is_one_completion() {
    let (_gemini, gate) = gate_before(Script::events(&answer::chunks(&["one ", "two ", "three"]))).await;
    let reply = client(&gate).post(CHAT, &streamed(chat("hello"))).await;
    assert!(reply.header("content-type").starts_with("text/event-stream"), "{reply:?}");
    let (chunks, done) = reply.chunks();
    assert!(done, "{reply:?}");
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk", "{chunk}");
        assert_eq!((&chunk["id"], &chunk["created"]), (&chunks[0]["id"], &chunks[0]["created"]), "{chunk}");
    }
    let with_role = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["role"] == "assistant");
    assert_eq!((with_role.count(), &chunks[0]["choices"][0]["delta"]["role"]), (1, &json!("assistant")));
    let reasons: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).collect();
    let (last, before) = reasons.split_last().unwrap();
    assert_eq!(*last, "stop");
    assert!(before.iter().all(|reason| reason.is_null()), "{reasons:?}");
}

#[tokio::test]
async fn composes_the_same_hardened_request_as_for_geminis_clients() {
    let (gemini, gate) = gate_before(Script::json(200, &answer::text("hi"))).await;
    let body = json!({"model": "gemini-3.5-flash", "temperature": 0.5, "stop": ["END"], "max_tokens": 99_999_999,
        "messages": [{"role": "system", "content": "Speak like a gardener."}, {"role": "user", "content": "hello"}]});
    let reply = client(&gate).post(CHAT, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-gatehouse-ignored"), "max_completion_tokens", "{reply:?}");
    let sent = gemini.only_request().body.unwrap();
    let system = sent["systemInstruction"].to_string();
    assert!(system.find("Speak like a gardener.").is_some_and(|at| at > 100), "{system}");
    assert_eq!(sent["contents"], json!([{"role": "user", "parts": [{"text": "hello"}]}]), "{sent}");
    assert_eq!(sent["safetySettings"].as_array().map(Vec::len), Some(4), "{sent}");
    let config = &sent["generationConfig"];
    let settings = [&config["temperature"], &config["stopSequences"], &config["maxOutputTokens"]];
    assert_eq!(settings, [&json!(0.5), &json!(["END"]), &json!(65_536)], "{sent}");
    gemini.assert_faultless();
}

/// The tools of the two-turn cases.
fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "description": "The weather in a city.",
        "strict": true, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}])
}

fn with_result(call: &Value) -> Value {
    json!({"model": "gemini-3.5-flash", "tools": weather(), "messages": [
        {"role": "user", "content": "case:tools"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "{\"degrees\": 12}"},
    ]})
}

#[tokio::test]
async fn a_call_comes_whole_and_its_signature_passes_both_ways_byte_for_byte() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Gate::start(&gemini).await;
    for stream in [false, true] {
        let mut body = chat("case:tools");
        (body["tools"], body["stream"]) = (weather(), json!(stream));
        let reply = client(&gate).post(CHAT, &body).await;
        let (told, said) = if stream { (reply.chunks().0, "delta") } else { (vec![reply.json()], "message") };
        let call = &told[0]["choices"][0][said]["tool_calls"][0];
        assert_eq!(call["extra_content"]["google"]["thought_signature"], SIGNATURE, "{told:?}");
        assert_eq!(call["function"], json!({"name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"}), "{told:?}");
        assert!(call["id"].as_str().is_some_and(|id| id.starts_with("call_")), "{told:?}");
        assert_eq!(told.last().unwrap()["choices"][0]["finish_reason"], "tool_calls", "{told:?}");
        let mut second = with_result(call);
        second["stream"] = json!(stream);
        let reply = client(&gate).post(CHAT, &second).await;
        assert_eq!(reply.completion(), "It is 12 degrees in Oslo.", "{reply:?}");
        assert_eq!(reply.header("x-gatehouse-placeholders"), "", "{reply:?}");
    }
    gemini.assert_faultless();
}

#[tokio::test]
async fn a_lost_signature_is_replaced_by_googles_placeholder_and_the_receipt_says_so() {
    let (gemini, gate) = gate_before(Script::json(200, &answer::text("ok"))).await;
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}});
    let reply = client(&gate).post(CHAT, &with_result(&call)).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-gatehouse-placeholders")), (200, "1"), "{reply:?}");
    let sent = gemini.only_request();
    let replayed = sent.parts().find(|part| part.get("functionCall").is_some()).unwrap();
    assert_eq!(replayed["thoughtSignature"], "skip_thought_signature_validator", "{replayed}");
    let replied = sent.parts().find_map(|part| part.get("functionResponse")).unwrap();
    assert_eq!(replied["name"], "get_weather", "{replied}");
}

#[tokio::test]
async fn json_mode_and_schemas_reach_gemini() {
    let (gemini, gate) = gate_before(Script::json(200, &answer::text(r#"{"name": "Ada", "age": 36}"#))).await;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": false});
    let mut body = chat("who?");
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": schema}});
    let reply = client(&gate).post(CHAT, &body).await;
    assert_eq!(serde_json::from_str::<Value>(&reply.completion()).unwrap()["age"], 36, "{reply:?}");
    let sent = gemini.only_request().body.unwrap();
    assert_eq!(sent["generationConfig"]["responseJsonSchema"], schema, "{sent}");
    assert_eq!(sent["generationConfig"]["responseMimeType"], "application/json", "{sent}");
}

#[tokio::test]
async fn an_image_reaches_gemini_unchanged() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Gate::start(&gemini).await;
    let data = "iVBORw0KGgoAAAANSUhEUgAA";
    let image = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}});
    let content = json!([image, {"type": "text", "text": "case:image"}]);
    let body = json!({"model": "gemini-3.5-flash", "messages": [{"role": "user", "content": content}]});
    let reply = client(&gate).post(CHAT, &body).await;
    assert_eq!(reply.completion(), "I see image/png of 24 characters.", "{reply:?}");
    let inline = json!({"inlineData": {"mimeType": "image/png", "data": data}});
    assert!(gemini.only_request().parts().any(|part| *part == inline));
}

#[tokio::test]
async fn a_document_is_marked_for_gemini() {
    let (gemini, gate) = gate_before(Script::json(200, &answer::text("ok"))).await;
    let body = json!({"model": "gemini-3.5-flash", "messages": [
        {"role": "user", "name": "document", "content": "The minutes of the meeting."},
        {"role": "user", "content": "Sum it up."},
    ]});
    assert_eq!(client(&gate).post(CHAT, &body).await.status, 200);
    let contents = gemini.only_request().contents().to_vec();
    let marked = contents[0]["parts"][0]["text"].as_str().unwrap().to_owned();
    assert!(marked.starts_with("[document ") && marked.contains("\nThe minutes of the meeting.\n"), "{marked}");
    assert_eq!(contents[1]["parts"][0]["text"], "Sum it up.");
}

#[tokio::test]
async fn models_are_listed_in_the_words_of_whoever_asks() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Gate::start(&gemini).await;
    for base in ["/v1", "/openai/v1", "/v1beta/openai"] {
        let list = client(&gate).get(&format!("{base}/models")).await.json();
        assert_eq!(list["object"], "list", "{list}");
        let found = list["data"].as_array().unwrap().iter().find(|model| model["id"] == "gemini-3.5-flash");
        assert_eq!(found.unwrap()["object"], "model", "{list}");
        let one = client(&gate).get(&format!("{base}/models/gemini-3.5-flash")).await.json();
        assert_eq!(one["id"], "gemini-3.5-flash", "{one}");
        assert_error(&client(&gate).get(&format!("{base}/models/gpt-5")).await, 404, "model_not_found");
    }
    let list = gate.client().get("/v1/models").await.json();
    assert_eq!(list["models"][0]["name"].as_str().map(|name| name.starts_with("models/")), Some(true), "{list}");
}

#[tokio::test]
async fn thoughts_stay_behind() {
    let told = Answer::new().thought("Secretly thought.").text("Said.").finish("STOP").value();
    for (stream, script) in [(false, Script::json(200, &told)), (true, Script::events(std::slice::from_ref(&told)))] {
        let (_gemini, gate) = gate_before(script).await;
        let mut body = chat("think");
        body["stream"] = json!(stream);
        let reply = client(&gate).post(CHAT, &body).await;
        assert!(!reply.text().contains("Secretly"), "{reply:?}");
        assert_eq!(reply.completion(), "Said.");
    }
}
