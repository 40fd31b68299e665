//! Errors in Google's shape, which the SDKs parse by status and details.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// The body of an error answer.
#[must_use]
pub fn body(problem: &Problem, request_id: &str) -> Value {
    let mut metadata = Map::new();
    metadata.insert("request_id".into(), request_id.into());
    metadata.extend(problem.field.as_ref().map(|field| ("field".to_owned(), field.as_str().into())));
    let mut details = vec![json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        // Google writes reasons in capitals.
        "reason": problem.code.as_str().to_ascii_uppercase(),
        "domain": "gatehouse",
        "metadata": metadata,
    })];
    if let Some(after) = problem.retry_after {
        let delay = format!("{}s", after.as_secs_f64());
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}));
    }
    let status = problem.code.status();
    json!({"error": {
        "code": status.as_u16(),
        "message": problem.message,
        "status": canonical(status),
        "details": details,
    }})
}

/// Google's canonical name for a status (google.rpc.Code).
fn canonical(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 405 | 413 | 415 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        429 => "RESOURCE_EXHAUSTED",
        502 | 503 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::problem::Code;

    #[test]
    fn has_the_shape_that_googles_clients_read() {
        let mut problem = Problem::at(Code::UnknownField, "contents[].colour", "is unknown");
        problem.retry_after = Some(Duration::from_millis(1500));
        assert_eq!(
            body(&problem, "id-1"),
            json!({"error": {
                "code": 400,
                "message": "contents[].colour: is unknown",
                "status": "INVALID_ARGUMENT",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "UNKNOWN_FIELD",
                        "domain": "gatehouse",
                        "metadata": {"request_id": "id-1", "field": "contents[].colour"},
                    },
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"},
                ],
            }})
        );
    }
}
