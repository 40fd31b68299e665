//! Errors in `OpenAI`'s shape, which the SDKs parse by status, type and code.

use serde_json::{Value, json};

use crate::problem::{Code, Problem};

/// The body of an error answer. The request's id is in the headers, where `OpenAI`'s clients look for it; in a stream
/// there are none any more, so that it stands in the body as well.
#[must_use]
pub fn body(problem: &Problem, request_id: &str) -> Value {
    json!({"error": {
        "message": problem.message,
        "type": kind(problem.code),
        "param": problem.field,
        "code": code(problem.code),
        "request_id": request_id,
    }})
}

/// Codes that programs written for `OpenAI` ask for by name, and which ours they stand for.
const THEIRS: [(Code, &str); 10] = [
    (Code::BudgetSpent, "insufficient_quota"),
    (Code::ModelNotAllowed, "model_not_found"),
    (Code::PromptBlocked, "content_filter"),
    (Code::PromptLeak, "content_filter"),
    (Code::PromptTooLarge, "context_length_exceeded"),
    (Code::ProviderModelGone, "model_not_found"),
    (Code::RateLimited, "rate_limit_exceeded"),
    (Code::Unauthenticated, "invalid_api_key"),
    (Code::UnknownRoute, "unknown_url"),
    (Code::UnsupportedApi, "unknown_url"),
];

fn code(code: Code) -> &'static str {
    THEIRS.iter().find(|(ours, _)| *ours == code).map_or(code.as_str(), |(_, theirs)| theirs)
}

fn kind(code: Code) -> &'static str {
    match code.status().as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        408 | 500.. => "server_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_shape_that_openais_clients_read() {
        let problem = Problem::at(Code::UnknownField, "messages[].colour", "is unknown");
        let told = json!({"error": {
            "message": "messages[].colour: is unknown",
            "type": "invalid_request_error",
            "param": "messages[].colour",
            "code": "unknown_field",
            "request_id": "id-1",
        }});
        assert_eq!(body(&problem, "id-1"), told);
    }

    #[test]
    fn speaks_openais_codes_where_programs_ask_for_them() {
        for (ours, kind, code) in [
            (Code::Unauthenticated, "authentication_error", "invalid_api_key"),
            (Code::ModelNotAllowed, "invalid_request_error", "model_not_found"),
            (Code::PromptBlocked, "invalid_request_error", "content_filter"),
            (Code::PromptTooLarge, "invalid_request_error", "context_length_exceeded"),
            (Code::UnsupportedApi, "invalid_request_error", "unknown_url"),
            (Code::BudgetSpent, "rate_limit_error", "insufficient_quota"),
            (Code::RateLimited, "rate_limit_error", "rate_limit_exceeded"),
            (Code::ProviderLimited, "rate_limit_error", "provider_limited"),
            (Code::ProviderKey, "server_error", "provider_key"),
            (Code::BodyIncomplete, "server_error", "body_incomplete"),
        ] {
            let error = body(&Problem::new(ours, "x"), "id");
            assert_eq!((&error["error"]["type"], &error["error"]["code"]), (&json!(kind), &json!(code)));
        }
    }

    #[test]
    fn the_readme_names_every_code_of_theirs_with_ours() {
        let readme = include_str!("../../../README.md");
        let (_, told) = readme.split_once("by OpenAI's name: ").unwrap();
        let told: String = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for (ours, theirs) in THEIRS {
            let (_, rest) = told.split_once(&format!("`{theirs}` (")).unwrap_or_else(|| panic!("{theirs}"));
            let (listed, _) = rest.split_once(')').unwrap();
            assert!(listed.contains(&format!("`{}`", ours.as_str())), "{theirs} ({})", ours.as_str());
        }
    }
}
