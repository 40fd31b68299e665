//! A Gemini that answers at once: as much text as it was asked with, whole or in ten chunks.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Chunks of a streamed answer.
const CHUNKS: usize = 10;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Starts on this thread's runtime.
pub(crate) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            // A connection that a client closes is no news.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(answer)));
        }
    });
    address
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let streamed = request.uri().path().ends_with(":streamGenerateContent");
    let asked = request.into_body().collect().await.unwrap().to_bytes().len();
    // The gate adds its instruction: sizes are told apart, not measured.
    let text = super::load::text(if asked > 8 << 10 { 10 << 10 } else { 1 << 10 });
    let usage = json!({"promptTokenCount": 300, "candidatesTokenCount": 200, "totalTokenCount": 500});
    let chunk = |text: &str, last: bool| -> Value {
        let mut candidate = json!({"content": {"role": "model", "parts": [{"text": text}]}, "index": 0});
        if last {
            candidate["finishReason"] = "STOP".into();
        }
        json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3.5-flash", "responseId": "r"})
    };
    let (kind, body) = if streamed {
        let each = text.len() / CHUNKS;
        let events: Vec<Result<Frame<Bytes>, Infallible>> = (0..CHUNKS)
            .map(|at| {
                format!("data: {}\r\n\r\n", chunk(text.get(at * each..(at + 1) * each).unwrap(), at + 1 == CHUNKS))
            })
            .map(|event| Ok(Frame::data(event.into())))
            .collect();
        ("text/event-stream", StreamBody::new(stream::iter(events)).boxed_unsync())
    } else {
        ("application/json", Full::new(Bytes::from(chunk(&text, true).to_string())).boxed_unsync())
    };
    Ok(Response::builder().header("content-type", kind).body(body).unwrap())
}
