//! A small HTTP client for plain connections on this machine: no TLS, no certificates to load.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::time::Duration;

/// Longest answer that is read.
const MAX_ANSWER: usize = 16 << 20;

/// No answer was read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// Nobody answered in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The request could not be made.
    #[error("make the request")]
    Request(#[from] http::Error),
    /// The connection failed.
    #[error("reach the server")]
    Connect(#[from] hyper_util::client::legacy::Error),
    /// The answer broke off or is too long.
    #[error("read the answer: {0}")]
    Read(Box<dyn std::error::Error + Send + Sync>),
}

/// The client. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct Wire(Client<HttpConnector, Full<Bytes>>);

impl Wire {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends a request with JSON and reads the answer whole, all within `limit`.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), WireError> {
        let mut request = Request::builder().method(method).uri(url);
        if !headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE.as_str()) {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        let exchange = async {
            let response = self.0.request(request).await?;
            let status = response.status();
            let body =
                Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(WireError::Read)?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(WireError::TimedOut(limit)))
    }
}
