//! A function on Lambda, double and all: a door that is a Function URL, and environments that run the real binary under
//! the real Runtime API.
//!
//! It is strict: what Lambda would not take from a runtime is remembered as a fault, and
//! [`Function::assert_faultless`] tells. It does what Lambda does between and after invocations too: it freezes the
//! environment while nobody asks, kills it at the deadline, reads on when the client hangs up, and answers by itself,
//! in its own words, when all environments are busy or a request is too large.

mod api;
mod environment;
mod event;
mod pool;
mod prelude;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::api::{Answer, Piece};
pub use self::event::Identity;
use self::pool::Pool;
use self::prelude::Prelude;
use super::REGION;
use super::iam::Door;
use super::server::{self, Body, Server};
use crate::client::Client;
use crate::wait;

/// The largest event and the largest answer that is no stream, in bytes.
pub const LARGEST_PAYLOAD: usize = 6 << 20;

/// How to run a function.
#[derive(Clone, Debug)]
pub struct Setup {
    name: String,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    env: Vec<(String, String)>,
    access_key: String,
    timeout: Duration,
    concurrency: usize,
    signers: Option<BTreeMap<String, String>>,
    permissions: Option<Arc<Door>>,
    freezes: bool,
}

/// A function behind its URL. It ends, environments and all, when it is dropped.
#[derive(Debug)]
pub struct Function {
    door: Server,
    pool: Arc<Pool>,
}

/// How an invocation, or a start, failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Such as `Sandbox.Timedout`, or what the function itself calls it.
    pub kind: String,
    /// What the function says about it.
    pub message: String,
}

impl Setup {
    /// A function of this name that runs a program.
    #[must_use]
    pub fn new(name: &str, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: Vec::new(),
            env: Vec::new(),
            access_key: format!("role-of-{name}"),
            timeout: Duration::from_secs(60),
            concurrency: 10,
            signers: None,
            permissions: None,
            freezes: true,
        }
    }

    /// With an argument: for a stand-in that is a script.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<PathBuf>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// With all these variables.
    #[must_use]
    pub fn envs(mut self, all: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env.extend(all);
        self
    }

    /// With this id of an access key, by which its calls can be told from others'.
    #[must_use]
    pub fn access_key(mut self, id: &str) -> Self {
        id.clone_into(&mut self.access_key);
        self
    }

    /// Kills an environment that is busy for longer.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Runs so many environments at most.
    #[must_use]
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency, ..self }
    }

    /// Lets in only what is signed with one of these access keys, each the ARN of an assumed role. The signature itself
    /// is not checked.
    #[must_use]
    pub fn signed_by<'s>(self, signers: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        let signers = signers.into_iter().map(|(key, arn)| (key.to_owned(), arn.to_owned())).collect();
        Self { signers: Some(signers), ..self }
    }

    /// Lets in of these signers only whom the URL's permissions admit.
    #[must_use]
    pub fn guarded_by(self, permissions: Door) -> Self {
        Self { permissions: Some(Arc::new(permissions)), ..self }
    }

    /// Lets environments run on while nobody asks: for measurements, which two signals an invocation would disturb.
    #[must_use]
    pub fn never_frozen(self) -> Self {
        Self { freezes: false, ..self }
    }

    /// Opens its door. Environments start when they are needed, as on Lambda.
    pub async fn start(self) -> Function {
        let pool = Arc::new(Pool::new(self));
        let serving = Arc::clone(&pool);
        let door = Server::start(move |request| {
            let pool = Arc::clone(&serving);
            async move { Some(respond(&pool, request).await) }
        })
        .await;
        Function { door, pool }
    }
}

impl Function {
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.door.url()
    }

    /// A client of its URL.
    #[must_use]
    pub fn client(&self, key: &str) -> Client {
        Client::new(&self.url(), key)
    }

    /// Invokes it with an event of any kind, past its URL, and waits for what it returns.
    ///
    /// # Errors
    /// The failure that it reported, or how it died.
    pub async fn invoke(&self, event: &Value) -> Result<Value, Failure> {
        let answer = self.pool.invoke(event.to_string().into(), &request_id()).await;
        match answer.unwrap_or_else(|| panic!("every environment of the function is busy")) {
            Answer::Whole(payload) => Ok(wait::done("read the answer", serde_json::from_slice(&payload))),
            Answer::Failed(failure) => Err(failure),
            Answer::Streamed(prelude, _) => panic!("a stream is no answer to a plain event: {prelude:?}"),
        }
    }

    /// Starts environments until there are so many, all of them idle.
    pub async fn provision(&self, environments: usize) {
        self.pool.provision(environments).await;
    }

    /// How many environments run.
    #[must_use]
    pub fn environments(&self) -> usize {
        self.pool.environments().len()
    }

    /// The process of each environment.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.pool.environments().iter().map(|environment| environment.process()).collect()
    }

    /// How many invocations were begun: what Lambda's metric `Invocations` counts.
    #[must_use]
    pub fn invocations(&self) -> usize {
        self.pool.invocations()
    }

    /// Stops every environment where it is, in the middle of its work or not.
    pub async fn freeze(&self) {
        self.pool.signal("STOP").await;
    }

    /// Lets every environment go on.
    pub async fn thaw(&self) {
        self.pool.signal("CONT").await;
    }

    /// Ends every environment as soon as it is idle, and returns once all of them are gone. Whoever asks meanwhile gets a
    /// new one: as Lambda does with environments that are some hours old.
    pub async fn recycle(&self) {
        self.pool.retire().await;
        wait::until("the old environments to end", || async { self.pool.has_no_retired().then_some(()) }).await;
    }

    /// Kills every environment. The next request starts a new one.
    pub async fn kill(&self) {
        self.pool.kill().await;
    }

    /// Waits until no environment is busy: a client has its answer before the environment asks for its next invocation.
    pub async fn settle(&self) {
        wait::until("all environments to be idle", || async { self.pool.is_idle().then_some(()) }).await;
    }

    /// All that its environments printed so far, the ended ones too.
    #[must_use]
    pub fn printed(&self) -> String {
        self.pool.printed().iter().map(crate::gate::Printed::all).collect()
    }

    /// The invocations and starts that failed.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.pool.notes().failures()
    }

    /// What no runtime should have done, so far.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.pool.notes().faults()
    }

    /// Fails the test when the function broke the protocol.
    ///
    /// # Panics
    /// With the faults.
    pub fn assert_faultless(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "Lambda would not have taken this: {faults:#?}\n{}", self.printed());
    }
}

fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A request at the Function URL. What Lambda says by itself is in its own shapes: which words it uses is not
/// documented, only that they are not the function's.
async fn respond(pool: &Pool, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(identity) = pool.setup().identify(&parts.headers) else {
        return server::json(403, &json!({"Message": "Forbidden"}));
    };
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let id = request_id();
    let payload = event::event(&parts, &body, identity.as_ref(), &id).to_string();
    if payload.len() > LARGEST_PAYLOAD {
        return server::json(413, &json!({"Message": "Request Entity Too Large"}));
    }
    match pool.invoke(payload.into(), &id).await {
        None => server::json(
            429,
            &json!({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User", "message": "Rate Exceeded."}),
        ),
        Some(Answer::Failed(_)) => server::json(502, &json!({"Message": "Internal Server Error"})),
        // A URL that streams passes a whole answer on as it is: nobody reads a status out of it.
        Some(Answer::Whole(payload)) => {
            let mut response = Response::new(server::whole(payload));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            response
        }
        Some(Answer::Streamed(prelude, pieces)) => streamed(prelude, pieces),
    }
}

fn streamed(prelude: Prelude, pieces: mpsc::UnboundedReceiver<Piece>) -> Response<Body> {
    let frames = unfold(pieces, |mut pieces| async move {
        let frame = match pieces.recv().await {
            Some(Piece::Data(data)) => Ok(Frame::data(data)),
            Some(Piece::End) => return None,
            None => {
                // What came before it leaves only if the writer finds nothing more to write.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        };
        Some((frame, pieces))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = prelude.status;
    *response.headers_mut() = prelude.headers;
    for own in [CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING] {
        response.headers_mut().remove(own);
    }
    response
}

impl Failure {
    fn new(kind: &str, message: &str) -> Self {
        Self { kind: kind.to_owned(), message: message.to_owned() }
    }
}

impl Setup {
    /// Who signed a request: nobody where none has to, and an error where it is none of those who may.
    fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, ()> {
        let Some(signers) = &self.signers else { return Ok(None) };
        let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).ok_or(())?;
        let scope = signed.strip_prefix("AWS4-HMAC-SHA256 Credential=").and_then(|rest| rest.split(',').next());
        let (key, scope) = scope.and_then(|scope| scope.split_once('/')).ok_or(())?;
        if !scope.ends_with(&format!("/{REGION}/lambda/aws4_request")) {
            return Err(());
        }
        let (key, arn) = signers.get_key_value(key).ok_or(())?;
        let role = role_of(arn).ok_or(())?;
        let admitted = |permissions: &Arc<Door>| wait::done("evaluate the permissions", permissions.admits(&role));
        if !self.permissions.as_ref().is_none_or(admitted) {
            return Err(());
        }
        Ok(Some(Identity { access_key: key.clone(), arn: arn.clone() }))
    }
}

/// The role of a session, as permissions name it.
fn role_of(session: &str) -> Option<String> {
    let (account, rest) = session.strip_prefix("arn:aws:sts::")?.split_once(":assumed-role/")?;
    Some(format!("arn:aws:iam::{account}:role/{}", rest.split('/').next()?))
}
