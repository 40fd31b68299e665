//! What a request can be refused or fail for: one code each, with its status and its words.
//!
//! The words are fixed texts about the request's shape and never quote a prompt, a key or an answer.

use std::time::Duration;

use http::StatusCode;
use shared::fields::Refusal;
use shared::limits::Standing;
use shared::ports::{self, Failure, Unavailable};
use shared::telemetry::Chain;

/// Why a request is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub code: Code,
    /// What is wrong and what to do, for the caller's developer.
    pub message: String,
    /// Which field of the request it is about.
    pub field: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What is left of the limits, where one of them refuses.
    pub standing: Option<Box<Standing>>,
    /// The methods that the route takes, where another one was used.
    pub allow: Option<&'static str>,
}

/// The stable name of a problem: public, listed in the function's README.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The audit record could not be stored.
    AuditUnavailable,
    /// The body did not arrive in time, or broke off.
    BodyIncomplete,
    /// The body is larger than the policy allows.
    BodyTooLarge,
    /// The budget is spent.
    BudgetSpent,
    /// The callers' store could not be asked.
    CallersUnavailable,
    /// The body's type or encoding is not taken.
    ContentType,
    /// An object names a field twice.
    DuplicateKey,
    /// A field's value is not acceptable.
    InvalidField,
    /// A header's value is not acceptable.
    InvalidHeader,
    /// The body is not JSON.
    InvalidJson,
    /// Our own fault.
    Internal,
    /// The key was sent in the query, where it ends up in logs.
    KeyInQuery,
    /// The ledger could not be asked whether the limits allow it.
    LedgerUnavailable,
    /// The route exists, for another method.
    MethodNotAllowed,
    /// The policy does not allow the model.
    ModelNotAllowed,
    /// Nobody has said what the model costs now.
    ModelUnpriced,
    /// More is being answered than memory is meant for.
    Overloaded,
    /// The policy could not be read, or there is none that can be used.
    PolicyUnavailable,
    /// The prompt was blocked, and the policy answers that with an error.
    PromptBlocked,
    /// The answer repeated the system instruction.
    PromptLeak,
    /// The prompt is larger than the policy allows.
    PromptTooLarge,
    /// The provider refuses the operator's account.
    ProviderAccount,
    /// The provider's answer broke off.
    ProviderCut,
    /// The provider failed.
    ProviderFailed,
    /// The provider's answer makes no sense.
    ProviderGarbled,
    /// The provider refuses the operator's key.
    ProviderKey,
    /// The provider's quota is used up.
    ProviderLimited,
    /// The provider no longer has the model.
    ProviderModelGone,
    /// The provider says that the request is wrong.
    ProviderRefused,
    /// The provider did not answer in time.
    ProviderTimeout,
    /// The provider ended the answer without one.
    ProviderUnfinished,
    /// The provider could not be reached.
    ProviderUnreachable,
    /// A limit is reached for now.
    RateLimited,
    /// A field is known and not accepted.
    RefusedField,
    /// It may take more than a limit ever allows.
    TooCostly,
    /// The JSON nests too deep.
    TooDeep,
    /// More than one credential was sent.
    TwoCredentials,
    /// No valid key was sent.
    Unauthenticated,
    /// A field is not known.
    UnknownField,
    /// There is no such route.
    UnknownRoute,
    /// The API exists at Google or `OpenAI` and is not offered here.
    UnsupportedApi,
    /// The end user must be named.
    UserRequired,
}

impl Code {
    /// The name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuditUnavailable => "audit_unavailable",
            Self::BodyIncomplete => "body_incomplete",
            Self::BodyTooLarge => "body_too_large",
            Self::BudgetSpent => "budget_spent",
            Self::CallersUnavailable => "callers_unavailable",
            Self::ContentType => "content_type",
            Self::DuplicateKey => "duplicate_key",
            Self::InvalidField => "invalid_field",
            Self::InvalidHeader => "invalid_header",
            Self::InvalidJson => "invalid_json",
            Self::Internal => "internal",
            Self::KeyInQuery => "key_in_query",
            Self::LedgerUnavailable => "ledger_unavailable",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::ModelUnpriced => "model_unpriced",
            Self::Overloaded => "overloaded",
            Self::PolicyUnavailable => "policy_unavailable",
            Self::PromptBlocked => "prompt_blocked",
            Self::PromptLeak => "prompt_leak",
            Self::PromptTooLarge => "prompt_too_large",
            Self::ProviderAccount => "provider_account",
            Self::ProviderCut => "provider_cut",
            Self::ProviderFailed => "provider_failed",
            Self::ProviderGarbled => "provider_garbled",
            Self::ProviderKey => "provider_key",
            Self::ProviderLimited => "provider_limited",
            Self::ProviderModelGone => "provider_model_gone",
            Self::ProviderRefused => "provider_refused",
            Self::ProviderTimeout => "provider_timeout",
            Self::ProviderUnfinished => "provider_unfinished",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::RateLimited => "rate_limited",
            Self::RefusedField => "refused_field",
            Self::TooCostly => "too_costly",
            Self::TooDeep => "too_deep",
            Self::TwoCredentials => "two_credentials",
            Self::Unauthenticated => "unauthenticated",
            Self::UnknownField => "unknown_field",
            Self::UnknownRoute => "unknown_route",
            Self::UnsupportedApi => "unsupported_api",
            Self::UserRequired => "user_required",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::DuplicateKey
            | Self::InvalidField
            | Self::InvalidHeader
            | Self::InvalidJson
            | Self::KeyInQuery
            | Self::PromptBlocked
            | Self::PromptTooLarge
            | Self::ProviderRefused
            | Self::RefusedField
            | Self::TooCostly
            | Self::TooDeep
            | Self::TwoCredentials
            | Self::UnknownField
            | Self::UserRequired => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PromptLeak => StatusCode::FORBIDDEN,
            Self::ModelNotAllowed | Self::ProviderModelGone | Self::UnknownRoute | Self::UnsupportedApi => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BudgetSpent | Self::ProviderLimited | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ProviderCut | Self::ProviderGarbled | Self::ProviderUnfinished => StatusCode::BAD_GATEWAY,
            Self::AuditUnavailable
            | Self::CallersUnavailable
            | Self::LedgerUnavailable
            | Self::ModelUnpriced
            | Self::Overloaded
            | Self::PolicyUnavailable
            | Self::ProviderAccount
            | Self::ProviderFailed
            | Self::ProviderKey
            | Self::ProviderUnreachable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ProviderTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whether the same request may do better a little later.
    #[must_use]
    pub const fn passes(self) -> bool {
        match self {
            Self::AuditUnavailable
            | Self::BodyIncomplete
            | Self::CallersUnavailable
            | Self::Internal
            | Self::LedgerUnavailable
            | Self::Overloaded
            | Self::PolicyUnavailable
            | Self::ProviderCut
            | Self::ProviderFailed
            | Self::ProviderGarbled
            | Self::ProviderLimited
            | Self::ProviderTimeout
            | Self::ProviderUnfinished
            | Self::ProviderUnreachable
            | Self::RateLimited => true,
            Self::BodyTooLarge
            | Self::BudgetSpent
            | Self::ContentType
            | Self::DuplicateKey
            | Self::InvalidField
            | Self::InvalidHeader
            | Self::InvalidJson
            | Self::KeyInQuery
            | Self::MethodNotAllowed
            | Self::ModelNotAllowed
            | Self::ModelUnpriced
            | Self::PromptBlocked
            | Self::PromptLeak
            | Self::PromptTooLarge
            | Self::ProviderAccount
            | Self::ProviderKey
            | Self::ProviderModelGone
            | Self::ProviderRefused
            | Self::RefusedField
            | Self::TooCostly
            | Self::TooDeep
            | Self::TwoCredentials
            | Self::Unauthenticated
            | Self::UnknownField
            | Self::UnknownRoute
            | Self::UnsupportedApi
            | Self::UserRequired => false,
        }
    }
}

impl Problem {
    /// A problem with the whole request.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None, standing: None, allow: None }
    }

    /// A problem with one field. The path is shown only as far as it looks like one: a key of a JSON object is the
    /// client's text, and may be anything.
    #[must_use]
    pub fn at(code: Code, path: &str, message: &str) -> Self {
        let field = shown(path);
        Self { message: format!("{field}: {message}"), field: Some(field), ..Self::new(code, "") }
    }

    /// A field whose value is not acceptable.
    #[must_use]
    pub fn invalid(path: &str, message: &str) -> Self {
        Self::at(Code::InvalidField, path, message)
    }

    /// A field that a table of fields does not let in.
    #[must_use]
    pub fn of_field(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Refused { path, remedy } => Self::at(Code::RefusedField, &path, remedy),
            Refusal::Twice { path } => Self::at(Code::DuplicateKey, &path, "is given twice, in two spellings"),
            Refusal::Unknown { path } => Self::at(
                Code::UnknownField,
                &path,
                "is not a field of this API, or too new for this gate; leave it out",
            ),
        }
    }

    /// The audit record could not be stored: the log has the cause.
    #[must_use]
    pub fn unrecorded(unavailable: &Unavailable) -> Self {
        tracing::error!(code = "audit_unavailable", error = %Chain(unavailable), "could not store an audit record");
        let message = "the audit record cannot be stored at the moment, and without it nothing is answered; try again";
        Self::new(Code::AuditUnavailable, message)
    }

    /// Our own fault. What it was stands in the log under the request's id.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "the gate failed; the operator finds the cause under the request id")
    }

    /// What a failure of the provider's means for the caller. None of them is about the caller's own key.
    #[must_use]
    pub fn of_failure(failure: &Failure) -> Self {
        let (code, message) = match failure {
            Failure::Refused { .. } => (
                Code::ProviderRefused,
                "Gemini refused the request; check its fields against the model's documentation",
            ),
            Failure::KeyRejected { .. } | Failure::NoKey(_) => (
                Code::ProviderKey,
                "the gate's own key for Gemini does not work; your key is fine, the operator must act",
            ),
            Failure::Account { .. } => {
                (Code::ProviderAccount, "Gemini refuses the operator's account; the operator must act")
            }
            Failure::NoSuchModel => (
                Code::ProviderModelGone,
                "Gemini does not have this model (any more); choose another from the list of models",
            ),
            Failure::Limited { .. } => (Code::ProviderLimited, "Gemini's quota is used up for now"),
            Failure::Broken { .. } => (Code::ProviderFailed, "Gemini failed or is overloaded; try again"),
            Failure::Unreachable(_) | Failure::TimedOut(ports::Deadline::Connect) => {
                (Code::ProviderUnreachable, "Gemini could not be reached; try again")
            }
            Failure::TimedOut(ports::Deadline::FirstByte | ports::Deadline::Idle | ports::Deadline::Total) => {
                (Code::ProviderTimeout, "Gemini did not answer in time")
            }
            Failure::Cut(_) => (Code::ProviderCut, "Gemini's answer broke off before its end"),
            Failure::Garbled(_) => (Code::ProviderGarbled, "Gemini's answer was not understood"),
        };
        let retry_after = if let Failure::Limited { after } = failure { *after } else { None };
        Self { retry_after, ..Self::new(code, message) }
    }

    /// Whether a client should try the same request again. A quota that does not say when it ends will not do so soon.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        self.code.passes() && (self.retry_after.is_some() || !matches!(self.code, Code::ProviderLimited))
    }
}

/// A path as far as it looks like one, and a mark where it stops to: up to its last dot that has only plain letters
/// before it, and not many.
fn shown(path: &str) -> String {
    const LONGEST: usize = 120;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '[' | ']' | '_' | '-');
    if path.len() <= LONGEST && path.chars().all(plain) {
        return path.to_owned();
    }
    let start = path.char_indices().take_while(|(at, letter)| *at <= LONGEST && plain(*letter));
    let parent = start.filter(|(_, letter)| *letter == '.').last().and_then(|(dot, _)| path.get(..dot));
    match parent.filter(|parent| !parent.is_empty()) {
        Some(parent) => format!("{parent}.(an unusual name)"),
        None => String::from("(a field with an unusual name)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_name_that_is_no_name_is_not_repeated() {
        let problem = Problem::at(Code::UnknownField, "contents[].my password is hunter2", "is unknown");
        assert_eq!(problem.field.as_deref(), Some("contents[].(an unusual name)"));
        assert!(!problem.message.contains("hunter2"));
    }

    #[test]
    fn a_name_of_any_length_is_shown_as_far_as_it_is_one_and_marked_once() {
        let told = |path: &str| Problem::at(Code::UnknownField, path, "is unknown").field.unwrap();
        assert_eq!(told("contents[].my secret.is.this"), "contents[].(an unusual name)");
        assert_eq!(told(&"x".repeat(1 << 20)), "(a field with an unusual name)");
        assert_eq!(told("\u{e9}.a"), "(a field with an unusual name)");
        assert_eq!(told(&format!("contents[].{}", "y".repeat(200))), "contents[].(an unusual name)");
        for long in [".".repeat(1 << 20), "a.".repeat(1 << 20), format!("{}\u{e9}", "[].".repeat(1 << 20))] {
            let told = told(&long);
            assert!(told.len() <= 140 && told.matches('(').count() == 1, "{told}");
        }
    }

    #[test]
    fn a_rejected_provider_key_is_never_the_callers_fault() {
        let problem = Problem::of_failure(&Failure::KeyRejected { status: 400, leaked: false });
        assert_eq!(problem.code.status(), 503);
        assert!(!problem.retryable());
    }

    #[test]
    fn a_quota_without_an_end_is_not_retryable() {
        assert!(!Problem::of_failure(&Failure::Limited { after: None }).retryable());
        assert!(Problem::of_failure(&Failure::Limited { after: Some(Duration::from_secs(1)) }).retryable());
    }
}
