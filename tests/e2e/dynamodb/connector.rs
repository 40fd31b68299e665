//! What carries the SDK's requests to loopback: a connection each, and nothing else.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug)]
pub(super) struct Connector;

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Connector {
    pub(super) fn client() -> SharedHttpClient {
        http_client_fn(|_, _| SharedHttpConnector::new(Self))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(async { send(request).await.map_err(ConnectorError::io) })
    }
}

async fn send(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let (mut head, body) = request.try_into_http1x()?.into_parts();
    let authority = head.uri.authority().ok_or("a URL with an authority")?.to_string();
    head.uri = "/".parse()?;
    head.headers.insert(http::header::HOST, authority.parse()?);
    let body = Full::new(body.collect().await?.to_bytes());
    let socket = TcpStream::connect(&authority).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let mut connections = JoinSet::new();
    connections.spawn(async move { drop(connection.await) });
    let (head, body) = sender.send_request(Request::from_parts(head, body)).await?.into_parts();
    let body = SdkBody::from(body.collect().await?.to_bytes());
    Ok(HttpResponse::try_from(http::Response::from_parts(head, body))?)
}
