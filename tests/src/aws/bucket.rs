//! S3 in memory, as far as the audit trail uses it: fast enough to measure what asks it, strict about what makes an
//! object, and failing as a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

pub use super::dynalite::Fault;
use super::server::{Body, Server, whole};

/// What happens to the request with this number, from 0: `None` lets it pass.
type Brain = Arc<dyn Fn(usize) -> Option<Fault> + Send + Sync>;

/// A bucket of any name. It stops when it is dropped.
#[derive(Debug)]
pub struct Bucket {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    objects: Mutex<BTreeMap<String, Bytes>>,
    asked: Mutex<usize>,
    brain: Mutex<Brain>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Bucket {
    /// An empty one.
    pub async fn start() -> Self {
        let brain: Brain = Arc::new(|_| None);
        let shared = Arc::new(Shared { objects: Mutex::default(), asked: Mutex::default(), brain: Mutex::new(brain) });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |request| {
            let shared = Arc::clone(&serving);
            async move { shared.answer(request).await }
        })
        .await;
        Self { server, shared }
    }

    /// Its base URL, as `AWS_ENDPOINT_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What happens to requests from now on.
    pub fn break_by(&self, brain: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static) {
        *self.shared.brain.lock().unwrap() = Arc::new(brain);
    }

    /// All objects, by their keys.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.shared.objects.lock().unwrap().clone()
    }

    /// Forgets all objects.
    pub fn clear(&self) {
        self.shared.objects.lock().unwrap().clear();
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Body>> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            *asked += 1;
            *asked - 1
        };
        let brain = Arc::clone(&*self.brain.lock().unwrap());
        let fault = brain(number);
        let (parts, body) = request.into_parts();
        match fault {
            Some(Fault::HangUp) => return None,
            Some(Fault::Refuse(status, kind)) => return Some(error(status, kind)),
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::LoseReply) | None => {}
        }
        let body = body.collect().await.ok()?.to_bytes();
        // The bucket comes first: these clients have it in the path.
        let (_, key) = parts.uri.path().trim_start_matches('/').split_once('/')?;
        let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let mut objects = self.objects.lock().unwrap();
        let response = match parts.method {
            Method::GET => {
                objects.get(&key).map_or_else(|| error(404, "NoSuchKey"), |body| Response::new(whole(body.clone())))
            }
            // The trail is made of what nobody can replace, and of what S3 has compared.
            Method::PUT if header("if-none-match") != Some("*") => error(403, "AccessDenied"),
            Method::PUT if header("x-amz-checksum-sha256").is_none() => error(400, "InvalidRequest"),
            Method::PUT if objects.contains_key(&key) => error(412, "PreconditionFailed"),
            Method::PUT => {
                objects.insert(key, body);
                Response::new(whole(Bytes::new()))
            }
            _ => error(405, "MethodNotAllowed"),
        };
        if fault == Some(Fault::LoseReply) { None } else { Some(response) }
    }
}

/// An error as S3 spells it.
fn error(status: u16, code: &str) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>told to</Message></Error>"
    );
    let mut response = Response::new(whole(text));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status is given");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
