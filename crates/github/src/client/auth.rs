//! Who asks: a token, or Apps with their JWTs and installation tokens.

mod installation;
mod jwt;

use super::{Client, ConfigError, Credentials, Error, Scope, lock};
use installation::Installations;
use jwt::Signer;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// One budget holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Token,
    /// An App itself.
    App(usize),
    /// An installation of an App.
    Installation(usize, u64),
}

/// Whose name a request goes out under, and the credential.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) who: Identity,
    pub(super) token: SecretString,
}

struct App {
    id: String,
    signer: Signer,
    installations: Installations,
}

enum Kind {
    Token(SecretString),
    Apps(Vec<App>),
}

pub(super) struct Identities(Kind);

impl Identities {
    pub(super) fn new(credentials: Credentials) -> Result<Self, ConfigError> {
        match credentials {
            Credentials::Token(token) => {
                let text = token.expose_secret();
                if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ConfigError::Token);
                }
                Ok(Self(Kind::Token(token)))
            }
            Credentials::Apps(apps) if apps.is_empty() => Err(ConfigError::NoApp),
            Credentials::Apps(apps) => {
                let apps = apps.into_iter().map(|app| {
                    Ok(App {
                        signer: Signer::new(&app.id, &app.private_key)?,
                        installations: Installations::new(app.installation_id, app.home),
                        id: app.id,
                    })
                });
                Ok(Self(Kind::Apps(apps.collect::<Result<_, ConfigError>>()?)))
            }
        }
    }

    fn apps(&self) -> &[App] {
        match &self.0 {
            Kind::Token(_) => &[],
            Kind::Apps(apps) => apps,
        }
    }

    pub(super) fn app_ids(&self) -> Vec<String> {
        self.apps().iter().map(|app| app.id.clone()).collect()
    }

    /// Place of an App in the configuration.
    pub(super) fn app(&self, id: &str) -> Option<usize> {
        self.apps().iter().position(|app| app.id == id)
    }

    pub(super) fn name(&self, who: Identity) -> String {
        let id = |app: usize| self.apps().get(app).map_or("?", |app| &app.id);
        match who {
            Identity::Token => "token".into(),
            Identity::App(app) => format!("app {}", id(app)),
            Identity::Installation(app, installation) => {
                format!("app {} installation {installation}", id(app))
            }
        }
    }

    /// Forgets a credential that GitHub refused, if it is still the one in use.
    pub(super) fn refused(&self, asker: &Asker) {
        match asker.who {
            Identity::Token => {}
            Identity::App(app) => self.apps()[app].signer.forget(&asker.token),
            Identity::Installation(app, installation) => {
                self.apps()[app].installations.forget(installation, &asker.token);
            }
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Token(_) => f.write_str("token"),
            Kind::Apps(_) => write!(f, "apps {:?}", self.app_ids()),
        }
    }
}

impl Client {
    /// The App itself.
    pub(super) fn as_app(&self, app: usize, bucket: &str, call: &str) -> Result<Asker, Error> {
        let now = self.0.clock.now();
        let who = Identity::App(app);
        if let Some(until) = self.0.budgets.blocked(who, bucket, now) {
            return Err(Error::RateLimited { until });
        }
        let signer = self.0.identities.apps().get(app).map(|app| &app.signer);
        let signer = signer.ok_or_else(|| no_app(call))?;
        let token = signer.token(now, || lock(&self.0.rng).hex(32)).map_err(|()| Error::Auth {
            call: call.into(),
            message: "the App's private key cannot sign".into(),
        })?;
        Ok(Asker { who, token })
    }

    /// The token, or of the Apps installed at the owner the one with most budget left. Without an owner each App's home
    /// counts.
    pub(super) async fn as_owner(
        &self,
        scope: Option<&Scope>,
        bucket: &str,
        call: &str,
    ) -> Result<Asker, Error> {
        let now = self.0.clock.now();
        let apps = match &self.0.identities.0 {
            Kind::Token(token) => {
                return match self.0.budgets.blocked(Identity::Token, bucket, now) {
                    Some(until) => Err(Error::RateLimited { until }),
                    None => Ok(Asker { who: Identity::Token, token: token.clone() }),
                };
            }
            Kind::Apps(apps) => apps,
        };
        let mut order: Vec<usize> = (0..apps.len()).collect();
        order.sort_by_cached_key(|&app| {
            let known = apps[app].installations.known(scope);
            let left = known.map(|id| self.0.budgets.remaining(Identity::Installation(app, id), bucket, now));
            std::cmp::Reverse(left.unwrap_or(u64::MAX))
        });
        let mut failed: Option<Error> = None;
        for app in order {
            match self.as_installation(app, scope, bucket, call).await {
                Ok(asker) => return Ok(asker),
                // Not installed there: the next App may be.
                Err(Error::NotFound { .. }) => {}
                Err(error) => failed = Some(sooner(failed, error)),
            }
        }
        Err(failed.unwrap_or_else(|| Error::Auth {
            call: call.into(),
            message: match scope {
                Some(scope) => format!("no configured App is installed at {scope}"),
                None => "no configured App is installed where its settings say".into(),
            },
        }))
    }

    async fn as_installation(
        &self,
        app: usize,
        scope: Option<&Scope>,
        bucket: &str,
        call: &str,
    ) -> Result<Asker, Error> {
        let id = self.installation_id(app, scope, call).await?;
        let who = Identity::Installation(app, id);
        if let Some(until) = self.0.budgets.blocked(who, bucket, self.0.clock.now()) {
            return Err(Error::RateLimited { until });
        }
        Ok(Asker { who, token: self.installation_token(app, id, call).await? })
    }
}

fn no_app(call: &str) -> Error {
    Error::Auth { call: call.into(), message: "only a configured App may ask this".into() }
}

/// Of two failures the one that lets the caller come back soonest.
fn sooner(known: Option<Error>, new: Error) -> Error {
    match (known, new) {
        (Some(Error::RateLimited { until: a }), Error::RateLimited { until: b }) => {
            Error::RateLimited { until: a.min(b) }
        }
        (Some(known @ Error::Transient { .. }), _) => known,
        (_, new @ Error::Transient { .. }) | (None, new) => new,
        (Some(known @ Error::RateLimited { .. }), _) => known,
        (Some(_), new) => new,
    }
}
