//! The App, its installations, and what is left of the limits.

use super::{
    Client, Error, Scope,
    pages::PER_PAGE,
    request::{As, Request},
};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An App as GitHub describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AppInfo {
    /// Its id.
    pub id: u64,
    /// Name in addresses.
    #[serde(default)]
    pub slug: Option<String>,
    /// Name.
    pub name: String,
    /// What it may do: `read` or `write` by permission.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// Events it is sent.
    #[serde(default)]
    pub events: Vec<String>,
}

/// An App at an owner.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Installation {
    /// Its id.
    pub id: u64,
    #[serde(default)]
    account: Option<Account>,
    /// What the owner granted: `read` or `write` by permission.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// Events it is sent.
    #[serde(default)]
    pub events: Vec<String>,
    /// `all` or `selected` repositories.
    #[serde(default)]
    pub repository_selection: String,
    /// Set while the owner has suspended it.
    #[serde(default)]
    pub suspended_at: Option<Timestamp>,
}

/// A user or organisation has a login, an enterprise a slug.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Account {
    #[serde(default)]
    login: Option<String>,
    #[serde(default)]
    slug: Option<String>,
}

impl Installation {
    /// Whose it is: login of a user or an organisation, slug of an enterprise.
    pub fn account(&self) -> &str {
        let account = self.account.as_ref();
        account.and_then(|account| account.login.as_deref().or(account.slug.as_deref())).unwrap_or("?")
    }
}

/// One bucket of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per window.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When the window ends.
    pub reset: Timestamp,
}

/// The limits of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// By GitHub's name for the bucket: `core`, `actions_runner_registration`, …
    pub buckets: BTreeMap<String, RateLimit>,
    /// GitHub's clock, when it told: App tokens fail when ours is far off.
    pub server_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RawLimits {
    resources: BTreeMap<String, RawLimit>,
}

#[derive(Deserialize)]
struct RawLimit {
    limit: u64,
    remaining: u64,
    reset: i64,
}

impl Client {
    /// The App itself, by its id as configured.
    ///
    /// # Errors
    /// [`Error::Auth`] when id and key do not belong together; see [`Error`].
    pub async fn app(&self, id: &str) -> Result<AppInfo, Error> {
        let request = self.request(Method::GET, As::App(self.app_place(id)?), ["app"])?;
        self.send(&request).await?.json(&request.call())
    }

    /// Where the App is installed for a repository or an organisation.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not installed there; see [`Error`].
    pub async fn installation(&self, app_id: &str, scope: &Scope) -> Result<Installation, Error> {
        let app = As::App(self.app_place(app_id)?);
        let segments = scope.segments().into_iter().chain(["installation"]);
        let request = self.request(Method::GET, app, segments)?;
        self.send(&request).await?.json(&request.call())
    }

    /// Everywhere the App is installed.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn installations(&self, app_id: &str) -> Result<Vec<Installation>, Error> {
        let request = self.installations_request(self.app_place(app_id)?)?;
        self.pages(request, usize::MAX, |page: Vec<Installation>| page).await
    }

    pub(super) fn installations_request(&self, app: usize) -> Result<Request, Error> {
        let request = self.request(Method::GET, As::App(app), ["app", "installations"])?;
        Ok(request.query("per_page", PER_PAGE))
    }

    /// What is left of the limits of whoever asks for this scope; without one, of an App at its home or at its only
    /// installation. Costs no budget.
    ///
    /// # Errors
    /// [`Error::NotFound`] where limits are switched off (GitHub Enterprise Server), [`Error::Auth`] when it is not
    /// clear which installation is meant; see [`Error`].
    pub async fn rate_limit(&self, scope: Option<&Scope>) -> Result<RateLimits, Error> {
        let asker = scope.map_or(As::Home, |scope| As::Owner(scope.clone()));
        let request = self.request(Method::GET, asker, ["rate_limit"])?;
        let answer = self.send(&request).await?;
        let raw: RawLimits = answer.json(&request.call())?;
        let buckets = raw.resources.into_iter().map(|(bucket, raw)| {
            let reset = Timestamp::from_second(raw.reset).unwrap_or(Timestamp::UNIX_EPOCH);
            (bucket, RateLimit { limit: raw.limit, remaining: raw.remaining, reset })
        });
        Ok(RateLimits { buckets: buckets.collect(), server_time: answer.server_time })
    }

    pub(super) fn app_place(&self, id: &str) -> Result<usize, Error> {
        let unknown = || Error::Auth { call: "app".into(), message: format!("no App `{id}` is configured") };
        self.0.identities.app(id).ok_or_else(unknown)
    }
}
