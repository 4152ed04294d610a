//! The life of one call: choose who asks, send, take in budgets, sort the answer, try again where that is safe.

use super::{
    Client, Error,
    answer::{self, Answer},
    auth::Asker,
    backoff::Tries,
    etag::{Kept, Key},
    request::{As, Request},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::Method;
use secrecy::ExposeSecret;

/// Why one exchange gave no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The credential is no longer good (401); a fresh one may be.
    Stale(Error),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Fault {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Stale(error) | Self::Other(error) => error,
        }
    }
}

const API_VERSION: &str = "2022-11-28";
/// Renamed repositories answer with a redirect; more than these in a row is a circle.
const MOST_REDIRECTS: u32 = 3;

impl Client {
    /// Sends the request and gives the answer, within the deadline.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Error> {
        let deadline = self.0.limits.deadline;
        match tokio::time::timeout(deadline, self.tries(request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::transient(&request.call(), format_args!("no answer within {deadline:?}"))),
        }
    }

    async fn tries(&self, request: &Request) -> Result<Answer, Error> {
        let call = request.call();
        let mut tries = Tries::new(request.is_idempotent());
        let mut renewed = false;
        // Each App may be refused for its limit once before no one is left to ask.
        let mut other_apps = self.app_ids().len().saturating_sub(1);
        loop {
            let asker = match &request.asker {
                As::App(app) => self.as_app(*app, request.bucket, &call),
                As::Owner(scope) => self.as_owner(Some(scope), request.bucket, &call).await,
                As::Home => self.as_owner(None, request.bucket, &call).await,
            };
            let asker = match asker {
                Ok(asker) => asker,
                Err(error) => {
                    self.pause(&mut tries, error).await?;
                    continue;
                }
            };
            match self.exchange(request, &asker).await {
                Ok(answer) => return Ok(answer),
                // Refused requests have not been carried out: both may be sent again whatever the method.
                Err(Fault::Other(Error::RateLimited { .. })) if other_apps > 0 => other_apps -= 1,
                Err(Fault::Stale(_)) if !renewed && !self.app_ids().is_empty() => renewed = true,
                Err(fault) => self.pause(&mut tries, fault.into_error()).await?,
            }
        }
    }

    /// One request on the wire, following GitHub's own redirects.
    pub(super) async fn exchange(&self, request: &Request, asker: &Asker) -> Result<Answer, Fault> {
        let call = request.call();
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let key = Key { who: asker.who, url: url.to_string(), accept: request.accept };
            let kept = (request.method == Method::GET).then(|| self.0.cache.get(&key)).flatten();
            let (status, headers, body) = self.round_trip(request, &url, asker, kept.as_ref()).await?;
            self.0.budgets.note(asker.who, request.bucket, &headers);
            let date = text(&headers, &header::DATE);
            let server_time = date.and_then(|date| Some(jiff::fmt::rfc2822::parse(&date).ok()?.timestamp()));
            if let (StatusCode::NOT_MODIFIED, Some(kept)) = (status, kept) {
                self.0.budgets.answered(asker.who, self.0.clock.now());
                return Ok(Answer { body: kept.body, link: kept.link, server_time });
            }
            if status.is_redirection() && request.method == Method::GET {
                let target = text(&headers, &header::LOCATION);
                let target = target.ok_or_else(|| Error::invalid(&call, "a redirect to nowhere"))?;
                url = self.follow(&url, &target, &call)?;
                continue;
            }
            if !status.is_success() {
                return Err(self.refusal(&call, asker, status, &headers, &body));
            }
            self.0.budgets.answered(asker.who, self.0.clock.now());
            let link = text(&headers, &header::LINK);
            if let (true, Some(etag)) = (request.method == Method::GET, text(&headers, &header::ETAG)) {
                self.0.cache.put(key, Kept { etag, body: body.clone(), link: link.clone() });
            }
            return Ok(Answer { body, link, server_time });
        }
        Err(Error::invalid(&call, "GitHub's redirects do not end").into())
    }

    async fn round_trip(
        &self,
        request: &Request,
        url: &url::Url,
        asker: &Asker,
        kept: Option<&Kept>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Error> {
        let call = request.call();
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", asker.token.expose_secret())).map_err(|_| {
                Error::Auth { call: call.clone(), message: "the token is no header value".into() }
            })?;
        bearer.set_sensitive(true);
        let mut builder = self
            .0
            .http
            .request(request.method.clone(), url.clone())
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, request.accept)
            .header("x-github-api-version", API_VERSION);
        if let Some(kept) = kept {
            builder = builder.header(header::IF_NONE_MATCH, &kept.etag);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let _slot = self.0.slots.acquire().await.map_err(|_| Error::transient(&call, "shutting down"))?;
        let mut response = builder.send().await.map_err(|error| Error::transport(&call, error))?;
        let most = self.0.limits.max_response_bytes;
        let too_large = || Error::invalid(&call, format_args!("the answer is larger than {most} bytes"));
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::transport(&call, error))? {
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        tracing::trace!(
            http.call = call,
            http.status = status.as_u16(),
            body_bytes = body.len(),
            "asked GitHub"
        );
        Ok((status, headers, body.freeze()))
    }

    fn refusal(
        &self,
        call: &str,
        asker: &Asker,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Fault {
        let (call, message, code) = (call.to_owned(), answer::message(body), status.as_u16());
        if matches!(code, 403 | 429) {
            let now = self.0.clock.now();
            if let Some(until) = self.0.budgets.refused(asker.who, code, headers, &message, now) {
                let identity = self.0.identities.name(asker.who);
                tracing::warn!(http.call = call, github.identity = identity, %until, "GitHub's limit is reached");
                return Error::RateLimited { until }.into();
            }
        }
        let error = match code {
            401 => {
                self.0.identities.refused(asker);
                return Fault::Stale(Error::Auth { call, message });
            }
            403 => Error::Auth { call, message },
            404 | 410 => Error::NotFound { call },
            409 => Error::Conflict { call, message },
            408 | 500.. => {
                Error::Transient { call, message: format!("status {code}: {message}"), source: None }
            }
            _ => Error::Invalid { call, status: Some(code), message },
        };
        error.into()
    }
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}
