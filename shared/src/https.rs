//! The one way out: an HTTPS client with one TLS stack and pinned roots, for every adapter.
//!
//! Roots are compiled in, since reading the machine's certificates takes more of a cold start than all else together.
//! Proxies and redirects are off, so that no other host is ever handed a prompt or a secret.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::clock::Timestamp;
use crate::ports::Cause;

/// How long connections may rest and be used again, by the wall clock. Google closes them after some four minutes.
const REST: Duration = Duration::from_secs(60);

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct Unbuildable(#[source] Cause);

/// Shared by all clients of the process: they parse the roots once and remember each other's TLS sessions.
static TLS: LazyLock<Result<rustls::ClientConfig, rustls::Error>> = LazyLock::new(|| {
    let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions()?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
});

/// A client with a connection pool of its own, that gives up on a connection after `connect`.
///
/// # Errors
/// [`Unbuildable`] when TLS or the resolver cannot be set up.
pub fn client(connect: Duration) -> Result<reqwest::Client, Unbuildable> {
    build(connect, reqwest::Client::builder())
}

/// A client that makes a connection for each request.
///
/// # Errors
/// As [`client`].
pub fn client_that_keeps_no_connection(connect: Duration) -> Result<reqwest::Client, Unbuildable> {
    build(connect, reqwest::Client::builder().pool_max_idle_per_host(0))
}

/// A client that does not trust connections which have rested for longer than a minute by the wall clock.
///
/// While an environment is frozen its other clocks stand still, and what the far side ends meanwhile does not arrive: a
/// request sent on such a connection is lost, and nobody could tell whether it was answered, and billed.
#[derive(Debug)]
pub struct Rested {
    connect: Duration,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    client: reqwest::Client,
    used: Option<Timestamp>,
}

impl Rested {
    /// A client that gives up on a connection after `connect`.
    ///
    /// # Errors
    /// As [`client`].
    pub fn new(connect: Duration) -> Result<Self, Unbuildable> {
        let held = Held { client: client(connect)?, used: None };
        Ok(Self { connect, held: Mutex::new(held) })
    }

    /// The client for a request at `now`: a new one, without connections, where the last request was long ago.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> reqwest::Client {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back tells nothing.
        let rested = held.used.replace(now).is_some_and(|used| now < used || now.since(used) > REST);
        if rested && let Ok(fresh) = client(self.connect) {
            held.client = fresh;
        }
        held.client.clone()
    }
}

fn build(connect: Duration, builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Unbuildable> {
    let tls = TLS.as_ref().map_err(|error| Unbuildable(error.clone().into()))?;
    builder
        .user_agent(concat!("gatehouse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        // Whatever the environment says of proxies.
        .no_proxy()
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .tls_backend_preconfigured(tls.clone())
        .build()
        .map_err(|error| Unbuildable(error.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_util::task::TaskTracker;

    use super::*;

    /// Answers every request, and counts connections.
    async fn server(tasks: &TaskTracker) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, count) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::default()));
        let (counted, connections) = (Arc::clone(&count), tasks.clone());
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(async move {
                    let mut room = [0; 4096];
                    while stream.read(&mut room).await.is_ok_and(|read| read > 0) {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                });
            }
        });
        (url, count)
    }

    #[tokio::test]
    async fn connections_are_used_again_unless_they_rested_for_long() {
        let (url, connections) = server(&TaskTracker::new()).await;
        let pool = Rested::new(Duration::from_secs(1)).unwrap();
        let rest = u64::try_from(REST.as_millis()).unwrap();
        let begin = 1_790_000_000_000;
        // The last one comes by a clock that was set back.
        for (now, opened) in [(0, 1), (rest, 1), (2 * rest, 1), (3 * rest + 1, 2), (3 * rest + 2, 2), (0, 3)] {
            pool.at(Timestamp(begin + now)).get(&url).send().await.unwrap().bytes().await.unwrap();
            assert_eq!(connections.load(Ordering::SeqCst), opened, "at {now}");
        }
    }
}
