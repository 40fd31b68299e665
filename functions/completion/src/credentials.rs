//! The one credential of a request.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use shared::caller::{self, Caller, Key, Presented};
use shared::ports::Callers;

use crate::problem::{Code, Problem};

/// The header in which Google's clients send their key.
pub(crate) const GOOGLE: &str = "x-goog-api-key";

/// The caller that a request's credential stands for.
///
/// # Errors
/// The same [`Problem`] for a missing, malformed, unknown, wrong and revoked key, so that an answer tells nothing of
/// which keys exist; another one for a request with two credentials or with one in its query.
pub async fn authenticate(headers: &HeaderMap, query: Option<&str>, callers: &impl Callers) -> Result<Caller, Problem> {
    let presented = presented(headers, query)?;
    let found = callers.find(presented.id()).await.map_err(|unavailable| {
        tracing::error!(error = %shared::telemetry::Chain(&unavailable), "could not look up a caller");
        Problem::new(Code::CallersUnavailable, "callers cannot be looked up at the moment; try again")
    })?;
    caller::admit(found, &presented).ok_or_else(unauthenticated)
}

fn presented(headers: &HeaderMap, query: Option<&str>) -> Result<Presented, Problem> {
    if query.is_some_and(|query| query.split('&').any(|pair| pair == "key" || pair.starts_with("key="))) {
        let message =
            "send the key in the header x-goog-api-key: an address ends up in logs, and this key should be replaced";
        return Err(Problem::new(Code::KeyInQuery, message));
    }
    let mut credentials =
        headers.get_all(GOOGLE).iter().map(plain).chain(headers.get_all(AUTHORIZATION).iter().map(bearer));
    let credential = credentials.next().ok_or_else(unauthenticated)?;
    if credentials.next().is_some() {
        let message = "send one credential: either x-goog-api-key or Authorization: Bearer";
        return Err(Problem::new(Code::TwoCredentials, message));
    }
    credential.and_then(|key| Key::parse(key).ok()).ok_or_else(unauthenticated)
}

fn plain(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, key) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn unauthenticated() -> Problem {
    let message = "send a valid Gatehouse key (gh_…) as x-goog-api-key or as Authorization: Bearer; \
                   the operator issues one with `gatehouse caller add`";
    Problem::new(Code::Unauthenticated, message)
}
