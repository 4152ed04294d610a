//! GitHub's log of the deliveries of a webhook, and asking for one again.

use super::{
    Client, Error, Scope,
    pages::{PER_PAGE, next},
    request::{As, Request},
};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};
use trunkline_model::RepoName;
use url::Url;

/// A webhook whose deliveries can be looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// The webhook of a configured App, by the App's id as configured.
    App(String),
    /// A repository's webhook.
    Repo(RepoName, u64),
    /// An organisation's webhook.
    Org(String, u64),
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(app) => write!(f, "App {app}"),
            Self::Repo(repo, hook) => write!(f, "webhook {hook} of {repo}"),
            Self::Org(org, hook) => write!(f, "webhook {hook} of {org}"),
        }
    }
}

/// One attempt to deliver. Attempts of one event share the `guid`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HookDelivery {
    /// GitHub's id of the attempt.
    pub id: u64,
    /// The delivery's id, as in `X-GitHub-Delivery`.
    pub guid: String,
    /// When it was tried.
    pub delivered_at: Timestamp,
    /// Whether somebody asked for it again.
    #[serde(default)]
    pub redelivery: bool,
    /// `OK`, or what went wrong.
    #[serde(default)]
    pub status: String,
    /// Our HTTP status; 0 without an answer.
    #[serde(default)]
    pub status_code: i64,
    /// `X-GitHub-Event`.
    #[serde(default)]
    pub event: String,
    /// `action` of the payload.
    #[serde(default)]
    pub action: Option<String>,
    /// Repository, when it is about one.
    #[serde(default)]
    pub repository_id: Option<u64>,
}

impl HookDelivery {
    /// Whether this attempt arrived.
    pub fn is_ok(&self) -> bool {
        self.status.eq_ignore_ascii_case("ok")
    }
}

/// One page of the log, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryPage {
    /// The attempts.
    pub deliveries: Vec<HookDelivery>,
    /// Cursor of the next, older page.
    pub next: Option<String>,
}

/// An attempt with what was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryDetail {
    /// The attempt.
    pub delivery: HookDelivery,
    /// Headers that were sent, names in lower case. GitHub leaves signatures out or masked.
    pub headers: BTreeMap<String, String>,
    /// The payload as JSON text. Not the very bytes that were signed: verify nothing with it.
    pub payload: Bytes,
}

#[derive(Deserialize)]
struct RawDetail<'a> {
    #[serde(borrow)]
    request: RawRequest<'a>,
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(default)]
    headers: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

impl Client {
    /// One page of the deliveries of a hook, newest first; older ones by the page's cursor. GitHub keeps about 3 days.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn hook_deliveries(&self, hook: &Hook, cursor: Option<&str>) -> Result<DeliveryPage, Error> {
        let request = self
            .hook_request(Method::GET, hook, &[])?
            .query("per_page", PER_PAGE)
            .maybe_query("cursor", cursor);
        let call = request.call();
        let answer = self.send(&request).await?;
        let next = match answer.link.as_deref().and_then(next) {
            None => None,
            Some(link) => cursor_of(&self.follow(&request.url, link, &call)?),
        };
        Ok(DeliveryPage { deliveries: answer.json(&call)?, next })
    }

    /// One attempt with its payload.
    ///
    /// # Errors
    /// [`Error::NotFound`] once GitHub has dropped it; see [`Error`].
    pub async fn hook_delivery(&self, hook: &Hook, id: u64) -> Result<DeliveryDetail, Error> {
        let request = self.hook_request(Method::GET, hook, &[&id.to_string()])?;
        let call = request.call();
        let answer = self.send(&request).await?;
        let delivery: HookDelivery = answer.json(&call)?;
        let unreadable = |_| Error::invalid(&call, "read GitHub's answer: no sent request in it");
        let raw: RawDetail<'_> = serde_json::from_slice(&answer.body).map_err(unreadable)?;
        let headers = raw.request.headers.unwrap_or_default();
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(DeliveryDetail {
            delivery,
            headers: headers.into_iter().map(|(k, v)| (k.to_ascii_lowercase(), text(v))).collect(),
            payload: raw
                .request
                .payload
                .map_or_else(Bytes::new, |json| answer.body.slice_ref(json.get().as_bytes())),
        })
    }

    /// Asks GitHub to deliver again. The new attempt keeps the `guid`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when GitHub cannot; see [`Error`].
    pub async fn redeliver(&self, hook: &Hook, id: u64) -> Result<(), Error> {
        let request = self.hook_request(Method::POST, hook, &[&id.to_string(), "attempts"])?;
        self.send(&request).await.map(drop)
    }

    fn hook_request(&self, method: Method, hook: &Hook, rest: &[&str]) -> Result<Request, Error> {
        let rest = rest.iter().copied();
        match hook {
            Hook::App(id) => {
                let app = self.app_place(id)?;
                self.request(method, As::App(app), ["app", "hook", "deliveries"].into_iter().chain(rest))
            }
            Hook::Repo(repo, hook) => {
                let hook = hook.to_string();
                let segments = ["hooks", &hook, "deliveries"].into_iter().chain(rest);
                self.scoped(method, &Scope::from(repo), segments)
            }
            Hook::Org(org, hook) => {
                let hook = hook.to_string();
                let segments = ["hooks", &hook, "deliveries"].into_iter().chain(rest);
                self.scoped(method, &Scope::Org(org.clone()), segments)
            }
        }
    }
}

fn cursor_of(url: &Url) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}
