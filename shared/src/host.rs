//! Where requests come in and answers go out, whatever the platform: as invocations of a Lambda function, or over HTTP.
//!
//! The platform's own variables decide. The host knows nothing of what is asked, nor of who may ask.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Timestamp;
use crate::config::Strings;

mod lambda;
mod server;
mod work;

pub use lambda::{Failed, RUNTIME_API, Runtime};
pub use server::stop_signal;
pub use work::{Task, Undone, work};

/// The port to serve HTTP on, outside Lambda. Container platforms set it.
pub const PORT: &str = "PORT";

/// The port where none is set.
const DEFAULT_PORT: u16 = 8080;

/// Where requests come in.
#[derive(Debug)]
pub enum Door {
    /// Over HTTP, at a listener.
    Http(TcpListener),
    /// As invocations of a Lambda function.
    Lambda(Runtime),
}

/// Why requests cannot come in, or no longer do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or not allowed.
    #[error("could not listen on port {0}")]
    Listen(u16, #[source] io::Error),
    /// Lambda could not be asked for the next invocation.
    #[error("the Lambda Runtime API failed")]
    Runtime(#[source] Failed),
    /// Standard input could not be read.
    #[error("could not read the event from standard input")]
    Input(#[source] io::Error),
    /// Standard output could not be written.
    #[error("could not print the answer")]
    Output(#[source] io::Error),
    /// The one piece of work was not done: its stable reason.
    #[error("the work was not done: {0}")]
    Undone(&'static str),
}

impl Door {
    /// The platform's door: Lambda where its Runtime API is named, otherwise HTTP on all addresses of this machine, as
    /// container platforms expect it, at [`PORT`]. A port that cannot be read counts as 8080.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn open(strings: &dyn Strings) -> Result<Self, Error> {
        if let Some(runtime) = Runtime::of(strings) {
            return Ok(Self::Lambda(runtime));
        }
        let port = strings.get(PORT).ok().flatten().and_then(|port| port.trim().parse().ok()).unwrap_or(DEFAULT_PORT);
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await;
        listener.map(Self::Http).map_err(|cause| Error::Listen(port, cause))
    }
}

/// Answers every request with `answer` until `stop` is done; then lets running ones end, within bounds.
///
/// # Errors
/// [`Error::Runtime`], on Lambda only, when there can be no further request.
pub async fn serve<F, A>(door: Door, answer: F, stop: impl Future<Output = ()>) -> Result<(), Error>
where
    F: Fn(Request<Received>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    match door {
        Door::Http(listener) => {
            server::serve(listener, answer, stop).await;
            Ok(())
        }
        Door::Lambda(runtime) => runtime.serve(answer, stop).await.map_err(Error::Runtime),
    }
}

/// Tells the platform, where it listens, that the process cannot start. `code` is the stable name of the reason; the
/// rest stands in the log.
pub async fn give_up(strings: &dyn Strings, code: &'static str) {
    if let Some(runtime) = Runtime::of(strings) {
        runtime.give_up(code).await;
    }
}

/// The body of a request: handed over whole, or still arriving.
pub type Received = Either<Full<Bytes>, Incoming>;

/// When the platform ends the process, whatever it is doing. A request's extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Timestamp);

/// Who called, by the platform's own word. A request's extension: nothing that a client sends can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The principal's ARN, as AWS has checked it: for a role that was assumed, that of its session.
    pub arn: String,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Full(Option<Bytes>),
    /// Piece by piece.
    Stream(Stream),
}

/// A body that is written while it is read.
#[derive(Debug)]
pub struct Stream {
    pieces: mpsc::Receiver<Piece>,
    /// What is sent should the writer vanish without [`Writer::end`]: a client must be able to tell.
    broken: Option<Bytes>,
    written: Option<oneshot::Receiver<Infallible>>,
}

#[derive(Debug)]
enum Piece {
    Data(Bytes),
    End,
}

/// Writes a streamed body.
#[derive(Debug)]
pub struct Writer {
    pieces: mpsc::Sender<Piece>,
    /// Tells by its end that there is no writer any more.
    _writing: oneshot::Sender<Infallible>,
}

/// The client hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A streamed body and its writer. `broken` ends the body of a writer that is dropped, by a panic say, without
/// [`Writer::end`].
#[must_use]
pub fn stream(broken: Bytes) -> (Writer, Body) {
    // A slow client holds the writer back after a few pieces instead of filling the memory.
    let (sender, pieces) = mpsc::channel(8);
    let (writing, written) = oneshot::channel();
    let writer = Writer { pieces: sender, _writing: writing };
    (writer, Body::Stream(Stream { pieces, broken: Some(broken), written: Some(written) }))
}

impl Writer {
    /// Sends a piece, waiting while the client is slow.
    ///
    /// # Errors
    /// [`Gone`] when nobody reads any more.
    pub async fn send(&self, piece: Bytes) -> Result<(), Gone> {
        self.pieces.send(Piece::Data(piece)).await.map_err(|_| Gone)
    }

    /// Ends the body.
    pub async fn end(self) {
        // A client that is gone needs no end.
        let _gone = self.pieces.send(Piece::End).await;
    }

    /// Returns once nobody reads any more.
    pub async fn gone(&self) {
        self.pieces.closed().await;
    }
}

impl Body {
    /// Done once nobody writes to this body any more, whether it was read to its end or dropped. Whoever asks a second
    /// time gets an answer at once.
    pub(crate) fn written(&mut self) -> impl Future<Output = ()> + use<> {
        let written = match self {
            Self::Full(_) => None,
            Self::Stream(stream) => stream.written.take(),
        };
        async move {
            if let Some(written) = written {
                // Nothing is ever sent: this ends with the writer.
                let _ended = written.await;
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Full(Some(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Full(bytes) => bytes.take(),
            Self::Stream(stream) => match stream.pieces.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Piece::Data(bytes))) => Some(bytes),
                Poll::Ready(Some(Piece::End)) => {
                    stream.broken = None;
                    None
                }
                Poll::Ready(None) => stream.broken.take(),
            },
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Full(bytes) => http_body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => http_body::SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn read(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_stream_that_was_ended_is_what_was_written() {
        let (writer, body) = stream(Bytes::from_static(b"broken"));
        writer.send(Bytes::from_static(b"one ")).await.unwrap();
        writer.send(Bytes::from_static(b"two")).await.unwrap();
        writer.end().await;
        assert_eq!(read(body).await, b"one two");
    }

    #[tokio::test]
    async fn a_writer_that_vanishes_leaves_a_word_of_it() {
        let (writer, body) = stream(Bytes::from_static(b"broken"));
        writer.send(Bytes::from_static(b"one ")).await.unwrap();
        drop(writer);
        assert_eq!(read(body).await, b"one broken");
    }

    #[tokio::test]
    async fn a_writer_learns_that_the_client_is_gone() {
        let (writer, body) = stream(Bytes::new());
        drop(body);
        assert_eq!(writer.send(Bytes::new()).await, Err(Gone));
    }
}
