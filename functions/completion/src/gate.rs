//! The gate: an HTTP request in, its answer out.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use serde_json::{Value, json};
use shared::audit::{Entry, Pepper};
use shared::clock::{Clock, Timestamp};
use shared::host::{self, Body, Deadline, Door};
use shared::policy::Compiled;
use shared::ports::{AuditQueue, Callers, Model, Unavailable};
use shared::recorder::Recorder;
use shared::telemetry::Chain;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::{NoContext, Uuid};

use crate::admission::{self, Accounts};
use crate::body::Room;
use crate::config::Config;
use crate::problem::{Code, Problem};
use crate::receipt::Receipt;
use crate::routes::Route;
use crate::surface::Surface;
use crate::{body, credentials, openapi, service};

mod fetched;
mod record;
mod rules;
mod time;

pub use fetched::{Fetch, Fetched};
pub use rules::Rules;

const JSON: &str = "application/json; charset=utf-8";

/// What a gate is built from.
#[derive(Debug)]
pub struct Parts<M, C, Q, K> {
    /// The provider of answers.
    pub model: M,
    /// Who may call.
    pub callers: C,
    /// Keeps the audit records.
    pub recorder: Recorder<Q, K>,
    /// Who may ask how much.
    pub accounts: Accounts,
    /// Tells the time.
    pub clock: K,
    /// The key of the hashes that stand for users and prompts in records.
    pub pepper: Fetched<Pepper>,
    /// The policy in force.
    pub rules: Rules,
    /// Settings.
    pub config: Config,
}

/// The guarded endpoint. Clones are handles to the same gate.
#[derive(Debug)]
pub struct Gate<M, C, Q, K> {
    parts: Arc<Parts<M, C, Q, K>>,
    room: Room,
    running: TaskTracker,
}

impl<M, C, Q, K> Clone for Gate<M, C, Q, K> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone(), room: self.room.clone(), running: self.running.clone() }
    }
}

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Gate<M, C, Q, K> {
    /// A gate of these parts.
    #[must_use]
    pub fn new(parts: Parts<M, C, Q, K>) -> Self {
        Self { parts: Arc::new(parts), room: Room::default(), running: TaskTracker::new() }
    }

    /// Answers one request. It never fails: every problem is an answer.
    ///
    /// The work is a task of its own, which outlives a client that hangs up: what Gemini may have billed is recorded.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody + Send + Unpin + 'static,
        B::Data: Buf + Send,
        B::Error: Send,
    {
        let request_id = self.parts.request_id();
        let span = tracing::info_span!("request", id = %request_id);
        let (sender, response) = oneshot::channel();
        let surface = Surface::of(request.uri().path(), request.headers());
        let deadline = request.extensions().get().map(|Deadline(deadline)| *deadline);
        let (parts, room, id) = (self.parts.clone(), self.room.clone(), request_id.clone());
        let work = async move {
            let (head, body) = request.into_parts();
            let receipt = parts.receipt(id.clone());
            // What needs neither policy nor pepper waits for neither.
            let answered = match Route::of(surface, &head.method, head.uri.path(), head.uri.query()) {
                Ok(Route::Health) => Ok(answer(StatusCode::OK, &json!({"status": "ok"}), &receipt)),
                Ok(Route::Description) => Ok(description(&receipt)),
                Ok(route) => match ready(&parts).await {
                    Ok((rules, pepper)) => {
                        let respond = Some(sender);
                        let visit = Visit { parts, room, rules, pepper, deadline, request_id: id, surface, respond };
                        return visit.run(route, head, body).await;
                    }
                    Err(problem) => Err((problem, body)),
                },
                Err(problem) => Err((problem, body)),
            };
            let response = match answered {
                Ok(response) => response,
                Err((problem, body)) => {
                    tracing::info!(code = problem.code.as_str(), "refused");
                    body::throw_away(&head.headers, body).await;
                    refusal(surface, &problem, &receipt)
                }
            };
            // A client that has hung up needs no response.
            let _gone = sender.send(response);
        };
        self.running.spawn(work.instrument(span));
        response.await.unwrap_or_else(|_| {
            // The task ended without a word: it panicked, and the panic hook has told where.
            let receipt = Receipt { request_id, ..Receipt::default() };
            refusal(surface, &Problem::internal(), &receipt)
        })
    }

    /// Answers whatever comes in at `door` until `stop` is done, and returns once every request has ended and left its
    /// record.
    ///
    /// # Errors
    /// As for [`host::serve`].
    pub async fn serve(&self, door: Door, stop: impl Future<Output = ()>) -> Result<(), host::Error> {
        let gate = self.clone();
        let answer = move |request| {
            let gate = gate.clone();
            async move { gate.answer(request).await }
        };
        let served = host::serve(door, answer, stop).await;
        self.drained().await;
        served
    }

    /// Returns once every request has ended and left its record. No new ones may come.
    async fn drained(&self) {
        self.running.close();
        self.running.wait().await;
        admission::record_refusals(&self.parts, None).await;
    }
}

impl<M, C, Q, K: Clock> Parts<M, C, Q, K> {
    fn request_id(&self) -> String {
        let now = self.clock.now().0;
        let nanoseconds = u32::try_from(now % 1000).unwrap_or_default() * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, now / 1000, nanoseconds)).to_string()
    }
}

impl<M, C, Q, K> Parts<M, C, Q, K> {
    /// What is known before a request's policy is.
    fn receipt(&self, request_id: String) -> Receipt {
        let version = self.rules.in_force().map(|rules| rules.policy.version().to_owned());
        Receipt { request_id, policy_version: version.unwrap_or_default(), ..Receipt::default() }
    }
}

/// What every request that is for somebody is answered by: the policy in force, and the pepper.
async fn ready<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    parts: &Parts<M, C, Q, K>,
) -> Result<(Arc<Compiled>, Pepper), Problem> {
    let (rules, pepper) = tokio::join!(parts.rules.current(&parts.clock, parts), parts.pepper.get(&parts.clock));
    let rules = rules.ok_or_else(|| {
        let message = "the policy cannot be read at the moment, and without it nothing is answered; try again";
        Problem::new(Code::PolicyUnavailable, message)
    })?;
    let pepper = pepper.map_err(|unavailable| {
        tracing::error!(code = "pepper_unavailable", error = %Chain(&unavailable), "the pepper cannot be read");
        let message = "no audit record can be made at the moment, and without it nothing is answered; try again";
        Problem::new(Code::AuditUnavailable, message)
    })?;
    Ok((rules, pepper))
}

/// One request at the gate.
pub(crate) struct Visit<M, C, Q, K> {
    pub(crate) parts: Arc<Parts<M, C, Q, K>>,
    /// Memory for bodies.
    pub(crate) room: Room,
    /// The policy that was in force when it came.
    pub(crate) rules: Arc<Compiled>,
    pub(crate) pepper: Pepper,
    /// When the platform ends the process.
    deadline: Option<Timestamp>,
    pub(crate) request_id: String,
    /// Whose API was called, and in whose words everything is answered.
    pub(crate) surface: Surface,
    /// Where the response goes; taken once it has gone.
    respond: Option<oneshot::Sender<Response<Body>>>,
}

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Visit<M, C, Q, K> {
    async fn run<B>(mut self, route: Route, head: http::request::Parts, body: B)
    where
        B: HttpBody + Unpin,
        B::Data: Buf,
    {
        let receipt = self.receipt();
        if let Err(problem) = self.route(route, head, body).await {
            tracing::info!(code = problem.code.as_str(), "refused");
            self.respond(refusal(self.surface, &problem, &receipt));
        }
    }

    async fn route<B>(&mut self, route: Route, head: http::request::Parts, body: B) -> Result<(), Problem>
    where
        B: HttpBody + Unpin,
        B::Data: Buf,
    {
        let caller = match credentials::authenticate(&head, &self.parts.callers, self.parts.config.roles).await {
            Ok(caller) => caller,
            Err(problem) => {
                body::throw_away(&head.headers, body).await;
                return Err(problem);
            }
        };
        let rules = self.rules.clone();
        let models = &rules.policy.models;
        match route {
            // They are answered before.
            Route::Description | Route::Health => Ok(()),
            Route::Models => {
                admission::glance(self, &caller).await?;
                let list = self.surface.models(&models.allowed);
                self.respond(answer(StatusCode::OK, &list, &self.receipt()));
                Ok(())
            }
            Route::Model(name) => {
                admission::glance(self, &caller).await?;
                service::allowed(&name, models)?;
                self.respond(answer(StatusCode::OK, &self.surface.model(&name), &self.receipt()));
                Ok(())
            }
            Route::Ask(target) => {
                self.has_time()?;
                service::run(self, caller, service::Call { target, headers: head.headers }, body).await
            }
        }
    }

    /// Sends the response, unless one was sent.
    pub(crate) fn respond(&mut self, response: Response<Body>) {
        if let Some(respond) = self.respond.take() {
            // A client that has hung up needs no response.
            let _gone = respond.send(response);
        }
    }

    /// Returns once the client has hung up before it got a response.
    pub(crate) async fn gone(&mut self) {
        match &mut self.respond {
            Some(respond) => respond.closed().await,
            None => std::future::pending().await,
        }
    }

    /// How long Gemini may take from now on, at most.
    pub(crate) fn time_left(&self) -> Duration {
        time::left(self.parts.config.deadlines.total, self.deadline, self.parts.clock.now())
    }

    /// Whether there is time to ask Gemini.
    pub(crate) fn has_time(&self) -> Result<(), Problem> {
        if self.time_left() < time::LEAST {
            let problem = Problem::new(Code::Overloaded, "there is too little time left to ask Gemini; try again");
            return Err(Problem { retry_after: Some(time::LEAST), ..problem });
        }
        Ok(())
    }

    /// How long settling may take from now on.
    pub(crate) fn time_to_settle(&self) -> Duration {
        time::to_settle(self.deadline, self.parts.clock.now())
    }

    /// Returns once the entry is durable, or there is just time left to say that it is not known to be.
    pub(crate) async fn record(&self, entry: Entry) -> Result<(), Unavailable> {
        let time = time::to_record(self.deadline, self.parts.clock.now());
        let recorded = timeout(time, self.parts.recorder.record(entry)).await;
        let late =
            |_| Err(Unavailable { store: "audit queue", cause: "it took longer than the platform gives".into() });
        recorded.unwrap_or_else(late).map(drop)
    }

    pub(crate) fn receipt(&self) -> Receipt {
        let policy_version = self.rules.policy.version().to_owned();
        Receipt { request_id: self.request_id.clone(), policy_version, ..Receipt::default() }
    }
}

/// A whole JSON answer.
pub(crate) fn answer(status: StatusCode, value: &Value, receipt: &Receipt) -> Response<Body> {
    with_body(status, JSON, Bytes::from(value.to_string()).into(), receipt)
}

/// An answer of the model's, all of it.
pub(crate) fn whole(body: Bytes, receipt: &Receipt) -> Response<Body> {
    with_body(StatusCode::OK, JSON, body.into(), receipt)
}

/// What this gate answers, for programs that read it. It changes with the gate's version only.
fn description(receipt: &Receipt) -> Response<Body> {
    let mut response = with_body(StatusCode::OK, JSON, openapi::document().into(), receipt);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}

/// An answer that is still being written.
pub(crate) fn stream(body: Body, receipt: &Receipt) -> Response<Body> {
    with_body(StatusCode::OK, "text/event-stream; charset=utf-8", body, receipt)
}

/// A problem as the surface tells it.
pub(crate) fn refusal(surface: Surface, problem: &Problem, receipt: &Receipt) -> Response<Body> {
    let value = surface.error_body(problem, &receipt.request_id);
    let mut response = answer(problem.code.status(), &value, receipt);
    let headers = response.headers_mut();
    if let Some(after) = problem.retry_after {
        // Whole seconds, and never sooner than asked.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if !problem.retryable() && problem.code.status().as_u16() >= 429 {
        // Clients retry these statuses unless they are told not to.
        headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
    }
    if let Some(standing) = &problem.standing {
        admission::tell(standing, headers);
    }
    if let Some(methods) = problem.allow {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    response
}

fn with_body(status: StatusCode, kind: &'static str, body: Body, receipt: &Receipt) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    receipt.write(headers);
    response
}

#[cfg(test)]
mod tests;
