//! End-to-end tests over the real binaries.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what the tests share fails them by panicking, and `Value[..]` yields null where there is nothing"
)]

mod audit;
mod aws;
mod conformance;
mod counting;
mod database;
mod double;
mod dynamodb;
mod exfiltration;
mod fields;
mod history;
mod incident;
mod json;
mod limits;
mod load;
mod naughty;
mod openai;
mod openapi;
mod oversize;
mod privacy;
mod readme;
mod refusals;
mod reports;
mod secrets;
mod slow;
mod stall;
mod startup;
mod stream;
mod surface;
mod upstream;
mod verify;

use serde_json::{Value, json};
use tests::client::Reply;
use tests::gate::Gate;
use tests::gemini::{Gemini, Script};

const GENERATE: &str = "/v1beta/models/gemini-3.5-flash:generateContent";
const STREAM: &str = "/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse";
const COUNT: &str = "/v1beta/models/gemini-3.5-flash:countTokens";

/// A policy for tests that ask much at once.
const ROOMY: &str = "[admission.caller]\nrequests_per_minute = \"none\"\nusd = \"none\"\nmax_open = 200\n";

/// A body of one user turn.
fn prompt(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

/// A gate before a Gemini that answers every request alike.
async fn gate_before(script: Script) -> (Gemini, Gate) {
    let gemini = Gemini::always(script).await;
    let gate = Gate::start(&gemini).await;
    (gemini, gate)
}

/// Asserts that an answer is an error as Google's SDKs read them, with a reason and a request id.
fn assert_error(reply: &Reply, status: u16, name: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.header("content-type").starts_with("application/json"), "{reply:?}");
    assert!(!reply.header("x-gatehouse-request-id").is_empty(), "{reply:?}");
    assert_error_object(&reply.json(), status, name);
}

/// Asserts that a body or an event is an error object of this code and status.
fn assert_error_object(body: &Value, code: u16, name: &str) {
    let error = &body["error"];
    assert_eq!(error["code"], code, "{body}");
    assert_eq!(error["status"], name, "{body}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    let info = detail(error, "type.googleapis.com/google.rpc.ErrorInfo").unwrap_or_else(|| panic!("{body}"));
    assert!(info["reason"].is_string() && info["domain"].is_string(), "{body}");
}

/// The detail of this type in an error object.
fn detail<'e>(error: &'e Value, kind: &str) -> Option<&'e Value> {
    error["details"].as_array()?.iter().find(|detail| detail["@type"] == kind)
}

/// Asserts that a stream ended in an error event, and that nothing before it claimed success.
fn assert_ends_in_error(reply: &Reply) -> Value {
    let events = reply.events();
    let last = events.last().unwrap();
    assert!(last["error"]["code"].is_u64() && last["error"]["status"].is_string(), "{reply:?}");
    assert!(!reply.text().contains("finishReason"), "{reply:?}");
    last.clone()
}
