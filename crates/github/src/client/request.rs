//! One request, before anybody's credentials are added.

use super::{Client, Error, Scope};
use reqwest::Method;
use serde::Serialize;
use url::Url;

/// Whose budget JIT configurations are taken from.
pub(super) const REGISTRATION_BUCKET: &str = "actions_runner_registration";
/// The budget of everything else.
pub(super) const CORE_BUCKET: &str = "core";

const JSON: &str = "application/vnd.github+json";
const RAW: &str = "application/vnd.github.raw+json";

/// As whom to ask.
#[derive(Debug, Clone)]
pub(super) enum As {
    /// The App itself (JWT), by its place in the configuration.
    App(usize),
    /// An installation at the scope's owner; the token when there is one.
    Owner(Scope),
    /// An installation of an App at its home, or its only one; the token when there is one.
    Home,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<serde_json::Value>,
    pub(super) accept: &'static str,
    pub(super) asker: As,
    pub(super) bucket: &'static str,
}

impl Request {
    /// Method and path, for errors and logs.
    pub(super) fn call(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }

    /// Whether sending it twice is the same as sending it once.
    pub(super) fn is_idempotent(&self) -> bool {
        self.method != Method::POST && self.method != Method::PATCH
    }

    pub(super) fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    pub(super) fn maybe_query(self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub(super) fn json(mut self, body: impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_value(body).map_err(|error| Error::invalid(&self.call(), error))?;
        self.body = Some(body);
        Ok(self)
    }

    pub(super) fn raw(mut self) -> Self {
        self.accept = RAW;
        self
    }

    pub(super) fn bucket(mut self, bucket: &'static str) -> Self {
        self.bucket = bucket;
        self
    }
}

impl Client {
    pub(super) fn request<'a>(
        &self,
        method: Method,
        asker: As,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Request, Error> {
        let mut url = self.0.base.clone();
        {
            let mut path = url
                .path_segments_mut()
                .map_err(|()| Error::invalid(method.as_str(), "the API address has no path"))?;
            path.pop_if_empty();
            for segment in segments {
                if matches!(segment, "" | "." | "..") || segment.chars().any(char::is_control) {
                    return Err(Error::invalid(method.as_str(), "a part of the path is empty or not a name"));
                }
                path.push(segment);
            }
        }
        Ok(Request { method, url, body: None, accept: JSON, asker, bucket: CORE_BUCKET })
    }

    pub(super) fn scoped<'a>(
        &self,
        method: Method,
        scope: &'a Scope,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Request, Error> {
        self.request(method, As::Owner(scope.clone()), scope.segments().into_iter().chain(segments))
    }
}
