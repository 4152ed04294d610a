//! Tokens: one given, or made from an App's key and renewed before they end.

use super::{As, Client, Error, read};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// Who we are at GitHub.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A token.
    Token(SecretString),
    /// An App; `installation_for` is a path such as `orgs/acme` or `repos/acme/widgets`.
    App {
        /// The App's id.
        id: u64,
        /// Its private key, PEM.
        private_key: SecretString,
        /// Whose installation to act as.
        installation_for: String,
    },
}

#[derive(Debug)]
pub(super) struct Auth {
    credentials: Credentials,
    /// One renewal at a time; the others wait for it.
    installation: Mutex<Option<(SecretString, Timestamp)>>,
    serial: AtomicU64,
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
    /// Two equal tokens in one second have been refused.
    jti: String,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Token {
    token: SecretString,
    expires_at: Timestamp,
}

impl Auth {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, installation: Mutex::new(None), serial: AtomicU64::new(0) }
    }

    /// `Authorization` as the App itself; with a plain token that token.
    pub(super) fn app_token(&self, now: Timestamp) -> Result<HeaderValue, Error> {
        let (id, key) = match &self.credentials {
            Credentials::Token(token) => return bearer(token),
            Credentials::App { id, private_key, .. } => (id, private_key),
        };
        let key = EncodingKey::from_rsa_pem(key.expose_secret().as_bytes())
            .map_err(|_| Error::Auth("the App's private key is not an RSA key in PEM form".into()))?;
        let second = now.as_second();
        let jti = format!("{}-{}", now.as_nanosecond(), self.serial.fetch_add(1, Ordering::Relaxed));
        // A minute back against clock skew, nine minutes ahead: GitHub allows ten.
        let claims = Claims { iat: second - 60, exp: second + 9 * 60, iss: id.to_string(), jti };
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map_err(|_| Error::Auth("the App's private key cannot sign".into()))?;
        bearer(&jwt.into())
    }

    /// `Authorization` as the installation; renewed five minutes before it ends.
    pub(super) async fn token(&self, client: &Client) -> Result<HeaderValue, Error> {
        let installation_for = match &self.credentials {
            Credentials::Token(token) => return bearer(token),
            Credentials::App { installation_for, .. } => installation_for,
        };
        let mut cached = self.installation.lock().await;
        let now = client.inner.clock.now();
        if let Some((token, until)) = &*cached
            && now < *until - SignedDuration::from_mins(5)
        {
            return bearer(token);
        }
        let path = format!("{installation_for}/installation");
        let (found, _): (Installation, _) = client.get_page(As::App, &path).await?;
        let path = format!("app/installations/{}/access_tokens", found.id);
        let fresh: Token = read(client.send(As::App, Method::POST, &path, None).await?).await?;
        let header = bearer(&fresh.token);
        *cached = Some((fresh.token, fresh.expires_at));
        header
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Error::Auth("the token has characters that no token has".into()))?;
    value.set_sensitive(true);
    Ok(value)
}
