//! The Gemini API over HTTPS.
//!
//! The key travels in a header only: an error of the HTTP client prints the URL. An attempt is repeated before the first
//! byte only, and only where it is certain that the first one came to nothing.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::{error, sse, wire};
use crate::answer::Chunk;
use crate::clock::{Clock as _, SystemClock};
use crate::https::{self, Unbuildable};
use crate::ports::{self, Count, Deadline, Deadlines, Failure, Key, Keys, Mode, Prompt};

/// Where Gemini lives, unless a setting points elsewhere.
pub const BASE_URL: &str = "https://generativelanguage.googleapis.com";

/// Attempts at one request, the first included. Google's own clients make five over a minute; a gateway's caller
/// waits meanwhile, and most have a retry of their own.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; it doubles each time, and up to as much again is added at random.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Other keys that are tried in place of a rejected one: what the source holds by now, then what it held before.
const REPLACEMENTS: u32 = 2;

/// The code of a line that tells of a rejected key: an alarm watches for it.
const REJECTED: &str = "provider_key";

/// The largest whole answer that is taken, in bytes: 65,536 tokens are well below 1 MB of text, and inline images
/// take a few.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The largest error body that is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// A client of the Gemini API.
#[derive(Debug)]
pub struct Client<K> {
    http: https::Rested,
    base: Url,
    keys: K,
    deadlines: Deadlines,
}

impl<K: Keys> Client<K> {
    /// A client of the API at `base`, with the keys from `keys`.
    ///
    /// # Errors
    /// [`Unbuildable`] when TLS or the resolver cannot be set up.
    pub fn new(base: Url, keys: K, deadlines: Deadlines) -> Result<Self, Unbuildable> {
        let http = https::Rested::new(deadlines.connect)?;
        Ok(Self { http, base, keys, deadlines })
    }

    /// Sends until an answer begins, with another key should this one be rejected.
    async fn send(&self, method: &str, prompt: &Prompt, body: Bytes, first_byte: Duration) -> Result<Begun, Failure> {
        let end = Instant::now() + self.deadlines.total;
        let mut key = self.keys.current().await.map_err(Failure::NoKey)?;
        let (mut replacements, mut attempt) = (0, 1);
        loop {
            let failure = match self.attempt(method, &prompt.model, body.clone(), &key, first_byte, end).await {
                Ok(response) => return Ok(Begun { response, key_version: key.version, end }),
                Err(failure) => failure,
            };
            if let Failure::KeyRejected { leaked, .. } = failure
                && replacements < REPLACEMENTS
            {
                replacements += 1;
                match self.keys.replacement(&key).await {
                    Ok(Some(other)) => {
                        // The request goes on, so that nobody else tells the operator, who must act all the same.
                        let key_version = key.version;
                        tracing::error!(code = REJECTED, leaked, key_version, error = %failure, "another key stands in");
                        key = other;
                        continue;
                    }
                    Ok(None) => {}
                    // The rejection is what the caller of this hears of.
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(tracing::field::display);
                        tracing::warn!(%error, cause, "no other key can be read");
                    }
                }
            }
            let pause = pause(attempt);
            if attempt == ATTEMPTS || !repeatable(&failure) || Instant::now() + pause >= end {
                return Err(failure);
            }
            attempt += 1;
            sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        method: &str,
        model: &str,
        body: Bytes,
        key: &Key,
        first_byte: Duration,
        end: Instant,
    ) -> Result<Response, Failure> {
        let mut url = self.base.clone();
        let path = format!("{}/v1beta/models/{model}:{method}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        if method == STREAM {
            url.set_query(Some("alt=sse"));
        }
        let mut header = HeaderValue::from_str(key.value.expose()).map_err(|_| {
            Failure::NoKey(ports::Unavailable { store: "key", cause: "it holds illegal characters".into() })
        })?;
        header.set_sensitive(true);
        let request = self
            .http
            .at(SystemClock.now())
            .post(url)
            .header("x-goog-api-key", header)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        let until = end.min(Instant::now() + first_byte);
        let deadline = if until == end { Deadline::Total } else { Deadline::FirstByte };
        let response = timeout_at(until, request.send())
            .await
            .map_err(|_| Failure::TimedOut(deadline))?
            .map_err(|error| broken(error.without_url()))?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        Err(refusal(response, until).await)
    }
}

/// An answer that has begun.
struct Begun {
    response: Response,
    key_version: String,
    end: Instant,
}

const STREAM: &str = "streamGenerateContent";

impl<K: Keys> ports::Model for Client<K> {
    type Answer = Answer;

    async fn generate(&self, prompt: &Prompt, mode: Mode) -> Result<Answer, Failure> {
        let body = Bytes::from(wire::bytes(&wire::Ask::of(prompt)));
        // A whole answer's first byte comes with its last.
        let (method, first_byte) = match mode {
            Mode::Stream => (STREAM, self.deadlines.first_byte),
            Mode::Whole => ("generateContent", self.deadlines.total),
        };
        let Begun { mut response, key_version, end } = self.send(method, prompt, body, first_byte).await?;
        let body = match mode {
            Mode::Stream => {
                let idle = self.deadlines.idle;
                Body::Stream(Box::new(Streaming { response, reader: sse::Reader::default(), idle, end }))
            }
            Mode::Whole => Body::Whole(Some(read(&mut response, MAX_ANSWER_BYTES, end).await?)),
        };
        Ok(Answer { body, key_version })
    }

    async fn count(&self, prompt: &Prompt) -> Result<Count, Failure> {
        let body = Bytes::from(wire::bytes(&wire::Count::of(prompt)));
        let mut begun = self.send("countTokens", prompt, body, self.deadlines.first_byte).await?;
        let bytes = read(&mut begun.response, MAX_ERROR_BYTES, begun.end).await?;
        Ok(Count { usage: wire::count(&bytes)?, key_version: Some(begun.key_version) })
    }
}

/// An answer of Gemini's on its way.
#[derive(Debug)]
pub struct Answer {
    body: Body,
    key_version: String,
}

#[derive(Debug)]
enum Body {
    Stream(Box<Streaming>),
    Whole(Option<Vec<u8>>),
}

#[derive(Debug)]
struct Streaming {
    response: Response,
    reader: sse::Reader,
    idle: Duration,
    end: Instant,
}

impl ports::Answer for Answer {
    async fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        match &mut self.body {
            Body::Stream(streaming) => streaming.next().await,
            Body::Whole(bytes) => bytes.take().map(|bytes| wire::answer(&bytes)).transpose(),
        }
    }

    fn key_version(&self) -> Option<&str> {
        Some(&self.key_version)
    }
}

impl Streaming {
    async fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        loop {
            // A client that reads slowly must not stretch the time by what has already arrived.
            if Instant::now() >= self.end {
                return Err(Failure::TimedOut(Deadline::Total));
            }
            if let Some(event) = self.reader.next_event() {
                return match error::in_stream(&event) {
                    Some(failure) => Err(failure),
                    None => wire::answer(&event).map(Some),
                };
            }
            let until = self.end.min(Instant::now() + self.idle);
            let deadline = if until == self.end { Deadline::Total } else { Deadline::Idle };
            match timeout_at(until, self.response.chunk()).await {
                Err(_) => return Err(Failure::TimedOut(deadline)),
                Ok(Err(error)) => return Err(Failure::Cut(error.without_url().into())),
                Ok(Ok(Some(bytes))) => {
                    self.reader.push(&bytes).map_err(|_| Failure::Garbled("an event is too large"))?;
                }
                Ok(Ok(None)) if self.reader.mid_event() => return Err(Failure::Cut("it ended inside an event".into())),
                Ok(Ok(None)) => return Ok(None),
            }
        }
    }
}

async fn refusal(mut response: Response, until: Instant) -> Failure {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // The status alone still tells most when the body does not come.
    let body = read(&mut response, MAX_ERROR_BYTES, until).await.unwrap_or_default();
    error::classify(status, &body, retry_after.as_deref())
}

async fn read(response: &mut Response, limit: usize, until: Instant) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    loop {
        match timeout_at(until, response.chunk()).await {
            Err(_) => return Err(Failure::TimedOut(Deadline::Total)),
            Ok(Err(error)) => return Err(Failure::Cut(error.without_url().into())),
            Ok(Ok(None)) => return Ok(all),
            Ok(Ok(Some(bytes))) if all.len() + bytes.len() > limit => return Err(Failure::Garbled("it is too large")),
            Ok(Ok(Some(bytes))) => all.extend_from_slice(&bytes),
        }
    }
}

fn broken(error: reqwest::Error) -> Failure {
    if !error.is_connect() {
        return Failure::Cut(error.into());
    }
    if error.is_timeout() { Failure::TimedOut(Deadline::Connect) } else { Failure::Unreachable(error.into()) }
}

/// Whether the attempt certainly came to nothing and another may do better. A deadline of Gemini's own (408, 504) or a
/// call that it thinks was cancelled (499) leaves open what was done, and billed, before.
const fn repeatable(failure: &Failure) -> bool {
    match failure {
        Failure::Broken { status } => matches!(status, 500 | 502 | 503),
        Failure::Unreachable(_) | Failure::TimedOut(Deadline::Connect) => true,
        Failure::Refused { .. }
        | Failure::KeyRejected { .. }
        | Failure::Account { .. }
        | Failure::NoSuchModel
        | Failure::Limited { .. }
        | Failure::TimedOut(Deadline::FirstByte | Deadline::Idle | Deadline::Total)
        | Failure::Cut(_)
        | Failure::Garbled(_)
        | Failure::NoKey(_) => false,
    }
}

fn pause(attempt: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << attempt.min(8).saturating_sub(1));
    // Should the machine have no randomness to give, pauses are merely less spread.
    let random = getrandom::u32().unwrap_or_default();
    pause + pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_repeats_an_attempt_whose_fate_is_unknown() {
        assert!(!repeatable(&Failure::Cut("gone".into())));
        assert!(!repeatable(&Failure::TimedOut(Deadline::FirstByte)));
        assert!(!repeatable(&Failure::Broken { status: 504 }));
        assert!(repeatable(&Failure::Broken { status: 503 }));
        assert!(repeatable(&Failure::TimedOut(Deadline::Connect)));
    }

    #[test]
    fn pauses_double_and_spread() {
        for attempt in 1..=3 {
            let least = FIRST_PAUSE * (1 << (attempt - 1));
            let pause = pause(attempt);
            assert!((least..=least * 2).contains(&pause), "{attempt}: {pause:?}");
        }
    }
}
