//! Serves HTTP outside Lambda.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod attended;

use attended::Attended;

/// How long a client may take to send a request's head. More than a slow line needs, less than a slow attacker wants.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

/// Connections served at a time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1024;

/// How long a client may leave what was sent to it unread. It holds a connection and what was written for it all the
/// while.
const READ_WITHIN: Duration = Duration::from_secs(120);

/// How long running requests may take to end once the process was asked to stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);

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
}

#[derive(Debug)]
enum Piece {
    Data(Bytes),
    End,
}

/// Writes a streamed body.
#[derive(Debug)]
pub struct Writer(mpsc::Sender<Piece>);

/// The client hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A streamed body and its writer. `broken` ends the body of a writer that is dropped, by a panic say, without
/// [`Writer::end`].
#[must_use]
pub fn stream(broken: Bytes) -> (Writer, Body) {
    // A slow client holds the writer back after a few pieces instead of filling the memory.
    let (sender, pieces) = mpsc::channel(8);
    (Writer(sender), Body::Stream(Stream { pieces, broken: Some(broken) }))
}

impl Writer {
    /// Sends a piece, waiting while the client is slow.
    ///
    /// # Errors
    /// [`Gone`] when nobody reads any more.
    pub async fn send(&self, piece: Bytes) -> Result<(), Gone> {
        self.0.send(Piece::Data(piece)).await.map_err(|_| Gone)
    }

    /// Ends the body.
    pub async fn end(self) {
        // A client that is gone needs no end.
        let _gone = self.0.send(Piece::End).await;
    }

    /// Returns once nobody reads any more.
    pub async fn gone(&self) {
        self.0.closed().await;
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

/// Serves every request that `listener` brings with `answer`, until `stop` is done; then lets running requests end, and
/// in the end closes the connections of those that do not.
pub async fn serve<F, A>(listener: TcpListener, answer: F, stop: impl Future<Output = ()>)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    serve_and_drain(listener, answer, stop, DRAIN_WITHIN).await;
}

async fn serve_and_drain<F, A>(listener: TcpListener, answer: F, stop: impl Future<Output = ()>, drain_within: Duration)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let (shutdown, connections, over) = (GracefulShutdown::new(), TaskTracker::new(), CancellationToken::new());
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = room.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of file descriptors, most likely: it passes once connections close.
                tracing::warn!(error = %error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without this the first piece of a stream waits some 40 ms for the client's delayed acknowledgement.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = %error, "connection closed before it was served");
            continue;
        }
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let socket = TokioIo::new(Attended::new(socket, READ_WITHIN));
        let connection = shutdown.watch(server.serve_connection(socket, service));
        let over = over.clone();
        connections.spawn(async move {
            let _place = place;
            let ended = tokio::select! {
                ended = connection => ended,
                () = over.cancelled() => return,
            };
            if let Err(error) = ended {
                tracing::debug!(error = %error, "connection ended early");
            }
        });
    }
    connections.close();
    if tokio::time::timeout(drain_within, shutdown.shutdown()).await.is_err() {
        tracing::warn!("stopped with requests still running");
    }
    // A connection that is left takes its answer with it: whoever still writes to it learns that nobody reads.
    over.cancel();
    connections.wait().await;
}

/// Done once the process is asked to stop, by SIGTERM or by Ctrl-C.
///
/// # Errors
/// When the signals cannot be listened for.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::AsyncWriteExt;

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

    #[tokio::test]
    async fn a_client_that_never_reads_does_not_outlive_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let writers = TaskTracker::new();
        let tasks = writers.clone();
        let (asking, mut asked) = mpsc::unbounded_channel();
        let answer = move |_: Request<Incoming>| {
            let (writer, body) = stream(Bytes::new());
            asking.send(()).unwrap();
            tasks.spawn(async move {
                while writer.send(Bytes::from(vec![b'x'; 1 << 20])).await.is_ok() {}
                writer.end().await;
            });
            async move { Response::new(body) }
        };
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let stop = tokio::time::sleep(Duration::from_millis(200));
        let served = serve_and_drain(listener, answer, stop, Duration::from_millis(200));
        tokio::time::timeout(Duration::from_secs(20), served).await.unwrap();
        assert!(asked.try_recv().is_ok(), "the answer was not even asked for");
        writers.close();
        tokio::time::timeout(Duration::from_secs(20), writers.wait()).await.unwrap();
        drop(client);
    }
}
