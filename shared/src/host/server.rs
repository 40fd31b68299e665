//! Serves HTTP outside Lambda.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Body, Received};

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

/// Serves every request that `listener` brings with `answer`, until `stop` is done; then lets running requests end, and
/// in the end closes the connections of those that do not.
pub(super) async fn serve<F, A>(listener: TcpListener, answer: F, stop: impl Future<Output = ()>)
where
    F: Fn(Request<Received>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    serve_and_drain(listener, answer, stop, DRAIN_WITHIN).await;
}

async fn serve_and_drain<F, A>(listener: TcpListener, answer: F, stop: impl Future<Output = ()>, drain_within: Duration)
where
    F: Fn(Request<Received>) -> A + Clone + Send + 'static,
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
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer(request.map(Either::Right));
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
    use bytes::Bytes;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::mpsc;

    use super::super::stream;
    use super::*;

    #[tokio::test]
    async fn a_client_that_never_reads_does_not_outlive_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let writers = TaskTracker::new();
        let tasks = writers.clone();
        let (asking, mut asked) = mpsc::unbounded_channel();
        let answer = move |_: Request<Received>| {
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
