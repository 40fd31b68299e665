//! The errors that Gemini is known to answer with, and what each means for a caller of Gatehouse.

use serde_json::{Value, json};

use super::script::Script;

/// One known error.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What a test calls it.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub meaning: Meaning,
    /// The body, to the byte.
    pub body: &'static str,
}

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The caller: the request is wrong.
    Caller,
    /// The caller: the model is not there.
    Model,
    /// The operator: key, region, billing. The caller must not be told that it is *its* key.
    Operator,
    /// Time: a quota is used up.
    Quota,
    /// Time: Gemini is overloaded or broken.
    Transient,
}

impl Known {
    /// The error as the double sends it.
    #[must_use]
    pub fn script(&self) -> Script {
        Script::empty(self.status, "application/json; charset=UTF-8").then(self.body)
    }

    /// The error of this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        KNOWN.iter().find(|known| known.name == name).unwrap_or_else(|| panic!("no error is known as {name}"))
    }
}

/// The body of an error with nothing special about it.
#[must_use]
pub fn error(code: u16, status: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "status": status}})
}

const fn known(name: &'static str, status: u16, meaning: Meaning, body: &'static str) -> Known {
    Known { name, status, meaning, body }
}

/// The reason with which Gemini refuses a key, in each of its wordings.
macro_rules! bad_key {
    ($message:literal) => {
        concat!(
            r#"{"error":{"code":400,"message":""#,
            $message,
            r#"","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","#,
            r#""reason":"API_KEY_INVALID","domain":"googleapis.com","#,
            r#""metadata":{"service":"generativelanguage.googleapis.com"}},"#,
            r#"{"@type":"type.googleapis.com/google.rpc.LocalizedMessage","locale":"en-US","message":""#,
            $message,
            r#""}]}}"#
        )
    };
}

/// A refusal for a reason that stands in `google.rpc.ErrorInfo`.
macro_rules! refused {
    ($code:literal, $status:literal, $reason:literal, $message:literal) => {
        concat!(
            r#"{"error":{"code":"#,
            $code,
            r#","message":""#,
            $message,
            r#"","status":""#,
            $status,
            r#"","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":""#,
            $reason,
            r#"","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]}}"#
        )
    };
}

/// An error without details.
macro_rules! plain {
    ($code:literal, $status:literal, $message:literal) => {
        concat!(r#"{"error":{"code":"#, $code, r#","message":""#, $message, r#"","status":""#, $status, r#""}}"#)
    };
}

/// A used-up quota, with the time after which it is there again.
macro_rules! quota {
    ($id:literal, $delay:literal) => {
        concat!(
            r#"{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","#,
            r#""details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":""#,
            $id,
            r#""}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":""#,
            $delay,
            r#""}]}}"#
        )
    };
}

/// Every error that is known.
pub const KNOWN: &[Known] = &[
    known("invalid_argument", 400, Meaning::Caller, plain!(400, "INVALID_ARGUMENT", "Unable to process input image.")),
    known(
        "array_form",
        400,
        Meaning::Caller,
        r#"[{"error":{"code":400,"message":"Unable to process input image.","status":"INVALID_ARGUMENT"}}]"#,
    ),
    known("model_gone", 404, Meaning::Model, plain!(404, "NOT_FOUND", "models/gemini-3.5-flash is not found.")),
    known("key_invalid", 400, Meaning::Operator, bad_key!("API key not valid. Please pass a valid API key.")),
    known("key_expired", 400, Meaning::Operator, bad_key!("API key expired. Please renew the API key.")),
    known("key_deleted", 400, Meaning::Operator, bad_key!("API Key not found. Please pass a valid API key.")),
    known(
        "precondition",
        400,
        Meaning::Operator,
        plain!(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    ),
    known(
        "credentials_missing",
        401,
        Meaning::Operator,
        refused!(401, "UNAUTHENTICATED", "CREDENTIALS_MISSING", "Request is missing required credentials."),
    ),
    known(
        "credential_kind",
        401,
        Meaning::Operator,
        refused!(401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "Expected OAuth 2 access token."),
    ),
    known(
        "credits_spent",
        402,
        Meaning::Operator,
        plain!(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
    ),
    known(
        "key_leaked",
        403,
        Meaning::Operator,
        plain!(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
    ),
    known(
        "service_blocked",
        403,
        Meaning::Operator,
        refused!(403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED", "Requests to this API are blocked."),
    ),
    known(
        "service_disabled",
        403,
        Meaning::Operator,
        refused!(403, "PERMISSION_DENIED", "SERVICE_DISABLED", "Generative Language API has not been used before."),
    ),
    known(
        "consumer_suspended",
        403,
        Meaning::Operator,
        refused!(403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED", "Consumer 'projects/1' has been suspended."),
    ),
    known(
        "project_denied",
        403,
        Meaning::Operator,
        plain!(403, "PERMISSION_DENIED", "Your project has been denied access."),
    ),
    known("quota_minute", 429, Meaning::Quota, quota!("GenerateRequestsPerMinutePerProjectPerModel", "7s")),
    known("quota_day", 429, Meaning::Quota, quota!("GenerateRequestsPerDayPerProjectPerModel", "3600s")),
    known("quota_bare", 429, Meaning::Quota, plain!(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.")),
    known("request_timeout", 408, Meaning::Transient, plain!(408, "DEADLINE_EXCEEDED", "Request timed out.")),
    known("cancelled", 499, Meaning::Transient, plain!(499, "CANCELLED", "The operation was cancelled.")),
    known("internal", 500, Meaning::Transient, plain!(500, "INTERNAL", "An internal error has occurred.")),
    known("unavailable", 503, Meaning::Transient, plain!(503, "UNAVAILABLE", "The model is overloaded.")),
    known("deadline", 504, Meaning::Transient, plain!(504, "DEADLINE_EXCEEDED", "Deadline expired.")),
    known("no_body", 500, Meaning::Transient, ""),
    known("html_body", 502, Meaning::Transient, "<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>"),
    known("text_code", 503, Meaning::Transient, r#"{"error":{"code":"overloaded","message":"Try again."}}"#),
];
