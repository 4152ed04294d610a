//! Where the credentials for Amazon come from: the sources its own tools use, in their order.
//!
//! 1. keys of the configuration
//! 2. environment variables
//! 3. the shared credentials and configuration files: keys or `credential_process`
//! 4. a web identity token: Kubernetes service accounts, GitHub OIDC
//! 5. the container endpoint: ECS, EKS pod identity
//! 6. the machine's instance profile through IMDSv2
//!
//! The first source that is set up is used; one that is set up but broken is an error, not a reason to try the next:
//! silently acting as somebody else is worse than not acting.

mod container;
mod imds;
mod profile;
mod web_identity;

use crate::error::Error;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::{collections::HashMap, path::PathBuf, sync::Arc};
use tokio::sync::Mutex;
use trunkline_model::SharedClock;
use url::Url;

/// Credentials are renewed this long before they end.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// Longest answer of a source, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Keys to sign with. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Public part.
    pub access_key_id: String,
    /// Secret part.
    pub secret_access_key: SecretString,
    /// Token of temporary credentials.
    pub session_token: Option<SecretString>,
    /// When they end.
    pub expires: Option<Timestamp>,
}

/// Environment variables and home folder, as values: tests bring their own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Variables.
    pub variables: HashMap<String, String>,
    /// The user's folder.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("AWS_"))
            .collect();
        Self { variables, home: std::env::home_dir() }
    }

    /// A variable that is set and not empty.
    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The sources of one client, and what they gave last.
#[derive(Debug)]
pub struct Sources {
    fixed: Option<Credentials>,
    environment: Environment,
    http: reqwest::Client,
    clock: SharedClock,
    sts: Url,
    imds: Url,
    last: Mutex<Option<Arc<Credentials>>>,
}

impl Sources {
    /// The usual sources; `sts` is where a web identity is exchanged.
    pub fn new(environment: Environment, http: reqwest::Client, clock: SharedClock, sts: Url) -> Self {
        #[expect(clippy::expect_used, reason = "a constant")]
        let imds = Url::parse("http://169.254.169.254/").expect("a constant address");
        Self { fixed: None, environment, http, clock, sts, imds, last: Mutex::default() }
    }

    /// These keys and no other source.
    #[must_use]
    pub fn with_keys(mut self, keys: Credentials) -> Self {
        self.fixed = Some(keys);
        self
    }

    /// Another address of the instance metadata service: for tests and for proxies of it.
    #[must_use]
    pub fn with_imds(mut self, imds: Url) -> Self {
        self.imds = imds;
        self
    }

    /// Credentials that are good for a while.
    ///
    /// # Errors
    /// When no source is set up, or the one that is does not give any.
    pub async fn current(&self) -> Result<Arc<Credentials>, Error> {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some(known) = last.as_ref().filter(|known| good_for(known, now, RENEW_BEFORE)) {
            return Ok(Arc::clone(known));
        }
        match self.fetch().await {
            Ok(fresh) => {
                let fresh = Arc::new(fresh);
                *last = Some(Arc::clone(&fresh));
                Ok(fresh)
            }
            // A source that is away for a moment does not matter while the old ones are good.
            Err(error) => match last.as_ref().filter(|known| good_for(known, now, SignedDuration::ZERO)) {
                Some(known) => Ok(Arc::clone(known)),
                None => Err(error),
            },
        }
    }

    /// Forgets what was given: Amazon refused it.
    pub async fn forget(&self) {
        *self.last.lock().await = None;
    }

    async fn fetch(&self) -> Result<Credentials, Error> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        if let Some(found) = from_variables(&self.environment)? {
            return Ok(found);
        }
        if let Some(found) = profile::load(&self.environment).await? {
            return Ok(found);
        }
        if let Some(found) = web_identity::exchange(&self.environment, &self.http, &self.sts).await? {
            return Ok(found);
        }
        if let Some(found) = container::fetch(&self.environment, &self.http).await? {
            return Ok(found);
        }
        if let Some(found) = imds::fetch(&self.environment, &self.http, &self.imds).await? {
            return Ok(found);
        }
        Err(Error::Credentials(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, a web identity token, or give this machine \
             an instance profile"
                .into(),
        ))
    }
}

fn good_for(known: &Credentials, now: Timestamp, margin: SignedDuration) -> bool {
    known.expires.is_none_or(|end| end.duration_since(now) > margin)
}

fn from_variables(environment: &Environment) -> Result<Option<Credentials>, Error> {
    match (environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(Credentials {
            access_key_id: id.trim().into(),
            secret_access_key: secret.trim().to_owned().into(),
            session_token: environment.get("AWS_SESSION_TOKEN").map(|token| token.trim().to_owned().into()),
            expires: None,
        })),
        _ => Err(Error::Credentials(
            "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both or none".into(),
        )),
    }
}

/// The JSON of container endpoint, metadata service and `credential_process`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<Timestamp>,
}

impl Document {
    fn read(source: &str, bytes: &[u8]) -> Result<Credentials, Error> {
        // The parser's message could repeat a secret: only its place is told.
        let document: Self = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::Credentials(format!(
                "{source} gave no usable credentials document (line {line}, column {column})"
            ))
        })?;
        Ok(Credentials {
            access_key_id: document.access_key_id,
            secret_access_key: document.secret_access_key.into(),
            session_token: document.token.filter(|token| !token.is_empty()).map(Into::into),
            expires: document.expiration,
        })
    }
}

/// Sends and reads within bounds; the answer of a status other than 200 is an error.
async fn read(source: &str, request: reqwest::RequestBuilder) -> Result<Vec<u8>, Error> {
    let failed = |why: String| Error::Credentials(format!("{source} does not answer: {why}"));
    let mut response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(failed(response.status().to_string()));
    }
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(failed("the answer is too large".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
