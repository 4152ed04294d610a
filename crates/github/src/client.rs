//! The REST client: credentials, typed errors, bounded retries, pagination.
//!
//! Reads are retried on passing trouble with growing pauses; writes are not, the outbox repeats them. A used-up
//! rate limit is an error with the time it ends, never a sleep inside a call: the caller decides what can wait.

mod auth;
mod error;
mod hooks;
mod jobs;
mod limits;
mod runners;

pub use auth::Credentials;
pub use error::Error;
pub use hooks::{DeliverySummary, HookScope};
pub use limits::Limits;
pub use runners::{JitConfig, RegisteredRunner, Scope};

use reqwest::{Method, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};
use trunkline_model::SharedClock;
use url::Url;

/// Longest answer that is read, in bytes: a page of 100 jobs with steps is well below.
const MAX_ANSWER: usize = 64 << 20;
/// Tries of a read.
const TRIES: u32 = 3;

/// GitHub's REST API as one identity. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    base: Url,
    auth: auth::Auth,
    clock: SharedClock,
}

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    /// The installation, or the token.
    Installation,
    /// The App itself: its own endpoints take nothing else.
    App,
}

impl Client {
    /// A client for the API at `base`, such as `https://api.github.com`.
    pub fn new(http: reqwest::Client, mut base: Url, credentials: Credentials, clock: SharedClock) -> Self {
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let auth = auth::Auth::new(credentials);
        Self { inner: Arc::new(Inner { http, base, auth, clock }) }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        Ok(self.get_page(As::Installation, path).await?.0)
    }

    /// One page, and the path of the next one.
    async fn get_page<T: DeserializeOwned>(&self, who: As, path: &str) -> Result<(T, Option<String>), Error> {
        let mut tried = 0;
        loop {
            tried += 1;
            let result = match self.send(who, Method::GET, path, None).await {
                Ok(response) => {
                    let next = self.next_page(&response)?;
                    read(response).await.map(|value| (value, next))
                }
                Err(error) => Err(error),
            };
            match result {
                Err(Error::Transient(_)) if tried < TRIES => {
                    tokio::time::sleep(Duration::from_millis(200 << tried)).await;
                }
                other => return other,
            }
        }
    }

    async fn send(
        &self,
        who: As,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Response, Error> {
        let url = self.inner.base.join(path).map_err(|error| Error::Invalid(error.to_string()))?;
        let token = match who {
            As::App => self.inner.auth.app_token(self.inner.clock.now())?,
            As::Installation => Box::pin(self.inner.auth.token(self)).await?,
        };
        let mut request = self
            .inner
            .http
            .request(method, url)
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28")
            .header(header::AUTHORIZATION, token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response =
            request.send().await.map_err(|error| Error::Transient(error.without_url().to_string()))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(error::classify(response, self.inner.clock.now()).await)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, Error> {
        read(self.send(As::Installation, Method::POST, path, Some(body)).await?).await
    }

    /// The path of `rel="next"`; a link to another host is refused, it would be sent our credentials.
    fn next_page(&self, response: &Response) -> Result<Option<String>, Error> {
        let Some(links) = response.headers().get(header::LINK).and_then(|value| value.to_str().ok()) else {
            return Ok(None);
        };
        let Some(link) = links.split(',').find(|link| link.contains("rel=\"next\"")) else { return Ok(None) };
        let target = link.split(['<', '>']).nth(1).unwrap_or_default();
        let base = &self.inner.base;
        let url = base.join(target).map_err(|error| Error::Invalid(error.to_string()))?;
        if (url.scheme(), url.host_str(), url.port()) != (base.scheme(), base.host_str(), base.port()) {
            return Err(Error::Invalid("a page link leads to another host".into()));
        }
        Ok(Some(url.into()))
    }
}

/// Reads an answer within bounds.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Error> {
    if response.status() == StatusCode::NO_CONTENT {
        return serde_json::from_str("null").map_err(|error| Error::Invalid(error.to_string()));
    }
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Error::Transient(error.without_url().to_string()))?
    {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::Invalid("the answer is too large".into()));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| Error::Invalid(format!("unexpected answer: {error}")))
}
