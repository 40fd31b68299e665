//! A socket whose other end must read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A socket that fails with [`io::ErrorKind::TimedOut`] once the other end has left what it was sent unread for too
/// long. The HTTP server itself waits for ever.
#[derive(Debug)]
pub(super) struct Attended<S> {
    socket: S,
    within: Duration,
    /// Runs while the socket takes no more bytes.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> Attended<S> {
    pub(super) const fn new(socket: S, within: Duration) -> Self {
        Self { socket, within, patience: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.patience = None;
            return done;
        }
        let within = self.within;
        ready!(self.patience.get_or_insert_with(|| Box::pin(sleep(within))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Attended<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Attended<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.watch(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.watch(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_util::task::TaskTracker;

    use super::*;

    const WITHIN: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn who_does_not_read_is_given_up() {
        let (near, _far) = duplex(8);
        let error = Attended::new(near, WITHIN).write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_reads_slowly_but_reads_is_waited_for() {
        let (near, mut far) = duplex(8);
        let reading = TaskTracker::new().spawn(async move {
            let mut all = Vec::new();
            while let Ok(byte) = far.read_u8().await {
                all.push(byte);
                sleep(WITHIN / 20).await;
            }
            all.len()
        });
        let mut near = Attended::new(near, WITHIN);
        // Takes more than twice as long in all as any one wait may.
        near.write_all(&[0; 64]).await.unwrap();
        drop(near);
        assert_eq!(reading.await.unwrap(), 64);
    }
}
