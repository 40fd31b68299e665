//! What stands before dynalite.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, oneshot};
use tokio::task::JoinSet;

use super::transaction;
use crate::client::{Client, Reply};
use crate::wait;

/// A call as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// Such as `UpdateItem`.
    pub operation: String,
    /// Its parameters.
    pub body: Value,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes this much longer.
    Delay(Duration),
    /// The connection ends before anything is done.
    HangUp,
    /// It is done, and the connection ends without an answer.
    LoseReply,
    /// It is refused with this status and this type of exception; nothing is done.
    Refuse(u16, &'static str),
}

#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

type Brain = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

struct Shared {
    server: String,
    /// A transaction has the tables to itself.
    turn: RwLock<()>,
    state: Mutex<State>,
}

struct State {
    brain: Brain,
    calls: Vec<Call>,
    withheld: bool,
    work: JoinSet<()>,
}

impl State {
    fn start(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        while self.work.try_join_next().is_some() {}
        self.work.spawn(work);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("server", &self.server).finish_non_exhaustive()
    }
}

/// The connection is to end.
#[derive(Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("told to hang up")
    }
}

impl std::error::Error for HungUp {}

impl Door {
    pub(super) async fn before(server: String) -> Self {
        let listener = wait::done("listen on loopback", TcpListener::bind("127.0.0.1:0").await);
        let address = wait::done("read the port", listener.local_addr());
        let state = State { brain: Arc::new(|_| None), calls: Vec::new(), withheld: false, work: JoinSet::new() };
        let shared = Arc::new(Shared { server, turn: RwLock::default(), state: Mutex::new(state) });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, _serving: serving }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn server(&self) -> &str {
        &self.shared.server
    }

    pub(super) fn break_by(&self, brain: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        self.shared.state.lock().unwrap().brain = Arc::new(brain);
    }

    pub(super) fn withhold_items(&self, withheld: bool) {
        self.shared.state.lock().unwrap().withheld = withheld;
    }

    pub(super) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.state.lock().unwrap().calls)
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
    wait::done("set TCP_NODELAY", socket.set_nodelay(true));
    let service = service_fn(|request: http::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| HungUp)?.to_bytes();
            let (answer, answered) = oneshot::channel();
            // What was asked is done, also when the client no longer waits.
            let work = Arc::clone(&shared);
            let work = async move { drop(answer.send(work.answer(&parts.headers, body).await)) };
            shared.state.lock().unwrap().start(work);
            wait::done("answer for DynamoDB", answered.await)
        }
    });
    // A client may hang up whenever it likes.
    let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

impl Shared {
    async fn answer(&self, headers: &HeaderMap, body: Bytes) -> Result<Response<Full<Bytes>>, HungUp> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let call = Call { operation, body: serde_json::from_slice(&body).unwrap_or_default() };
        let brain = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(call.clone());
            Arc::clone(&state.brain)
        };
        let fault = brain(&call);
        match fault {
            Some(Fault::HangUp) => return Err(HungUp),
            Some(Fault::Refuse(status, kind)) => {
                let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
                return Ok(response(status, &json!({"__type": kind, "message": "told to fail"})));
            }
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::LoseReply) | None => {}
        }
        let done = self.done(headers, body, &call).await;
        if fault == Some(Fault::LoseReply) { Err(HungUp) } else { Ok(done) }
    }

    async fn done(&self, headers: &HeaderMap, body: Bytes, call: &Call) -> Response<Full<Bytes>> {
        if call.operation == "TransactWriteItems" {
            let _alone = self.turn.write().await;
            let (status, body) = transaction::write(&self.server, &call.body).await;
            return response(status, &body);
        }
        let _with_others = self.turn.read().await;
        let reply = pass(&self.server, headers, body).await;
        let (status, mut answer) = (reply.status.as_u16(), reply.json());
        let wanted = call.body["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
        if wanted && condition_failed(&answer) && !self.state.lock().unwrap().withheld {
            let read = json!({"TableName": call.body["TableName"], "Key": call.body["Key"], "ConsistentRead": true});
            let mut item = super::call(&self.server, "GetItem", &read).await.json();
            // As on AWS there is none where the item is missing.
            if !item["Item"].is_null() {
                answer["Item"] = item["Item"].take();
            }
        }
        response(status, &answer)
    }
}

pub(super) fn condition_failed(answer: &Value) -> bool {
    answer["__type"].as_str().is_some_and(|kind| kind.ends_with("ConditionalCheckFailedException"))
}

async fn pass(server: &str, headers: &HeaderMap, body: Bytes) -> Reply {
    let client = Client::new(server, "");
    let mut request = client.anonymous(Method::POST, "/");
    for name in ["authorization", "content-type", "x-amz-date", "x-amz-target"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    client.send(request, body).await
}

fn response(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = wait::done("read the status", StatusCode::from_u16(status));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
