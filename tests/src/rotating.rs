//! Where a key is rotated: Secrets Manager and Google in one server, strict where emulations are not, with faults.
//!
//! moto's Secrets Manager lets a version be put twice with two contents, and does not let a rotation begin after one that
//! left `AWSPENDING` on the current version. Both are wrong, and both are what a rotation stands or falls with.

mod google;
mod secrets;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::google::Google;
use self::secrets::Secrets;
use crate::aws::server::{Body, Server, json as answer};

/// The secret's ARN, where no other is [adopted](World::adopt).
pub const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gatehouse/gemini-key-AbCdEf";

/// What every key begins with, so that one that was printed is found.
pub const CANARY: &str = "AQ.canary";

/// What every access token begins with, likewise.
pub const TOKEN: &str = "ya29.canary";

/// By what a person renews tokens.
pub const PERSON: &str = "canary-refresh-token";

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
    /// Calls of the function's since the fault was planned, and the fault with the call that it befalls.
    calls: usize,
    planned: Option<(Which, Fault)>,
    injected: usize,
    /// Requests that no service knows: a mistake of the function's, or of the double's.
    odd: Vec<String>,
}

/// The call of the function's that a fault befalls.
#[derive(Debug)]
enum Which {
    /// The one of this number.
    Number(usize),
    /// The next one that asks for this: an operation of Secrets Manager's, or method and path.
    Named(&'static str),
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
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.ok()?.to_bytes();
                attend(&parts, body, &state, &deadly).await
            }
        })
        .await;
        Self { server, state, deadly }
    }

    /// Where all its services are.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Answers a request that came in elsewhere; `None` ends the connection without a word.
    pub async fn answer(&self, parts: &Parts, body: Bytes) -> Option<Response<Body>> {
        attend(parts, body, &self.state, &self.deadly).await
    }

    /// Holds the secret with this ARN from now on, which nobody rotates yet.
    pub fn adopt(&self, arn: &str) {
        self.state.lock().unwrap().secrets = Secrets::adopted(arn);
    }

    /// Announces a version, as `RotateSecret` does before it calls the function.
    ///
    /// # Panics
    /// Where a rotation is under way.
    pub fn begin(&self, version: &str) {
        assert!(self.state.lock().unwrap().secrets.begin(version), "a rotation is under way");
    }

    /// Takes `AWSPENDING` off, as `CancelRotateSecret` and an operator do to a rotation that has got stuck.
    pub fn withdraw(&self) {
        self.state.lock().unwrap().secrets.withdraw();
    }

    /// Puts a version by hand; `None` announces it only.
    pub fn hold(&self, version: &str, stage: &str, value: Option<&str>) {
        self.state.lock().unwrap().secrets.hold(version, stage, value);
    }

    /// Makes a key by hand, and tells its string.
    pub fn mint(&self, id: &str, annotations: &Value) -> String {
        self.state.lock().unwrap().google.mint(id, annotations)
    }

    /// Deletes a key by hand.
    ///
    /// # Panics
    /// Where there is none.
    pub fn delete(&self, id: &str) {
        self.state.lock().unwrap().google.remove(id);
    }

    /// Whether the key with this string is taken for a request; `None` where no such key was ever made.
    #[must_use]
    pub fn takes(&self, string: &str) -> Option<bool> {
        self.state.lock().unwrap().google.takes(string)
    }

    /// The id of the key with this string.
    #[must_use]
    pub fn id(&self, string: &str) -> Option<String> {
        self.state.lock().unwrap().google.id(string)
    }

    /// The ids of the keys that are alive.
    #[must_use]
    pub fn alive(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().google.alive()
    }

    /// How often a rotation was to be switched on and not to begin: then `testSecret` alone is called.
    #[must_use]
    pub fn rehearsals(&self) -> usize {
        self.state.lock().unwrap().secrets.rehearsals()
    }

    /// Has a fault befall the function's call of this number from now on.
    pub fn plan(&self, call: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        (state.calls, state.planned) = (0, Some((Which::Number(call), fault)));
    }

    /// Has a fault befall the function's next call for this: an operation of Secrets Manager's, or `METHOD /path`.
    pub fn plan_at(&self, call: &'static str, fault: Fault) {
        self.state.lock().unwrap().planned = Some((Which::Named(call), fault));
    }

    /// Takes back what was planned; whether it has not come to pass.
    pub fn calm(&self) -> bool {
        self.state.lock().unwrap().planned.take().is_some()
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

    /// The text of a version.
    #[must_use]
    pub fn value(&self, version: &str) -> Option<String> {
        self.state.lock().unwrap().secrets.value(version)
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

    /// Time passes for what is remembered: versions, marks, uses and keys are older by so many days.
    pub fn age(&self, days: u32) {
        let mut state = self.state.lock().unwrap();
        state.google.age(days);
        state.secrets.age(days);
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

async fn attend(head: &Parts, body: Bytes, state: &Mutex<State>, deadly: &Notify) -> Option<Response<Body>> {
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
    let asked = Asked { method: head.method.clone(), path, query, headers: head.headers.clone(), body };
    let (told, fault) = {
        let mut state = state.lock().unwrap();
        let fault = if asked.is_of_traffic() { None } else { state.next_fault(&asked) };
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
    fn next_fault(&mut self, asked: &Asked) -> Option<Fault> {
        self.calls += 1;
        let (_, fault) = self.planned.take_if(|(which, _)| match which {
            Which::Number(call) => *call == self.calls,
            Which::Named(call) => asked.is(call),
        })?;
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

    fn is(&self, call: &str) -> bool {
        let path = call.strip_prefix(self.method.as_str()).map(str::trim_start);
        self.operation() == Some(call) || (self.operation().is_none() && path == Some(&self.path))
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
