//! The Runtime API of one environment: what a runtime asks for, what it hands in, and what it must not do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

use super::prelude::{self, Prelude};
use super::{Failure, LARGEST_PAYLOAD};
use crate::aws::server::{Body, Server, json as answer_json, whole};
use crate::aws::{ACCOUNT, REGION};

const VERSION: &str = "/2018-06-01/runtime/";
const MODE: &str = "lambda-runtime-function-response-mode";
const STREAMED: &str = "application/vnd.awslambda.http-integration-response";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// One invocation, as the environment is asked for it.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) deadline_ms: i64,
    pub(super) payload: Bytes,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What came of an invocation.
#[derive(Debug)]
pub(super) enum Answer {
    Streamed(Prelude, mpsc::UnboundedReceiver<Piece>),
    Whole(Bytes),
    Failed(Failure),
}

/// A piece of a streamed body.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    /// It is whole. A body whose pieces end without this was broken off, even if nobody lived to say so: when a process
    /// is killed, its connection may be gone before the handler of its response has read of it.
    End,
}

/// What the environment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Idle,
    Busy,
}

#[derive(Debug)]
pub(super) struct Api {
    server: Server,
    shared: Arc<Shared>,
    events: mpsc::UnboundedSender<Event>,
}

struct Shared {
    arn: String,
    events: AsyncMutex<mpsc::UnboundedReceiver<Event>>,
    current: Mutex<Option<Current>>,
    phase: watch::Sender<Phase>,
    /// The last response broke off. A process that lives on afterwards did that itself.
    truncated: AtomicBool,
    notes: Arc<Notes>,
}

struct Current {
    id: String,
    /// Taken by whoever answers.
    answer: Option<oneshot::Sender<Answer>>,
}

/// What tests ask about afterwards.
#[derive(Debug, Default)]
pub(super) struct Notes {
    faults: Mutex<Vec<String>>,
    failures: Mutex<Vec<Failure>>,
}

impl Notes {
    pub(super) fn fault(&self, what: impl Into<String>) {
        self.faults.lock().unwrap().push(what.into());
    }

    pub(super) fn failure(&self, failure: &Failure) {
        self.failures.lock().unwrap().push(failure.clone());
    }

    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    pub(super) fn failures(&self) -> Vec<Failure> {
        self.failures.lock().unwrap().clone()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("phase", &self.phase).field("notes", &self.notes).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) async fn start(function: &str, notes: Arc<Notes>) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"),
            events: AsyncMutex::new(receiver),
            current: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
            truncated: AtomicBool::new(false),
            notes,
        });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |request| {
            let shared = Arc::clone(&serving);
            async move { shared.answer(request).await }
        })
        .await;
        Self { server, shared, events }
    }

    /// What `AWS_LAMBDA_RUNTIME_API` holds.
    pub(super) fn authority(&self) -> String {
        self.server.authority()
    }

    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.shared.phase.subscribe()
    }

    /// Hands an event to the environment, which is idle.
    pub(super) fn deliver(&self, event: Event) {
        self.shared.phase.send_replace(Phase::Busy);
        // Fails only once the API is gone, and the answer's sender with the event: the waiting side sees that.
        let _gone = self.events.send(event);
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Body>> {
        let asked = format!("{} {}", request.method(), request.uri());
        let path = request.uri().path().strip_prefix(VERSION).unwrap_or_default().to_owned();
        let words: Vec<_> = path.split('/').collect();
        match (request.method(), words.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => Some(self.response(id, request).await),
            (&Method::POST, ["invocation", id, "error"]) => Some(self.error(id, request).await),
            (&Method::POST, ["init", "error"]) => {
                let failure =
                    Failure::read(&collected(request).await).unwrap_or_else(|why| Failure::new("Unknown", &why));
                self.notes.failure(&failure);
                Some(accepted())
            }
            _ => Some(self.refuse(404, format!("the Runtime API has no {asked}"))),
        }
    }

    async fn next(&self) -> Option<Response<Body>> {
        if self.current.lock().unwrap().is_some() {
            return Some(self.refuse(403, "the next invocation was asked for before the last was answered"));
        }
        let Ok(mut events) = self.events.try_lock() else {
            return Some(self.refuse(403, "two invocations were asked for at once"));
        };
        if self.truncated.swap(false, Ordering::Relaxed) {
            self.notes.failure(&Failure::new("Runtime.TruncatedResponse", "it broke off a response and went on"));
        }
        self.phase.send_replace(Phase::Idle);
        let event = events.recv().await?;
        let mut response = Response::new(whole(event.payload));
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", &event.id),
            ("lambda-runtime-deadline-ms", &event.deadline_ms.to_string()),
            ("lambda-runtime-invoked-function-arn", &self.arn),
            ("lambda-runtime-trace-id", "Root=1-69000000-000000000000000000000001;Parent=0000000000000001;Sampled=0"),
        ] {
            headers.insert(name, HeaderValue::from_str(value).expect("none of these has a character out of place"));
        }
        *self.current.lock().unwrap() = Some(Current { id: event.id, answer: Some(event.answer) });
        Some(response)
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        let Some(answer) = self.take(id) else {
            return self.refuse(400, format!("a response to {id}, which is not waited for"));
        };
        let taken = if request.headers().get(MODE).is_some_and(|mode| mode == "streaming") {
            self.stream(request, answer).await
        } else {
            self.buffer(request, answer).await
        };
        *self.current.lock().unwrap() = None;
        match taken {
            Ok(()) => accepted(),
            Err(why) => self.refuse(400, why),
        }
    }

    async fn buffer(&self, request: Request<Incoming>, answer: oneshot::Sender<Answer>) -> Result<(), String> {
        if request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == STREAMED) {
            return Err(format!("{STREAMED} without {MODE}"));
        }
        let payload = collected(request).await;
        if payload.len() > LARGEST_PAYLOAD {
            let _hung_up = answer.send(Answer::Failed(Failure::new("Function.ResponseSizeTooLarge", "")));
            return Err(format!("a response of {} bytes", payload.len()));
        }
        let _hung_up = answer.send(Answer::Whole(payload));
        Ok(())
    }

    async fn stream(&self, request: Request<Incoming>, answer: oneshot::Sender<Answer>) -> Result<(), String> {
        check_streaming(request.headers())?;
        let declared = request.headers().get(TRAILER).map(|names| names.to_str().unwrap_or_default().to_lowercase());
        let mut body = request.into_body();
        let mut read = Vec::new();
        let (head, rest) = loop {
            match body.frame().await {
                Some(Ok(frame)) => read.extend(frame.into_data().unwrap_or_default()),
                // The process has ended, or is ending: the environment tells.
                Some(Err(_)) => return Ok(()),
                None => return Err("a streamed response without eight NULs".to_owned()),
            }
            if let Some((prelude, rest)) = prelude::split(&read) {
                break (prelude::read(prelude)?, Bytes::copy_from_slice(rest));
            }
        };
        let (sender, pieces) = mpsc::unbounded_channel();
        // A client that hangs up stops nothing: Lambda reads on, and so does this.
        let _hung_up = answer.send(Answer::Streamed(head, pieces));
        let (mut passed, mut failed) = (rest.len(), false);
        if !rest.is_empty() {
            let _hung_up = sender.send(Piece::Data(rest));
        }
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                self.truncated.store(true, Ordering::Relaxed);
                return Ok(());
            };
            match frame.into_data() {
                Ok(data) => {
                    passed += data.len();
                    let _hung_up = sender.send(Piece::Data(data));
                }
                Err(frame) => failed = self.failed(frame.trailers_ref(), declared.as_deref())?,
            }
        }
        if !failed {
            let _hung_up = sender.send(Piece::End);
        }
        // Node's runtime has hung a Function URL by such a stream.
        if passed == 0 { Err("a streamed body without a byte".to_owned()) } else { Ok(()) }
    }

    /// Whether the trailers tell of a failure in mid-stream.
    fn failed(&self, trailers: Option<&HeaderMap>, declared: Option<&str>) -> Result<bool, String> {
        let declared = declared.unwrap_or_default();
        let all = trailers.into_iter().flat_map(HeaderMap::keys);
        for name in all {
            if !declared.split(',').any(|declared| declared.trim() == name.as_str()) {
                return Err(format!("the trailer {name} was not declared"));
            }
        }
        let Some(kind) = trailers.and_then(|trailers| trailers.get(ERROR_TYPE)) else { return Ok(false) };
        self.notes.failure(&Failure::new(kind.to_str().unwrap_or_default(), "told in a trailer"));
        Ok(true)
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        let Some(answer) = self.take(id) else {
            return self.refuse(400, format!("an error of {id}, which is not waited for"));
        };
        let read = Failure::read(&collected(request).await);
        *self.current.lock().unwrap() = None;
        let failure = read.clone().unwrap_or_else(|why| Failure::new("Unknown", &why));
        self.notes.failure(&failure);
        let _hung_up = answer.send(Answer::Failed(failure));
        match read {
            Ok(_) => accepted(),
            Err(why) => self.refuse(400, why),
        }
    }

    /// Takes the right to answer the invocation of this id.
    fn take(&self, id: &str) -> Option<oneshot::Sender<Answer>> {
        let mut current = self.current.lock().unwrap();
        current.as_mut().filter(|current| current.id == id)?.answer.take()
    }

    fn refuse(&self, status: u16, fault: impl Into<String>) -> Response<Body> {
        let fault = fault.into();
        let body = json!({"errorType": "InvalidRequest", "errorMessage": fault});
        self.notes.fault(fault);
        answer_json(status, &body)
    }
}

impl Failure {
    fn read(body: &[u8]) -> Result<Self, String> {
        let told: Value =
            serde_json::from_slice(body).map_err(|error| format!("a failure that is no JSON: {error}"))?;
        let field = |name: &str| {
            let text = told.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
            text.ok_or_else(|| format!("a failure without {name}"))
        };
        Ok(Self { kind: field("errorType")?, message: field("errorMessage")? })
    }
}

fn check_streaming(headers: &HeaderMap) -> Result<(), String> {
    let is = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    if !is(CONTENT_TYPE, STREAMED) {
        return Err(format!("a streamed response that is not {STREAMED}"));
    }
    if !is(TRANSFER_ENCODING, "chunked") {
        return Err("a streamed response that is not chunked".to_owned());
    }
    Ok(())
}

fn accepted() -> Response<Body> {
    answer_json(202, &json!({"status": "OK"}))
}

async fn collected(request: Request<Incoming>) -> Bytes {
    request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default()
}
