//! One call of the Runtime API.

use std::io;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The most that is read of an answer, in bytes. The largest event that Lambda hands over has some 6 MB.
const MOST_BYTES: usize = 16 << 20;

/// Why a call of the Runtime API came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// There is nobody at the address.
    #[error("it cannot be reached")]
    Unreachable(#[source] io::Error),
    /// The exchange broke off.
    #[error("the exchange broke off")]
    Broken(#[source] hyper::Error),
    /// It said no.
    #[error("it answered with status {0}")]
    Refused(StatusCode),
    /// The answer is larger than any event can be.
    #[error("its answer is too large")]
    TooLarge,
    /// The invocation has no id, or one that fits no path.
    #[error("the invocation cannot be named")]
    Nameless,
}

/// Sends a request on a connection of its own. Returns once it has left whole, and its answer has come whole.
pub(super) async fn send<B>(api: &str, request: Request<B>) -> Result<Response<Bytes>, Failed>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(api).await.map_err(Failed::Unreachable)?;
    // Without this the first piece of a stream waits for the acknowledgement of the request's head.
    stream.set_nodelay(true).map_err(Failed::Unreachable)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Failed::Broken)?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await.map_err(Failed::Broken)?.into_parts();
        if !head.status.is_success() {
            return Err(Failed::Refused(head.status));
        }
        let body =
            Limited::new(body, MOST_BYTES).collect().await.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(broken) => Failed::Broken(*broken),
                Err(other) => {
                    debug_assert!(other.is::<LengthLimitError>());
                    Failed::TooLarge
                }
            })?;
        // The sender goes with this block, and the connection ends with its sender.
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // How the connection ended is told by the exchange.
    let (answer, _ended) = tokio::join!(exchange, connection);
    answer
}
