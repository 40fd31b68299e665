//! An AWS of one's own: an HTTP server on the loopback that answers as a test says, so that what is tested is the
//! SDK's real client.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::{Access, Clients};
use crate::config::Reader;

/// What arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The operation, such as `SendMessage`; method and path where the service has no names for them.
    pub(crate) operation: String,
    pub(crate) headers: HashMap<String, String>,
    /// The parameters, where they are JSON.
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
}

/// What is answered.
pub(crate) enum Reply {
    /// A status and a body.
    Is(u16, String),
    /// Nothing: the connection ends.
    Cut,
    /// Nothing, for as long as the other side waits.
    Hang,
    /// These bytes, which may be no HTTP.
    Raw(&'static [u8]),
}

impl Reply {
    pub(crate) fn ok(body: &Value) -> Self {
        Self::Is(200, body.to_string())
    }

    /// An error as the JSON protocols spell it.
    pub(crate) fn error(status: u16, kind: &str) -> Self {
        Self::Is(status, format!(r#"{{"__type":"{kind}","message":"the words of AWS"}}"#))
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each request by `script`, which is told how many came before it.
    pub(crate) fn start(script: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                thread::spawn(move || attend(stream.unwrap(), &*script, &log));
            }
        });
        Self { url, asked }
    }

    /// Clients of this server.
    pub(crate) fn clients(&self) -> Clients {
        let settings = settings(&self.url);
        let mut read = Reader::new(&settings);
        let access = Access::read(&mut read);
        Clients::new(read.finish(access).unwrap()).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// What an error says, causes and all.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A whole environment with its endpoint at `url`.
pub(crate) fn settings(url: &str) -> HashMap<&str, &str> {
    HashMap::from([
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "canary-id"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
        ("AWS_SESSION_TOKEN", "canary-token"),
        ("AWS_ENDPOINT_URL", url),
    ])
}

fn attend(stream: TcpStream, script: &dyn Fn(&Asked, usize) -> Reply, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(asked) = read(&mut reader) {
        let before = {
            let mut log = log.lock().unwrap();
            log.push(asked.clone());
            log.len() - 1
        };
        let bytes = match script(&asked, before) {
            Reply::Is(status, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
                format!("{head}content-type: application/x-amz-json-1.0\r\n\r\n{body}").into_bytes()
            }
            Reply::Cut => return,
            // Ends when the other side has lost patience.
            Reply::Hang => return drop(reader.read(&mut [0])),
            Reply::Raw(bytes) => {
                let _ = (&stream).write_all(bytes);
                return;
            }
        };
        if (&stream).write_all(&bytes).is_err() {
            return;
        }
    }
}

/// The next request; `None` at the connection's end.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|bytes| *bytes > 0)?;
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let operation = match headers.get("x-amz-target") {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => first.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" "),
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    Some(Asked { operation, headers, body: serde_json::from_slice(&body).unwrap_or_default(), text })
}
