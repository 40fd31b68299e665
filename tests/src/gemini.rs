//! A double of Gemini on loopback: strict about what it receives, scripted in what it answers.
//!
//! It stands where `https://generativelanguage.googleapis.com` stands, so that the real client is what is tested. A
//! request that Gemini would not take is refused and remembered as a fault; [`Gemini::assert_faultless`] tells.

pub mod answer;
pub mod cases;
pub mod errors;
mod rules;
pub mod script;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use script::{Hold, Script};

use self::errors::Known;
use crate::{provider_key, wait};

/// The double. It stops when it is dropped.
#[derive(Debug)]
pub struct Gemini {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-encoding and all.
    pub path: String,
    /// What followed `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, where there was one: JSON, or `Null` when it was not.
    pub body: Option<Value>,
}

type Takes = dyn Fn(&str) -> Option<bool> + Send + Sync;

struct Shared {
    key: String,
    takes: Box<Takes>,
    brain: Box<dyn Fn(&Request) -> Script + Send + Sync>,
    requests: Mutex<Vec<Request>>,
    faults: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("requests", &self.requests).field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Gemini {
    /// Starts a double that answers each request by `brain`.
    pub async fn start(brain: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        Self::start_with_keys(brain, |_| None).await
    }

    /// Starts one that knows other keys too: `takes` tells whether one is taken for this request, and nothing of a key
    /// that nobody has made.
    pub async fn start_with_keys(
        brain: impl Fn(&Request) -> Script + Send + Sync + 'static,
        takes: impl Fn(&str) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        let listener = wait::done("listen on loopback", TcpListener::bind("127.0.0.1:0").await);
        let address = wait::done("read the port", listener.local_addr());
        let shared = Arc::new(Shared {
            key: provider_key(),
            takes: Box::new(takes),
            brain: Box::new(brain),
            requests: Mutex::default(),
            faults: Mutex::default(),
        });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, _serving: serving }
    }

    /// Starts a double that answers every request alike.
    pub async fn always(script: Script) -> Self {
        Self::start(move |_| script.clone()).await
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The one key of its own that it takes.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.shared.key
    }

    /// Every request so far, also those it refused.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The only request so far.
    ///
    /// # Panics
    /// When there were none or several.
    #[must_use]
    pub fn only_request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request to Gemini was expected: {requests:?}");
        requests.remove(0)
    }

    /// What no gateway should have sent, so far.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.shared.faults.lock().unwrap().clone()
    }

    /// Fails the test when any request was one that Gemini would not have taken.
    ///
    /// # Panics
    /// With the faults.
    pub fn assert_faultless(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "Gemini would have refused what it was sent: {faults:#?}");
    }
}

impl Shared {
    fn answer(&self, request: Request) -> Script {
        let known = request.key().and_then(|key| (self.takes)(key).map(|taken| (key, taken)));
        let script = match rules::fault(&request, known.map_or(&self.key, |(key, _)| key)) {
            Some((fault, script)) => {
                self.faults.lock().unwrap().push(format!("{} {}: {fault}", request.method, request.path));
                script
            }
            // A key that is not everywhere yet, or no more.
            None if known.is_some_and(|(_, taken)| !taken) => Known::named("key_invalid").script(),
            None => rules::refusal(&request).unwrap_or_else(|| (self.brain)(&request)),
        };
        self.requests.lock().unwrap().push(request);
        script
    }
}

impl Request {
    fn new(parts: Parts, body: &Bytes) -> Self {
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(ToOwned::to_owned),
            headers: parts.headers,
            body: (!body.is_empty()).then(|| serde_json::from_slice(body).unwrap_or_default()),
        }
    }

    /// The key that it came with, as far as there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.headers.get("x-goog-api-key").and_then(|value| value.to_str().ok())
    }

    /// The model named in the path.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        let (_, rest) = self.path.split_once("/models/")?;
        Some(rest.split_once(':').map_or(rest, |(model, _)| model))
    }

    /// What follows the `:` in the path, such as `generateContent`.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.path.rsplit_once(':').map(|(_, action)| action)
    }

    /// Whether the answer is wanted as a stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.action() == Some("streamGenerateContent")
    }

    /// The turns; a body without any has none.
    #[must_use]
    pub fn contents(&self) -> &[Value] {
        let contents = self.body.as_ref().and_then(|body| body.get("contents"));
        contents.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Every part of every turn, oldest first.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.contents().iter().filter_map(|content| content.get("parts").and_then(Value::as_array)).flatten()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((socket, _)) = listener.accept() => {
                connections.spawn(converse(socket, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(socket: TcpStream, shared: Arc<Shared>) {
    // Each piece of a script is a packet of its own only without Nagle's delay.
    wait::done("set TCP_NODELAY", socket.set_nodelay(true));
    let service = service_fn(|request: http::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = request.into_parts();
            // A client that hangs up before its request is whole has not asked anything.
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let script = shared.answer(Request::new(parts, &body));
            Ok::<_, Infallible>(script.respond().await)
        }
    });
    // A connection that a script cuts, or that its client drops, ends here in an error: that is the test's business.
    let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}
