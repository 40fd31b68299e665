//! A plain HTTP server on loopback, which the doubles of AWS stand on.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::wait;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A server. It stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Server {
    /// Answers each request by `answer`; `None` ends the connection without a word.
    pub async fn start<A, R>(answer: A) -> Self
    where
        A: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        let listener = wait::done("listen on loopback", TcpListener::bind("127.0.0.1:0").await);
        let address = wait::done("read the port", listener.local_addr());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((socket, _)) = listener.accept() => {
                        connections.spawn(converse(socket, answer.clone()));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { address, _serving: serving }
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn converse<A, R>(socket: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> R,
    R: Future<Output = Option<Response<Body>>>,
{
    // Each piece is a packet of its own only without Nagle's delay.
    wait::done("set TCP_NODELAY", socket.set_nodelay(true));
    let service = service_fn(|request| {
        let answered = answer(request);
        async move { answered.await.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted)) }
    });
    // A connection that is cut, by either side, ends here in an error: that is the test's business.
    let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

/// A body that is all there.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// An answer of JSON.
///
/// # Panics
/// When the status is none.
#[must_use]
pub fn json(status: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(whole(body.to_string()));
    *response.status_mut() = wait::done("read the status", StatusCode::from_u16(status));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
