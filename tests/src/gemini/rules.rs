//! What Gemini takes and what it refuses, as far as a gateway can get it wrong.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};
use serde_json::Value;

use super::Request;
use super::errors::error;
use super::script::Script;

const ACTIONS: [&str; 3] = ["countTokens", "generateContent", "streamGenerateContent"];

/// What no gateway should ever send, and Gemini's answer to it.
pub(super) fn fault(request: &Request, key: &str) -> Option<(&'static str, Script)> {
    if let Some(fault) = credential_fault(&request.headers, request.query.as_deref(), key) {
        return Some((fault, Script::json(401, &error(401, "UNAUTHENTICATED", fault))));
    }
    let Some((version, resource)) = request.path.trim_start_matches('/').split_once('/') else {
        return Some(not_found());
    };
    if !["v1", "v1beta", "v1alpha"].contains(&version) || !resource.starts_with("models") {
        return Some(not_found());
    }
    let fault = match request.action() {
        None if request.method == Method::GET => return None,
        Some(action) if request.method == Method::POST && ACTIONS.contains(&action) => body_fault(request)?,
        None | Some(_) => return Some(not_found()),
    };
    Some((fault, Script::json(400, &error(400, "INVALID_ARGUMENT", fault))))
}

fn not_found() -> (&'static str, Script) {
    ("no such method or path", Script::json(404, &error(404, "NOT_FOUND", "Requested entity was not found.")))
}

fn credential_fault(headers: &HeaderMap, query: Option<&str>, key: &str) -> Option<&'static str> {
    if query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("key="))) {
        return Some("the key stands in the URL");
    }
    if headers.contains_key(AUTHORIZATION) {
        return Some("multiple authentication credentials received");
    }
    let keys: Vec<_> = headers.get_all("x-goog-api-key").iter().collect();
    (keys.as_slice() != [key]).then_some("x-goog-api-key is not exactly the one key")
}

fn body_fault(request: &Request) -> Option<&'static str> {
    let media_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.split(';').next() != Some("application/json") {
        return Some("the body is not declared as application/json");
    }
    if !matches!(request.body, Some(Value::Object(_))) {
        return Some("the body is not a JSON object");
    }
    if request.streams() && request.query.as_deref() != Some("alt=sse") {
        return Some("a stream without alt=sse is one JSON array");
    }
    None
}

/// Gemini 3's rule, whoever is at fault: the first call of a replayed turn carries the signature it was given with.
pub(super) fn refusal(request: &Request) -> Option<Script> {
    let unsigned = request.contents().iter().any(|content| {
        let parts = content.get("parts").and_then(Value::as_array);
        let first_call = parts.and_then(|parts| parts.iter().find(|part| part.get("functionCall").is_some()));
        first_call.is_some_and(|call| call.get("thoughtSignature").is_none())
    });
    unsigned.then(|| {
        let message = "Function call is missing a thought_signature in functionCall parts.";
        Script::json(400, &error(400, "INVALID_ARGUMENT", message))
    })
}
