//! Reads Gemini's errors by what can be done about them.
//!
//! Source: ai.google.dev/gemini-api/docs/api-errors and /troubleshooting, read 2026-11, and reports of what the API
//! really sends. A wrong key is a 400, not a 403; a leaked one is a 403 that only its message tells apart; errors of
//! the streaming method may come inside an array.

use std::time::Duration;

use serde::Deserialize;

use crate::ports::Failure;

#[derive(Deserialize)]
#[serde(untagged)]
enum Envelope {
    One(One),
    Many(Vec<One>),
}

#[derive(Deserialize)]
struct One {
    error: Body,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: u16,
    message: String,
    status: String,
    details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    reason: String,
    retry_delay: String,
    violations: Vec<Violation>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Violation {
    quota_id: String,
}

/// What an answer with an error status means. `retry_after` is the header's value, where there was one.
#[must_use]
pub fn classify(status: u16, body: &[u8], retry_after: Option<&str>) -> Failure {
    by_kind(status, &parse(body).unwrap_or_default(), retry_after)
}

/// What an error in the middle of a stream means; `None` where the event is no error.
#[must_use]
pub fn in_stream(event: &[u8]) -> Option<Failure> {
    let body = parse(event)?;
    Some(by_kind(if body.code == 0 { 500 } else { body.code }, &body, None))
}

fn parse(body: &[u8]) -> Option<Body> {
    match serde_json::from_slice(body).ok()? {
        Envelope::One(one) => Some(one.error),
        Envelope::Many(many) => many.into_iter().next().map(|one| one.error),
    }
}

fn by_kind(status: u16, error: &Body, retry_after: Option<&str>) -> Failure {
    let reason = |wanted: &str| error.details.iter().any(|detail| detail.reason == wanted);
    let message = error.message.to_ascii_lowercase();
    match status {
        400 if reason("API_KEY_INVALID") || says_bad_key(&message) => Failure::KeyRejected { status, leaked: false },
        400 if error.status == "FAILED_PRECONDITION" => Failure::Account { status },
        401 if reason("ACCESS_TOKEN_TYPE_UNSUPPORTED") || reason("CREDENTIALS_MISSING") => Failure::Account { status },
        401 => Failure::KeyRejected { status, leaked: false },
        402 => Failure::Account { status },
        403 if says_leaked_key(&message) => Failure::KeyRejected { status, leaked: true },
        403 => Failure::Account { status },
        404 => Failure::NoSuchModel,
        429 => Failure::Limited { after: wait(error, retry_after) },
        408 | 499 | 500.. => Failure::Broken { status },
        ..400 => Failure::Garbled("it is neither an answer nor an error"),
        _ => Failure::Refused { status, message: error.message.as_str().into() },
    }
}

/// Texts that Gemini sends with a 400 for a key, with or without `details`. They begin so: further on a message may
/// quote what the caller wrote, who must not be able to have a key taken for a bad one.
fn says_bad_key(message: &str) -> bool {
    message.strip_prefix("api key").is_some_and(|rest| {
        ["not valid", "not found", "expired", "invalid"].iter().any(|wrong| rest.trim_start().starts_with(wrong))
    })
}

/// Likewise, of a key that was found in public.
fn says_leaked_key(message: &str) -> bool {
    message.strip_prefix("your api key").is_some_and(|rest| rest.contains("leaked"))
}

/// When to try again. A quota per day does not pass soon, whatever delay is named beside it.
fn wait(error: &Body, retry_after: Option<&str>) -> Option<Duration> {
    let per_day = |violation: &Violation| violation.quota_id.contains("PerDay");
    if error.details.iter().flat_map(|detail| &detail.violations).any(per_day) {
        return None;
    }
    let named = error.details.iter().find_map(|detail| seconds(detail.retry_delay.strip_suffix('s')?));
    named.or_else(|| seconds(retry_after?))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kind(status: u16, error: Value) -> String {
        let body = serde_json::to_vec(&json!({"error": error})).unwrap();
        format!("{:?}", classify(status, &body, None))
    }

    #[test]
    fn tells_a_wrong_key_from_a_wrong_request() {
        let invalid = json!({"code": 400, "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]});
        assert_eq!(kind(400, invalid), "KeyRejected { status: 400, leaked: false }");
        let expired = json!({"code": 400, "message": "API key expired.", "status": "INVALID_ARGUMENT"});
        assert_eq!(kind(400, expired), "KeyRejected { status: 400, leaked: false }");
        let wrong = json!({"code": 400, "message": "Invalid value at 'contents'", "status": "INVALID_ARGUMENT"});
        assert_eq!(kind(400, wrong), "Refused { status: 400, message: Text(27 bytes) }");
    }

    #[test]
    fn knows_a_leaked_key_by_its_message() {
        let leaked = json!({"code": 403, "message": "Your API key was reported as leaked.",
            "status": "PERMISSION_DENIED"});
        assert_eq!(kind(403, leaked), "KeyRejected { status: 403, leaked: true }");
        let blocked = json!({"code": 403, "message": "Consumer has been suspended", "status": "PERMISSION_DENIED"});
        assert_eq!(kind(403, blocked), "Account { status: 403 }");
    }

    #[test]
    fn what_a_caller_wrote_makes_no_key_a_bad_one() {
        for quoted in [
            "Invalid JSON payload received. Unknown name \"api key\" at 'tools[0].function_declarations[0]'",
            "Invalid value at 'contents[0]': \"API key expired\"",
            "API keys are described in \"API key not valid\"",
        ] {
            let told = json!({"code": 400, "message": quoted, "status": "INVALID_ARGUMENT"});
            assert!(kind(400, told).starts_with("Refused"), "{quoted}");
        }
        let named = json!({"code": 403, "message": "No access to models/leaked", "status": "PERMISSION_DENIED"});
        assert_eq!(kind(403, named), "Account { status: 403 }");
    }

    #[test]
    fn reads_the_wait_from_retry_info_and_gives_none_for_a_day() {
        let minute = json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "7.5s"}]});
        assert_eq!(kind(429, minute), "Limited { after: Some(7.5s) }");
        let day = json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
            {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}, {"retryDelay": "7s"}]});
        assert_eq!(kind(429, day), "Limited { after: None }");
    }

    #[test]
    fn reads_an_error_inside_an_array_and_survives_what_is_no_json() {
        assert_eq!(format!("{:?}", classify(503, b"[{\"error\":{\"code\":503}}]", None)), "Broken { status: 503 }");
        assert_eq!(format!("{:?}", classify(502, b"<html>", None)), "Broken { status: 502 }");
        let limited = classify(429, b"", Some("3"));
        assert_eq!(format!("{limited:?}"), "Limited { after: Some(3s) }");
    }

    #[test]
    fn an_absurd_delay_is_no_delay() {
        let absurd = json!({"code": 429, "details": [{"retryDelay": "-1s"}, {"retryDelay": "1e300s"}]});
        assert_eq!(kind(429, absurd), "Limited { after: None }");
    }
}
