//! Where a key is rotated: Secrets Manager and Google in one server, strict where emulations are not, with faults.
//!
//! moto's Secrets Manager lets a version be put twice with two contents, and does not let a rotation begin after one that
//! left `AWSPENDING` on the current version. Both are wrong, and both are what a rotation stands or falls with.

mod google;
mod secrets;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::google::Google;
use self::secrets::Secrets;
use crate::aws::server::{Body, Server, json as answer};

/// The secret's ARN.
pub const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gatehouse/gemini-key-AbCdEf";

/// What every key begins with, so that one that was printed is found.
pub const CANARY: &str = "AQ.canary";

/// What every access token begins with, likewise.
pub const TOKEN: &str = "ya29.canary";

/// What befalls a call of the function's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call takes hold.
    DieBefore,
    /// The process dies once it has taken hold, and does not learn of it.
    DieAfter,
    /// The call takes hold, and its answer is lost.
    Lose,
    /// Too many requests.
    Throttle,
    /// The service fails.
    Break,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::DieBefore, Self::DieAfter, Self::Lose, Self::Throttle, Self::Break];
}

/// What a request is answered with: a status and JSON.
type Told = (u16, Value);

#[derive(Debug, Default)]
struct State {
    secrets: Secrets,
    google: Google,
    /// Calls of the function's since the fault was planned, and the fault with the number of the call it befalls.
    calls: usize,
    planned: Option<(usize, Fault)>,
    injected: usize,
    /// Requests that no service knows: a mistake of the function's, or of the double's.
    odd: Vec<String>,
}

/// The world that a key is rotated in.
#[derive(Debug)]
pub struct World {
    server: Server,
    state: Arc<Mutex<State>>,
    deadly: Arc<Notify>,
}

impl World {
    /// A world with an empty secret whose rotation is on.
    pub async fn start() -> Self {
        let (state, deadly) = (Arc::new(Mutex::new(State::default())), Arc::new(Notify::new()));
        let (shared, killing) = (Arc::clone(&state), Arc::clone(&deadly));
        let server = Server::start(move |request| {
            let (state, deadly) = (Arc::clone(&shared), Arc::clone(&killing));
            async move { attend(request, &state, &deadly).await }
        })
        .await;
        Self { server, state, deadly }
    }

    /// Where all its services are.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Announces a version, as `RotateSecret` does before it calls the function.
    ///
    /// # Panics
    /// Where a rotation is under way.
    pub fn begin(&self, version: &str) {
        assert!(self.state.lock().unwrap().secrets.begin(version), "a rotation is under way");
    }

    /// Has a fault befall the function's call of this number from now on.
    pub fn plan(&self, call: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        (state.calls, state.planned) = (0, Some((call, fault)));
    }

    /// Takes back what was planned and has not come to pass.
    pub fn calm(&self) {
        self.state.lock().unwrap().planned = None;
    }

    /// Returns when a process must die.
    pub async fn death(&self) {
        self.deadly.notified().await;
    }

    /// How many faults came to pass.
    #[must_use]
    pub fn injected(&self) -> usize {
        self.state.lock().unwrap().injected
    }

    /// The version with a stage.
    #[must_use]
    pub fn holder(&self, stage: &str) -> Option<String> {
        self.state.lock().unwrap().secrets.holder(stage)
    }

    /// The text of the secret's current version.
    #[must_use]
    pub fn current(&self) -> Option<String> {
        let state = self.state.lock().unwrap();
        state.secrets.holder("AWSCURRENT").and_then(|version| state.secrets.value(&version))
    }

    /// How many keys are alive at Google.
    #[must_use]
    pub fn living(&self) -> usize {
        self.state.lock().unwrap().google.living()
    }

    /// How many keys were ever made.
    #[must_use]
    pub fn made(&self) -> usize {
        self.state.lock().unwrap().google.made()
    }

    /// Time passes for what is remembered at Google: marks, uses and keys are older by so many days.
    pub fn age(&self, days: u64) {
        self.state.lock().unwrap().google.age(days);
    }

    /// Fails the test where anything was asked that no service knows.
    ///
    /// # Panics
    /// Naming what was asked.
    pub fn assert_understood(&self) {
        let odd = self.state.lock().unwrap().odd.clone();
        assert!(odd.is_empty(), "asked and not known: {odd:#?}");
    }
}

async fn attend(request: Request<Incoming>, state: &Mutex<State>, deadly: &Notify) -> Option<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
    let asked = Asked { method: head.method, path, query, headers: head.headers, body };
    let (told, fault) = {
        let mut state = state.lock().unwrap();
        let fault = if asked.is_of_traffic() { None } else { state.next_fault() };
        let told = match fault {
            Some(Fault::DieBefore | Fault::Throttle | Fault::Break) => None,
            Some(Fault::DieAfter | Fault::Lose) | None => Some(state.serve(&asked)),
        };
        (told, fault)
    };
    match fault {
        None => told.map(|(status, body)| answer(status, &body)),
        Some(Fault::Lose) => None,
        Some(Fault::Throttle) => Some(asked.refusal(429)),
        Some(Fault::Break) => Some(asked.refusal(503)),
        Some(Fault::DieBefore | Fault::DieAfter) => {
            deadly.notify_one();
            // The process is gone before it hears anything.
            std::future::pending().await
        }
    }
}

impl State {
    fn next_fault(&mut self) -> Option<Fault> {
        self.calls += 1;
        let (_, fault) = self.planned.take_if(|(call, _)| *call == self.calls)?;
        self.injected += 1;
        Some(fault)
    }

    fn serve(&mut self, asked: &Asked) -> Told {
        let told = match asked.operation() {
            Some(operation) => self.secrets.serve(operation, &asked.json()),
            None => self.google.serve(asked),
        };
        told.unwrap_or_else(|| {
            self.odd.push(format!("{} {}?{}", asked.method, asked.path, asked.query));
            (501, json!({"error": {"code": 501, "status": "UNIMPLEMENTED"}}))
        })
    }
}

/// A request.
struct Asked {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    /// What of Secrets Manager is asked.
    fn operation(&self) -> Option<&str> {
        self.header("x-amz-target").rsplit_once('.').map(|(_, operation)| operation)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether a parameter of the query is this.
    fn says(&self, name: &str, value: &str) -> bool {
        self.query.split('&').any(|pair| pair.split_once('=') == Some((name, value)))
    }

    /// A consumer's: it asks by a stage, or for an answer.
    fn is_of_traffic(&self) -> bool {
        self.path.ends_with(":generateContent")
            || !self.json()["VersionStage"].is_null() && self.operation() == Some("GetSecretValue")
    }

    /// An error in the words of whoever is asked.
    fn refusal(&self, status: u16) -> Response<Body> {
        match (self.operation(), status) {
            (Some(_), 429) => answer(400, &secrets::error("ThrottlingException")),
            (Some(_), _) => answer(500, &secrets::error("InternalServiceError")),
            (None, 429) => answer(429, &google::error(429, "RESOURCE_EXHAUSTED", "")),
            (None, _) => answer(503, &google::error(503, "UNAVAILABLE", "")),
        }
    }
}
