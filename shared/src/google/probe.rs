//! Whether Gemini takes a key, found out on the path that requests take.
//!
//! It counts the tokens of one word: that needs no quota to speak of, and is refused for every reason for which an
//! answer would be. Each probe opens a connection of its own, since a new key reaches Gemini's frontends one by one
//! and a kept connection asks the same one again. Therefore the client it is given must keep none.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use tokio::time::timeout;
use url::Url;

use super::error;
use crate::ports::Failure;
use crate::ports::mint::{Probe as Port, Verdict};
use crate::secret::Secret;

/// How long one probe may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The largest body that is looked at.
const MAX_BYTES: usize = 64 << 10;

/// Tries keys out at Gemini.
#[derive(Debug)]
pub struct Probe {
    http: reqwest::Client,
    url: Url,
}

impl Probe {
    /// A probe of the API at `base`, which asks for `model`: one that is served, and that exists.
    #[must_use]
    pub fn new(http: reqwest::Client, base: &Url, model: &str) -> Self {
        let mut url = base.clone();
        url.set_path(&format!("{}/v1beta/models/{model}:countTokens", base.path().trim_end_matches('/')));
        Self { http, url }
    }

    async fn ask(&self, key: &Secret<String>) -> Verdict {
        let Ok(mut header) = HeaderValue::from_str(key.expose()) else {
            return Verdict::Rejected("it holds illegal characters");
        };
        header.set_sensitive(true);
        let request = self
            .http
            .post(self.url.clone())
            .header("x-goog-api-key", header)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(r#"{"contents":[{"role":"user","parts":[{"text":"ping"}]}]}"#);
        let Ok(mut response) = request.send().await else { return Verdict::Inconclusive("it could not be reached") };
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Ok(Some(bytes)) = response.chunk().await {
            if body.len() + bytes.len() > MAX_BYTES {
                break;
            }
            body.extend_from_slice(&bytes);
        }
        if status == 200 {
            let counted: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
            return match counted.is_some_and(|answer| answer.get("totalTokens").is_some()) {
                true => Verdict::Accepted,
                false => Verdict::Inconclusive("its answer makes no sense"),
            };
        }
        verdict(&error::classify(status, &body, after.as_deref()))
    }
}

impl Port for Probe {
    async fn probe(&self, key: &Secret<String>) -> Verdict {
        timeout(WITHIN, self.ask(key)).await.unwrap_or(Verdict::Inconclusive("it took too long"))
    }
}

/// What an error says of the key. What may be anybody's fault says nothing of it.
const fn verdict(failure: &Failure) -> Verdict {
    match failure {
        Failure::KeyRejected { leaked: true, .. } => Verdict::Rejected("it is known to have leaked"),
        Failure::KeyRejected { .. } => Verdict::Rejected("it is not valid"),
        Failure::Account { .. } => Verdict::Rejected("its account, API or kind is refused"),
        Failure::NoSuchModel => Verdict::Inconclusive("the model is not there"),
        Failure::Limited { .. } => Verdict::Inconclusive("a quota is used up"),
        Failure::Refused { .. } => Verdict::Inconclusive("the question was refused"),
        Failure::Broken { .. }
        | Failure::Unreachable(_)
        | Failure::TimedOut(_)
        | Failure::Cut(_)
        | Failure::Garbled(_)
        | Failure::NoKey(_) => Verdict::Inconclusive("it is overloaded or broken"),
    }
}
