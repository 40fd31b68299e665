//! One request to a Google API that takes JSON, and its error by Google's own names.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::ports::Cause;

/// How long one request may take in all.
const WITHIN: Duration = Duration::from_secs(20);

/// The largest answer that is read; a page of keys has some hundred KB at most.
const MAX_BYTES: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The service says no, in the shape of `google.rpc.Status`.
    #[error("the service answered {http} {status} {reason}")]
    Status {
        /// The HTTP status.
        http: u16,
        /// Google's name for it, such as `PERMISSION_DENIED`; empty where it was not Google that answered.
        status: String,
        /// The more exact reason, such as `SERVICE_DISABLED` or `rateLimitExceeded`, where there is one.
        reason: String,
        /// What `Retry-After` says.
        after: Option<Duration>,
    },
    /// The answer is not what the service documents.
    #[error("the service's answer cannot be read")]
    Garbled,
    /// It took too long.
    #[error("the service did not answer in time")]
    TimedOut,
    /// No answer came.
    #[error("the service could not be reached")]
    Unreachable(#[source] Cause),
}

#[derive(Deserialize)]
struct Envelope {
    error: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    details: Vec<Detail>,
    errors: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: String,
}

/// Sends a request and reads its answer.
///
/// # Errors
/// [`Error`]. It holds neither URL nor body.
pub(super) async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    let until = Instant::now() + WITHIN;
    let sent = timeout_at(until, request.send()).await.map_err(|_| Error::TimedOut)?;
    let mut response = sent.map_err(|error| Error::Unreachable(error.without_url().into()))?;
    let (http, after) = (response.status(), retry_after(&response));
    let body = timeout_at(until, read(&mut response)).await.map_err(|_| Error::TimedOut)?;
    if http.is_success() {
        return serde_json::from_slice(&body?).map_err(|_| Error::Garbled);
    }
    // The HTTP status still tells most where the body does not come.
    let envelope: Option<Envelope> = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
    let Status { status, details, errors } = envelope.map(|envelope| envelope.error).unwrap_or_default();
    let reasons = details.into_iter().map(|detail| known(detail.reason));
    // Older services, such as BigQuery, have their reasons elsewhere, in camel case.
    let reason = reasons.chain(errors.into_iter().map(|detail| word(detail.reason))).find(|reason| !reason.is_empty());
    Err(Error::Status { http: http.as_u16(), status: known(status), reason: reason.unwrap_or_default(), after })
}

/// Google's names are words in capitals; anything else may quote a request.
fn known(status: String) -> String {
    let sound = status.len() < 64 && status.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if sound { status } else { String::new() }
}

fn word(reason: String) -> String {
    let sound = reason.len() < 64 && reason.bytes().all(|byte| byte.is_ascii_alphabetic());
    if sound { reason } else { String::new() }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn read(response: &mut Response) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    loop {
        match response.chunk().await.map_err(|error| Error::Unreachable(error.without_url().into()))? {
            None => return Ok(all),
            Some(bytes) if all.len() + bytes.len() > MAX_BYTES => return Err(Error::Garbled),
            Some(bytes) => all.extend_from_slice(&bytes),
        }
    }
}
