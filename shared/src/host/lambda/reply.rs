//! A response as Lambda takes it: a prelude with status and headers, eight zero bytes, then the body.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};
use http::response::Parts;
use http_body::{Body as HttpBody, Frame};
use serde::Serialize;

use crate::host::Body;

/// What stands between prelude and body.
const DIVIDER: [u8; 8] = [0; 8];

/// What a body is that has nothing in it. A Function URL leaves its client waiting where not one byte follows the
/// prelude.
const NOTHING: &[u8] = b"\n";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prelude<'r> {
    status_code: u16,
    headers: BTreeMap<&'r str, String>,
    cookies: Vec<&'r str>,
}

/// A prelude and its body, as one body.
#[derive(Debug)]
pub(super) struct Reply {
    prelude: Option<Bytes>,
    /// `None` once it has ended.
    body: Option<Body>,
    empty: bool,
}

impl Reply {
    pub(super) fn new(head: &Parts, body: Body) -> Self {
        Self { prelude: Some(prelude(head)), body: Some(body), empty: true }
    }
}

fn prelude(head: &Parts) -> Bytes {
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in &head.headers {
        // What is no text is nothing that we ever set.
        let Ok(value) = value.to_str() else { continue };
        match *name {
            SET_COOKIE => cookies.push(value),
            // Between Lambda and its client, this is Lambda's to say.
            CONNECTION | CONTENT_LENGTH | TRANSFER_ENCODING => {}
            _ => {
                let line = headers.entry(name.as_str()).or_default();
                if !line.is_empty() {
                    line.push_str(", ");
                }
                line.push_str(value);
            }
        }
    }
    let prelude = Prelude { status_code: head.status.as_u16(), headers, cookies };
    let mut bytes = BytesMut::new().writer();
    // Text keys and plain values cannot fail to become JSON.
    let _never = serde_json::to_writer(&mut bytes, &prelude);
    let mut bytes = bytes.into_inner();
    bytes.put_slice(&DIVIDER);
    bytes.freeze()
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(prelude) = self.prelude.take() {
            return Poll::Ready(Some(Ok(Frame::data(prelude))));
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if let Some(frame) = ready!(Pin::new(body).poll_frame(cx)) {
            self.empty &= matches!(&frame, Ok(frame) if frame.data_ref().is_none_or(Bytes::is_empty));
            return Poll::Ready(Some(frame));
        }
        self.body = None;
        Poll::Ready(self.empty.then(|| Ok(Frame::data(Bytes::from_static(NOTHING)))))
    }
}
