//! Signed calls to EC2, SSM and STS: bounded in size, time, number and repetition.
//!
//! Every call we make can be repeated without harm (it lists, it sets, or it carries a `ClientToken`), so one loop
//! repeats all of them on throttling, server errors and silence, with full jitter. The typed calls are methods of
//! [`Client`] in [`crate::api`].

mod endpoint;
mod sign;

use crate::{
    credentials::{Credentials, Environment, Sources},
    error::Error,
    query::Params,
    xml::{self, Element},
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};
use trunkline_fleet::provider::ErrorClass;
use trunkline_model::{Rng, SharedClock};
use url::Url;

/// Longest answer that is read, in bytes: a page of 500 instances has about 3 MB.
const MAX_ANSWER: usize = 32 << 20;
/// Answers of this size are read away from the runtime's threads: a page of 500 machines takes 50 ms.
const LARGE: usize = 64 << 10;
/// Calls at the same time.
const MAX_CALLS: usize = 16;
/// Content type of the Query protocol.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Where and how to call.
#[derive(Debug, Clone)]
pub struct Options {
    /// Region, such as `us-east-1`.
    pub region: String,
    /// Address of all services, when not Amazon's own: a test server, a VPC endpoint.
    pub endpoint: Option<Url>,
    /// Tries of a call.
    pub tries: u32,
    /// Longest pause before the second try; doubles from there.
    pub first_pause: Duration,
    /// Time for a call with all its tries.
    pub budget: Duration,
}

impl Options {
    /// Usual limits for a region.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            tries: 4,
            first_pause: Duration::from_millis(400),
            budget: Duration::from_secs(60),
        }
    }
}

/// A service we call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Ec2,
    Ssm,
    Sts,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }
}

/// Amazon in one region as one identity. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    options: Options,
    sources: Sources,
    clock: SharedClock,
    rng: Mutex<Rng>,
    room: Semaphore,
}

/// One prepared call.
struct Call<'a> {
    service: Service,
    action: &'a str,
    content_type: &'static str,
    target: Option<String>,
    body: String,
}

impl Client {
    /// A client that takes its credentials from `keys`, or else from the usual sources of `environment`.
    ///
    /// # Errors
    /// When the region or the endpoint cannot be used.
    pub fn new(
        http: reqwest::Client,
        options: Options,
        environment: Environment,
        keys: Option<Credentials>,
        clock: SharedClock,
        rng: Rng,
    ) -> Result<Self, Error> {
        endpoint::check(&options)?;
        let sts = endpoint::of(&options, Service::Sts)?;
        let mut sources = Sources::new(environment, http.clone(), Arc::clone(&clock), sts);
        if let Some(keys) = keys {
            sources = sources.with_keys(keys);
        }
        let (rng, room) = (Mutex::new(rng), Semaphore::new(MAX_CALLS));
        Ok(Self { inner: Arc::new(Inner { http, options, sources, clock, rng, room }) })
    }

    /// The region it calls.
    pub fn region(&self) -> &str {
        &self.inner.options.region
    }

    pub(crate) async fn ec2(&self, action: &str, params: Params) -> Result<Element, Error> {
        self.query(Service::Ec2, action, "2016-11-15", params).await
    }

    pub(crate) async fn sts(&self, action: &str, params: Params) -> Result<Element, Error> {
        self.query(Service::Sts, action, "2011-06-15", params).await
    }

    async fn query(
        &self,
        service: Service,
        action: &str,
        version: &str,
        params: Params,
    ) -> Result<Element, Error> {
        let body = params.set("Action", action).set("Version", version).encode();
        let call = Call { service, action, content_type: FORM, target: None, body };
        let answer = self.repeat(&call).await?;
        if answer.len() < LARGE {
            return read_xml(action, &answer);
        }
        let name = action.to_owned();
        let read = tokio::task::spawn_blocking(move || read_xml(&name, &answer));
        read.await.map_err(|error| Error::unanswered(action, error.to_string()))?
    }

    pub(crate) async fn ssm(&self, action: &str, body: &Value) -> Result<Value, Error> {
        let call = Call {
            service: Service::Ssm,
            action,
            content_type: "application/x-amz-json-1.1",
            target: Some(format!("AmazonSSM.{action}")),
            body: body.to_string(),
        };
        let answer = self.repeat(&call).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        // The parser's message could repeat a secret: only its place is told.
        serde_json::from_slice(&answer).map_err(|error| {
            Error::unanswered(action, format!("the answer is no JSON in line {}", error.line()))
        })
    }

    /// Calls until there is an answer that another try would not change.
    async fn repeat(&self, call: &Call<'_>) -> Result<Vec<u8>, Error> {
        let options = &self.inner.options;
        let end = Instant::now() + options.budget;
        let mut tried = 0;
        let mut renewed = false;
        loop {
            tried += 1;
            let error = match tokio::time::timeout_at(end, self.once(call)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => {
                    let seconds = options.budget.as_secs_f32();
                    return Err(Error::unanswered(call.action, format!("nothing within {seconds} s")));
                }
            };
            if !renewed && matches!(error.code(), Some("ExpiredToken" | "ExpiredTokenException")) {
                renewed = true;
                self.inner.sources.forget().await;
                continue;
            }
            let pause = self.pause(tried);
            let again = error.class() == ErrorClass::Throttle || error.outcome_unknown();
            if !again || tried >= options.tries || Instant::now() + pause >= end {
                return Err(error);
            }
            tracing::debug!(action = call.action, tried, %error, "call is repeated");
            tokio::time::sleep(pause).await;
        }
    }

    /// Anything up to the doubled pause: callers that were refused together do not come back together.
    fn pause(&self, tried: u32) -> Duration {
        let most = self
            .inner
            .options
            .first_pause
            .saturating_mul(1 << (tried - 1).min(6))
            .min(Duration::from_secs(10));
        let mut rng = self.inner.rng.lock().unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(rng.unit().max(0.05))
    }

    async fn once(&self, call: &Call<'_>) -> Result<Vec<u8>, Error> {
        let inner = &*self.inner;
        let _room = inner.room.acquire().await;
        let credentials = inner.sources.current().await?;
        let url = endpoint::of(&inner.options, call.service)?;
        let mut headers = vec![("content-type", call.content_type.to_owned())];
        if let Some(target) = &call.target {
            headers.push(("x-amz-target", target.clone()));
        }
        let scope = sign::Scope {
            region: &inner.options.region,
            service: call.service.name(),
            at: inner.clock.now(),
        };
        headers.extend(sign::headers(&credentials, &scope, &url, &headers, call.body.as_bytes())?);
        let mut request = inner.http.post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        receive(call.action, request.body(call.body.clone())).await
    }
}

/// Sends and reads within bounds; a refusal becomes an error.
pub(crate) async fn receive(action: &str, request: RequestBuilder) -> Result<Vec<u8>, Error> {
    let lost = |error: reqwest::Error| Error::unanswered(action, innermost(&error.without_url()));
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::unanswered(action, format!("the answer exceeds {} MB", MAX_ANSWER >> 20)));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() { Ok(body) } else { Err(refusal(action, status, &body)) }
}

/// The cause (refused, unreachable, certificate, time) is behind reqwest's own words.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Reads an XML answer.
pub(crate) fn read_xml(action: &str, answer: &[u8]) -> Result<Element, Error> {
    xml::parse(answer).map_err(|error| Error::unanswered(action, error.to_string()))
}

/// Reads a refusal: XML of EC2 and STS, JSON of SSM, or whatever stands in between.
fn refusal(action: &str, status: StatusCode, body: &[u8]) -> Error {
    let number = status.as_u16();
    if let Ok(root) = xml::parse(body) {
        let error = root.at(&["Errors", "Error"]).or_else(|| root.child("Error"));
        if let Some((error, code)) = error.and_then(|error| Some((error, error.get("Code")?))) {
            return Error::refused(action, number, code, error.get("Message").unwrap_or_default());
        }
    }
    if let Ok(root) = serde_json::from_slice::<Value>(body)
        && let Some(code) = root["__type"].as_str()
    {
        let code = code.rsplit('#').next().unwrap_or(code);
        let message = root["message"].as_str().or(root["Message"].as_str()).unwrap_or_default();
        return Error::refused(action, number, code, message);
    }
    if status.is_server_error() {
        return Error::unanswered(action, status.to_string());
    }
    Error::refused(
        action,
        number,
        &format!("Http{number}"),
        "the refusal cannot be read; is this address Amazon's?",
    )
}
