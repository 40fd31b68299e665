//! The SDK's requests over reqwest.
//!
//! What went wrong is told in the SDK's terms, since its retries go by them: no connection, a broken one and a late
//! answer may pass, a request that cannot be sent will not.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::{Body, Request};

/// A connector on a client's connections.
#[derive(Clone)]
pub(super) struct Connector {
    http: reqwest::Client,
    /// Until the head of the answer.
    read: Option<Duration>,
}

impl Connector {
    pub(super) const fn new(http: reqwest::Client) -> Self {
        Self { http, read: None }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("read", &self.read).finish_non_exhaustive()
    }
}

impl HttpClient for Connector {
    /// A connection's own deadline is that of the client, whatever the settings say: connections are shared.
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { http: self.http.clone(), read: settings.read_timeout() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("reqwest", None))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { http, read } = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = Request::try_from(request.map(Body::wrap)).map_err(failure)?;
            let sent = http.execute(request);
            let response = match read {
                None => sent.await,
                Some(read) => {
                    tokio::time::timeout(read, sent).await.map_err(|late| ConnectorError::timeout(late.into()))?
                }
            };
            let response = http::Response::from(response.map_err(failure)?);
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The URL is left out of what is told: a bucket's or a queue's name is enough, and the SDK adds it.
fn failure(error: reqwest::Error) -> ConnectorError {
    let (connect, late, unsendable) = (error.is_connect(), error.is_timeout(), error.is_builder());
    let cause = error.without_url().into();
    match (connect, late) {
        _ if unsendable => ConnectorError::user(cause),
        (true, true) => ConnectorError::timeout(cause).never_connected(),
        (true, false) => ConnectorError::io(cause).never_connected(),
        (false, true) => ConnectorError::timeout(cause),
        (false, false) => ConnectorError::io(cause),
    }
}
