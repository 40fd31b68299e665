//! A plain HTTP client: no pool, no proxy, no retry, no opinion. What it is told goes out, what comes back is shown.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode, request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::wait;

/// Speaks to one server, with one key.
#[derive(Clone, Debug)]
pub struct Client {
    authority: String,
    key: String,
    bearer: bool,
}

/// An answer that has arrived.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// Whether the body ended as HTTP demands.
    pub ended: bool,
}

/// An answer on its way. Dropping it hangs up.
pub struct Live {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    read: Vec<u8>,
    _connection: Arc<JoinSet<()>>,
}

impl Client {
    /// A client of the server at `endpoint`, such as `http://127.0.0.1:8080`.
    ///
    /// # Panics
    /// When that is not a plain URL.
    #[must_use]
    pub fn new(endpoint: &str, key: &str) -> Self {
        let authority = endpoint.strip_prefix("http://").unwrap_or_else(|| panic!("{endpoint} is not a plain URL"));
        Self { authority: authority.trim_end_matches('/').to_owned(), key: key.to_owned(), bearer: false }
    }

    /// The same, with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// The same, with its key as OpenAI's clients send it.
    #[must_use]
    pub fn bearer(self) -> Self {
        Self { bearer: true, ..self }
    }

    /// A request with the key and nothing else.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> request::Builder {
        let request = self.anonymous(method, path);
        if self.bearer {
            return request.header(AUTHORIZATION, format!("Bearer {}", self.key));
        }
        request.header("x-goog-api-key", &self.key)
    }

    /// A request without a key.
    #[must_use]
    pub fn anonymous(&self, method: Method, path: &str) -> request::Builder {
        Request::builder().method(method).uri(path).header(HOST, &self.authority)
    }

    /// GETs a path.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path), Bytes::new()).await
    }

    /// POSTs JSON and waits for the whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_bytes(path, body.to_string()).await
    }

    /// POSTs bytes that are called JSON.
    pub async fn post_bytes(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.send(self.request(Method::POST, path).header(CONTENT_TYPE, "application/json"), body).await
    }

    /// POSTs JSON and returns with the head of the answer.
    pub async fn open(&self, path: &str, body: &Value) -> Live {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.start(request, body.to_string()).await
    }

    /// Sends any request and waits for the whole answer.
    pub async fn send(&self, request: request::Builder, body: impl Into<Bytes>) -> Reply {
        self.start(request, body).await.rest().await
    }

    async fn start(&self, request: request::Builder, body: impl Into<Bytes>) -> Live {
        let request = wait::done("build the request", request.body(Full::new(body.into())));
        let what = format!("the head of the answer to {} {}", request.method(), request.uri());
        let socket = wait::done("connect", TcpStream::connect(&self.authority).await);
        wait::done("set TCP_NODELAY", socket.set_nodelay(true));
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
        let (mut sender, connection) = wait::done("start HTTP", shaken);
        let mut connections = JoinSet::new();
        // How a connection ends shows in the body it carried.
        connections.spawn(async move { drop(connection.await) });
        let response = wait::done(&what, wait::within(&what, sender.send_request(request)).await);
        let (head, body) = response.into_parts();
        Live { status: head.status, headers: head.headers, body, read: Vec::new(), _connection: Arc::new(connections) }
    }

    /// Writes bytes to a bare socket and reads what comes back until `enough` says so or the server ends it.
    pub async fn raw(&self, bytes: &[u8], enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut socket = wait::done("connect", TcpStream::connect(&self.authority).await);
        wait::done("write", socket.write_all(bytes).await);
        let mut read = Vec::new();
        while !enough(&read) {
            // A reset after an early answer is the server's right.
            match wait::within("an answer on a bare socket", socket.read_buf(&mut read)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        read
    }
}

impl Live {
    /// Reads the next piece of the body; at its end an `Err` that says whether it ended as HTTP demands.
    async fn piece(&mut self) -> Result<(), bool> {
        match wait::within("the next piece of the answer", self.body.frame()).await {
            None => Err(true),
            Some(Err(_)) => Err(false),
            Some(Ok(frame)) => {
                self.read.extend(frame.into_data().unwrap_or_default());
                Ok(())
            }
        }
    }

    /// Reads on until the body so far holds `word`, and returns the body so far.
    ///
    /// # Panics
    /// When the body ends without it.
    pub async fn read_until(&mut self, word: &str) -> String {
        loop {
            let read = String::from_utf8_lossy(&self.read).into_owned();
            if read.contains(word) {
                return read;
            }
            assert!(self.piece().await.is_ok(), "the answer ended without {word:?}: {read}");
        }
    }

    /// Waits for the rest and returns all of it, what was read before included.
    pub async fn rest(mut self) -> Reply {
        let ended = loop {
            if let Err(ended) = self.piece().await {
                break ended;
            }
        };
        Reply { status: self.status, headers: self.headers, body: self.read.into(), ended }
    }
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The events of a stream, which must be exactly `data: <json>\n\n` each.
    ///
    /// # Panics
    /// When a byte of it is anything else.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let text = self.text();
        let all = text.strip_suffix("\n\n").unwrap_or_else(|| panic!("the last event is not closed: {self:?}"));
        all.split("\n\n").map(|event| parse_event(event).unwrap_or_else(|| panic!("{event:?} in {self:?}"))).collect()
    }

    /// The events of an OpenAI stream, and whether `[DONE]` stands behind them, where nothing follows.
    ///
    /// # Panics
    /// When a byte of it is anything else.
    #[must_use]
    pub fn chunks(&self) -> (Vec<Value>, bool) {
        match self.text().strip_suffix("data: [DONE]\n\n") {
            None => (self.events(), false),
            Some(before) => {
                (Self { body: before.to_owned().into(), headers: self.headers.clone(), ..*self }.events(), true)
            }
        }
    }

    /// The content of the first choice, over all chunks or in the one completion.
    #[must_use]
    pub fn completion(&self) -> String {
        let streamed = self.header("content-type").starts_with("text/event-stream");
        let told = if streamed { self.chunks().0 } else { vec![self.json()] };
        let content = |told: &Value| {
            let choice = told.pointer("/choices/0")?;
            Some(choice.get("delta").or_else(|| choice.get("message"))?.get("content")?.as_str()?.to_owned())
        };
        told.iter().filter_map(content).collect()
    }

    /// The text of all parts of the first candidate, over all events or in the one answer.
    #[must_use]
    pub fn answer(&self) -> String {
        let streamed = self.header("content-type").starts_with("text/event-stream");
        let chunks = if streamed { self.events() } else { vec![self.json()] };
        chunks.iter().map(text_of).collect()
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?} (ended: {})", self.status, self.headers, self.text(), self.ended)
    }
}

fn parse_event(event: &str) -> Option<Value> {
    let json = event.strip_prefix("data: ").filter(|json| !json.contains(['\n', '\r']))?;
    serde_json::from_str(json).ok()
}

/// The text of all parts of the first candidate.
#[must_use]
pub fn text_of(chunk: &Value) -> String {
    let parts = chunk.pointer("/candidates/0/content/parts").and_then(Value::as_array);
    parts.into_iter().flatten().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
}
