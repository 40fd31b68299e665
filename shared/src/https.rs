//! The one way out: an HTTPS client with one TLS stack and pinned roots, for every adapter.
//!
//! Roots are compiled in, since reading the machine's certificates takes more of a cold start than all else together.
//! Proxies and redirects are off, so that no other host is ever handed a prompt or a secret.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::ports::Cause;

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
