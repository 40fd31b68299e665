//! Answers the invocations of a Lambda function: of one behind a Function URL that streams its responses, or of one that
//! works on events.
//!
//! It is an own loop over the three calls of Lambda's Runtime API, because the stock client (`lambda_runtime` 1.5, with
//! `lambda_runtime_api_client` 1.1) has two faults that cannot be switched off. It leaves Nagle's algorithm on, so that
//! the first byte of every stream waits some 42 ms for the other end's delayed acknowledgement. And when a stream
//! breaks, it writes the error's text into the client's body, as if it were data. Here a body cannot fail, and nothing
//! of an error's own words is told to anyone but the log.
//!
//! Each call has a connection of its own: it is local, and there is no idle one that a freeze could have made stale.

use std::future::Future;
use std::pin::pin;
use std::str::FromStr as _;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::json;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{Body, Deadline, Received, Task, Undone};
use crate::clock::Timestamp;
use crate::config::Strings;
use crate::telemetry::Chain;

mod call;
mod event;
mod reply;

pub use call::Failed;
use reply::Reply;

/// Host and port of Lambda's Runtime API. Lambda sets it for every function.
pub const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What an event is called that is no request of a Function URL.
const MALFORMED: &str = "malformed_event";
const MALFORMED_WORDS: &str = "the event is no request of a Function URL";

/// Names one attempt at an invocation, and goes back with its response.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// What work is called that panicked, and what is told of all that was not done.
const PANICKED_CODE: &str = "panicked";
const UNDONE_WORDS: &str = "the work was not done; the log tells why";

/// The answer to a request whose handling panicked. The panic hook has told where.
const PANICKED: &str = r#"{"error":{"code":500,"message":"the function failed","status":"INTERNAL"}}"#;

/// Lambda's Runtime API.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Host and port.
    api: String,
}

/// One invocation: who is to be answered until when, and the event.
struct Invocation {
    id: String,
    attempt: Option<HeaderValue>,
    trace: Option<String>,
    deadline: Option<Deadline>,
    event: Bytes,
}

impl Runtime {
    /// The Runtime API that the settings name.
    #[must_use]
    pub fn of(strings: &dyn Strings) -> Option<Self> {
        let api = strings.get(RUNTIME_API).ok().flatten()?;
        let api = api.trim();
        (!api.is_empty()).then(|| Self { api: api.to_owned() })
    }

    /// Answers invocations until `stop` is done.
    pub(super) async fn serve<F, A>(&self, answer: F, stop: impl Future<Output = ()>) -> Result<(), Failed>
    where
        F: Fn(Request<Received>) -> A,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let tasks = TaskTracker::new();
        let mut stop = pin!(stop);
        loop {
            let invocation = tokio::select! {
                () = &mut stop => return Ok(()),
                next = self.next() => next?,
            };
            let span = tracing::info_span!("invocation", id = invocation.id, trace = invocation.trace);
            if let Err(failed) = self.take(invocation, &answer, &tasks).instrument(span).await {
                tracing::warn!(error = %Chain(&failed), "an answer did not reach Lambda");
            }
        }
    }

    /// Answers one invocation, and returns once all of its work has ended: from then on the process may be frozen.
    async fn take<F, A>(&self, mut invocation: Invocation, answer: &F, tasks: &TaskTracker) -> Result<(), Failed>
    where
        F: Fn(Request<Received>) -> A,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let request = event::read(&std::mem::take(&mut invocation.event));
        let mut request = match request {
            Ok(request) => request,
            Err(malformed) => {
                tracing::error!(code = MALFORMED, error = %malformed, "the event is no request of a Function URL");
                return self.report(&format!("invocation/{}/error", invocation.id), MALFORMED, MALFORMED_WORDS).await;
            }
        };
        if let Some(deadline) = invocation.deadline {
            request.extensions_mut().insert(deadline);
        }
        // A task, so that a panic in it ends no more than its own request.
        let response = tasks.spawn(answer(request).in_current_span()).await.unwrap_or_else(|_| panicked());
        self.respond(&invocation, response).await
    }

    /// Works on events, one after the other, until `stop` is done.
    pub(super) async fn work<F, W>(&self, work: F, stop: impl Future<Output = ()>) -> Result<(), Failed>
    where
        F: Fn(Task) -> W,
        W: Future<Output = Result<Bytes, Undone>> + Send + 'static,
    {
        let tasks = TaskTracker::new();
        let mut stop = pin!(stop);
        loop {
            let mut invocation = tokio::select! {
                () = &mut stop => return Ok(()),
                next = self.next() => next?,
            };
            let span = tracing::info_span!("invocation", id = invocation.id, trace = invocation.trace);
            let task = Task { event: std::mem::take(&mut invocation.event), deadline: invocation.deadline };
            // A task, so that a panic in it ends no more than its own invocation.
            let done = tasks.spawn(work(task).instrument(span.clone())).await.unwrap_or(Err(Undone(PANICKED_CODE)));
            let told = async {
                match done {
                    Ok(answer) => call::send(&self.api, self.answer(&invocation, answer)?).await.map(drop),
                    Err(Undone(code)) => {
                        self.report(&format!("invocation/{}/error", invocation.id), code, UNDONE_WORDS).await
                    }
                }
            };
            if let Err(failed) = told.instrument(span).await {
                tracing::warn!(error = %Chain(&failed), "an answer did not reach Lambda");
            }
        }
    }

    fn answer(&self, invocation: &Invocation, answer: Bytes) -> Result<Request<Full<Bytes>>, Failed> {
        let path = format!("invocation/{}/response", invocation.id);
        let mut request = self.request(Method::POST, &path, Full::new(answer))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(attempt) = &invocation.attempt {
            request.headers_mut().insert(INVOCATION_ID, attempt.clone());
        }
        Ok(request)
    }

    async fn next(&self) -> Result<Invocation, Failed> {
        let response = call::send(&self.api, self.request(Method::GET, "invocation/next", Full::default())?).await?;
        let (head, event) = response.into_parts();
        let id = text(&head.headers, "lambda-runtime-aws-request-id").ok_or(Failed::Nameless)?;
        Ok(Invocation {
            id,
            attempt: head.headers.get(INVOCATION_ID).cloned(),
            trace: text(&head.headers, "lambda-runtime-trace-id"),
            deadline: text(&head.headers, "lambda-runtime-deadline-ms")
                .and_then(|deadline| deadline.parse().ok())
                .map(|deadline| Deadline(Timestamp(deadline))),
            event,
        })
    }

    /// Streams a response, and waits for whoever writes it.
    async fn respond(&self, invocation: &Invocation, response: Response<Body>) -> Result<(), Failed> {
        let (head, mut body) = response.into_parts();
        let written = body.written();
        let sent = match self.response(invocation, Reply::new(&head, body)) {
            Ok(request) => call::send(&self.api, request).await.map(drop),
            Err(failed) => Err(failed),
        };
        // Should the call have broken off, what is left to do, such as a record of that, is done before the freeze.
        written.await;
        sent
    }

    fn response(&self, invocation: &Invocation, reply: Reply) -> Result<Request<Reply>, Failed> {
        let mut request = self.request(Method::POST, &format!("invocation/{}/response", invocation.id), reply)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.awslambda.http-integration-response"));
        headers.insert("lambda-runtime-function-response-mode", HeaderValue::from_static("streaming"));
        if let Some(attempt) = &invocation.attempt {
            headers.insert(INVOCATION_ID, attempt.clone());
        }
        Ok(request)
    }

    /// Tells Lambda that the function cannot start.
    pub(super) async fn give_up(&self, code: &'static str) {
        if let Err(failed) = self.report("init/error", code, "the function cannot start; its log says why").await {
            tracing::warn!(error = %Chain(&failed), "Lambda was not told that the function cannot start");
        }
    }

    async fn report(&self, path: &str, code: &'static str, words: &'static str) -> Result<(), Failed> {
        let body = json!({"errorType": code, "errorMessage": words, "stackTrace": []}).to_string();
        let mut request = self.request(Method::POST, path, Full::new(Bytes::from(body)))?;
        request.headers_mut().insert("lambda-runtime-function-error-type", HeaderValue::from_static(code));
        call::send(&self.api, request).await.map(drop)
    }

    fn request<B>(&self, method: Method, path: &str, body: B) -> Result<Request<B>, Failed> {
        let uri = Uri::from_str(&format!("/2018-06-01/runtime/{path}")).map_err(|_| Failed::Nameless)?;
        let host = HeaderValue::from_str(&self.api).map_err(|_| Failed::Nameless)?;
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        request.headers_mut().insert(http::header::HOST, host);
        Ok(request)
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn panicked() -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(PANICKED.as_bytes())));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests;
