//! Where requests come in and answers go out, whatever the platform.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;

mod server;

pub use server::{serve, stop_signal};

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
