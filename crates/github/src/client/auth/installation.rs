//! Installations of an App: which one serves an owner, and its token of one hour.

use super::super::{
    Client, Error, Installation, Scope,
    answer::Answer,
    backoff::Tries,
    lock,
    request::{As, CORE_BUCKET, Request},
    send::Fault,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// A token is renewed this long before it ends.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// How long an answer to "where is the App installed" counts: people install and uninstall.
const LOOKUP_LIFE: SignedDuration = SignedDuration::from_mins(60);
const ABSENT_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// More owners than one client serves.
const MOST_OWNERS: usize = 10_000;

type Token = Option<(SecretString, Timestamp)>;

pub(super) struct Installations {
    fixed: Option<u64>,
    home: Option<Scope>,
    /// By owner: the installation, or none, and when that was learned.
    by_owner: Mutex<HashMap<String, (Option<u64>, Timestamp)>>,
    /// The inner lock is held while a token is fetched: many askers, one request.
    tokens: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<Token>>>>,
    /// Tokens that GitHub refused before their end.
    refused: Mutex<HashMap<u64, SecretString>>,
}

impl Installations {
    pub(super) fn new(fixed: Option<u64>, home: Option<Scope>) -> Self {
        let (by_owner, tokens, refused) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { fixed, home, by_owner, tokens, refused }
    }

    /// The installation that serves the scope, as far as known.
    pub(super) fn known(&self, scope: Option<&Scope>) -> Option<u64> {
        self.fixed.or_else(|| lock(&self.by_owner).get(&self.key(scope))?.0)
    }

    /// The owner to look up under; empty for "the only installation".
    fn key(&self, scope: Option<&Scope>) -> String {
        scope.or(self.home.as_ref()).map_or_else(String::new, Scope::owner_key)
    }

    pub(super) fn forget(&self, installation: u64, token: &SecretString) {
        lock(&self.refused).insert(installation, token.clone());
    }

    fn is_refused(&self, installation: u64, token: &SecretString) -> bool {
        let refused = lock(&self.refused);
        refused.get(&installation).is_some_and(|bad| bad.expose_secret() == token.expose_secret())
    }
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct AccessToken {
    token: SecretString,
    expires_at: Timestamp,
}

impl Client {
    /// Which installation of the App serves the scope; without a scope, its home or its only installation.
    pub(super) async fn installation_id(
        &self,
        app: usize,
        scope: Option<&Scope>,
        call: &str,
    ) -> Result<u64, Error> {
        let installations = &self.0.identities.apps()[app].installations;
        if let Some(Scope::Enterprise(_)) = scope {
            let message = "an enterprise's runners need a token; GitHub takes no App there";
            return Err(Error::Auth { call: call.into(), message: message.into() });
        }
        if let Some(id) = installations.fixed {
            return Ok(id);
        }
        let now = self.0.clock.now();
        let key = installations.key(scope);
        let known = lock(&installations.by_owner).get(&key).copied();
        if let Some((id, at)) = known {
            let life = if id.is_some() { LOOKUP_LIFE } else { ABSENT_LIFE };
            if now.duration_since(at) < life {
                return id.ok_or_else(|| Error::NotFound { call: call.into() });
            }
        }
        let found = match scope.or(installations.home.as_ref()) {
            Some(place) => self.installed_at(app, place).await?,
            None => Some(self.only_installation(app).await?),
        };
        let mut by_owner = lock(&installations.by_owner);
        if by_owner.len() >= MOST_OWNERS {
            by_owner.clear();
        }
        by_owner.insert(key, (found, now));
        found.ok_or_else(|| Error::NotFound { call: call.into() })
    }

    async fn installed_at(&self, app: usize, place: &Scope) -> Result<Option<u64>, Error> {
        let segments = place.segments().into_iter().chain(["installation"]);
        let request = self.request(Method::GET, As::App(app), segments)?;
        match self.send_as_app(app, &request).await {
            Ok(answer) => Ok(Some(answer.json::<Id>(&request.call())?.id)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The installation of an App that has exactly one.
    async fn only_installation(&self, app: usize) -> Result<u64, Error> {
        // One page tells one from many.
        let request = self.installations_request(app)?;
        let call = request.call();
        let all: Vec<Installation> = self.send_as_app(app, &request).await?.json(&call)?;
        let id = &self.0.identities.apps()[app].id;
        let message = match all.as_slice() {
            [one] => return Ok(one.id),
            [] => {
                format!("App `{id}` is installed nowhere: install it at the organisation or the repository")
            }
            many => {
                let names: Vec<&str> = many.iter().take(5).map(Installation::account).collect();
                let more = if many.len() > names.len() { ", …" } else { "" };
                format!(
                    "App `{id}` has several installations ({}{more}): say which by `installation_id`, \
                     `organization` or `repository`",
                    names.join(", ")
                )
            }
        };
        Err(Error::Auth { call, message })
    }

    /// The installation's token, fetched once however many ask.
    pub(super) async fn installation_token(
        &self,
        app: usize,
        installation: u64,
        call: &str,
    ) -> Result<SecretString, Error> {
        let installations = &self.0.identities.apps()[app].installations;
        let slot = Arc::clone(lock(&installations.tokens).entry(installation).or_default());
        let mut slot = slot.lock().await;
        let now = self.0.clock.now();
        if let Some((token, ends)) = &*slot
            && ends.duration_since(now) > RENEW_BEFORE
            && !installations.is_refused(installation, token)
        {
            return Ok(token.clone());
        }
        let id = installation.to_string();
        let segments = ["app", "installations", &id, "access_tokens"];
        let request = self.request(Method::POST, As::App(app), segments)?;
        let answer = match self.send_as_app(app, &request).await {
            // Uninstalled since it was looked up: look again next time.
            Err(Error::NotFound { .. }) => {
                lock(&installations.by_owner).retain(|_, (known, _)| *known != Some(installation));
                let message = format!("installation {installation} is gone");
                return Err(Error::Auth { call: call.into(), message });
            }
            other => other?,
        };
        let fresh: AccessToken = answer.json(&request.call())?;
        lock(&installations.refused).remove(&installation);
        *slot = Some((fresh.token.clone(), fresh.expires_at));
        Ok(fresh.token)
    }

    /// Both requests here may be repeated: a token more does no harm.
    async fn send_as_app(&self, app: usize, request: &Request) -> Result<Answer, Error> {
        let call = request.call();
        let mut tries = Tries::new(true);
        let mut renewed = false;
        loop {
            let asker = self.as_app(app, CORE_BUCKET, &call)?;
            match self.exchange(request, &asker).await {
                Ok(answer) => return Ok(answer),
                Err(Fault::Stale(_)) if !renewed => renewed = true,
                Err(fault) => self.pause(&mut tries, fault.into_error()).await?,
            }
        }
    }
}
