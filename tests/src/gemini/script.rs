//! What the double does with one request, down to the byte and the moment.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::Notify;

/// One scripted answer.
#[derive(Clone, Debug)]
pub struct Script {
    status: StatusCode,
    headers: HeaderMap,
    before: Vec<Piece>,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Bytes),
    Cut,
    Hold(Hold),
    Pause(Duration),
}

/// A place in a script where the double waits for the test.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    reached: Arc<Notify>,
    released: Arc<Notify>,
}

impl Hold {
    /// Returns once the double waits here.
    pub async fn reached(&self) {
        crate::wait::within("Gemini to reach the place where it waits", self.reached.notified()).await;
    }

    /// Lets the double go on.
    pub fn release(&self) {
        self.released.notify_one();
    }
}

type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

impl Script {
    /// An empty answer of this status and media type.
    #[must_use]
    pub fn empty(status: u16, media_type: &'static str) -> Self {
        let status = StatusCode::from_u16(status).expect("a script's status is one that HTTP knows");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        Self { status, headers, before: Vec::new(), pieces: Vec::new() }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::empty(status, "application/json; charset=UTF-8").then(body.to_string())
    }

    /// An event stream with nothing in it yet.
    #[must_use]
    pub fn stream() -> Self {
        Self::empty(200, "text/event-stream")
    }

    /// An event stream of these chunks, each in a packet of its own.
    #[must_use]
    pub fn events(chunks: &[Value]) -> Self {
        chunks.iter().fold(Self::stream(), Self::event)
    }

    /// A whole answer, in the form that the request asks for.
    #[must_use]
    pub fn answer(request: &super::Request, answer: &Value) -> Self {
        if request.streams() { Self::events(std::slice::from_ref(answer)) } else { Self::json(200, answer) }
    }

    /// A redirect, which nobody should follow.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        let mut script = Self::empty(307, "text/html");
        script.headers.insert(LOCATION, to.parse().expect("a URL is a header value"));
        script
    }

    /// Then these bytes, in a packet of their own.
    #[must_use]
    pub fn then(mut self, bytes: impl Into<Bytes>) -> Self {
        self.pieces.push(Piece::Bytes(bytes.into()));
        self
    }

    /// Then these bytes, each in a packet of its own.
    #[must_use]
    pub fn trickle(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |script, byte| script.then(vec![*byte]))
    }

    /// Then one event as Gemini sends it.
    #[must_use]
    pub fn event(self, chunk: &Value) -> Self {
        self.then(event(chunk))
    }

    /// Then the connection breaks, without the end that HTTP demands.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.pieces.push(Piece::Cut);
        self
    }

    /// Then it waits until the test lets it go on.
    #[must_use]
    pub fn hold(mut self, hold: &Hold) -> Self {
        self.pieces.push(Piece::Hold(hold.clone()));
        self
    }

    /// Then it says nothing more, and does not end.
    #[must_use]
    pub fn stall(self) -> Self {
        self.hold(&Hold::default())
    }

    /// Then it takes its time.
    #[must_use]
    pub fn pause(mut self, time: Duration) -> Self {
        self.pieces.push(Piece::Pause(time));
        self
    }

    /// Waits for the test before it so much as sends a status.
    #[must_use]
    pub fn held_back(mut self, hold: &Hold) -> Self {
        self.before.push(Piece::Hold(hold.clone()));
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// With its bytes wrapped as gzip, uncompressed: what matters is that the reader did not ask for it.
    #[must_use]
    pub fn gzipped(mut self) -> Self {
        let plain: Vec<u8> = self.pieces.iter().flat_map(Piece::bytes).copied().collect();
        self.pieces = vec![Piece::Bytes(gzip(&plain).into())];
        self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        self
    }

    pub(super) async fn respond(self) -> Response<Body> {
        for piece in self.before {
            piece.play().await;
        }
        let frames = unfold(self.pieces.into_iter(), |mut pieces| async move {
            loop {
                match pieces.next()?.play().await {
                    Some(frame) => return Some((frame, pieces)),
                    None => continue,
                }
            }
        });
        let mut response = Response::new(StreamBody::new(frames.boxed()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl Piece {
    async fn play(self) -> Option<io::Result<Frame<Bytes>>> {
        match self {
            Self::Bytes(bytes) => {
                // What was written before leaves as a packet of its own only if the writer finds nothing more to write.
                tokio::task::yield_now().await;
                Some(Ok(Frame::data(bytes)))
            }
            Self::Cut => {
                tokio::task::yield_now().await;
                Some(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Self::Hold(hold) => {
                hold.reached.notify_one();
                hold.released.notified().await;
                None
            }
            Self::Pause(time) => {
                tokio::time::sleep(time).await;
                None
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Cut | Self::Hold(_) | Self::Pause(_) => &[],
        }
    }
}

/// One event as Gemini sends it.
#[must_use]
pub fn event(chunk: &Value) -> String {
    format!("data: {chunk}\r\n\r\n")
}

/// One event with its JSON spread over several `data:` lines, as the standard allows.
#[must_use]
pub fn spread_event(chunk: &Value) -> String {
    let lines: String = format!("{chunk:#}").lines().map(|line| format!("data: {line}\n")).collect();
    lines + "\n"
}

/// A gzip file (RFC 1952) of stored blocks (RFC 1951, 3.2.4), each of at most 65,535 bytes.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for block in plain.chunks(0xffff) {
        let length = u16::try_from(block.len()).expect("a chunk is no longer than asked for");
        file.push(0);
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend([1, 0, 0, 0xff, 0xff]);
    file.extend(crc32(plain).to_le_bytes());
    file.extend(u32::try_from(plain.len()).expect("a script is short").to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}
