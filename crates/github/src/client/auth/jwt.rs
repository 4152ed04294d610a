//! The App's own credential: a JWT signed with its key, unique, short-lived, reused for under eight minutes.

use super::super::{ConfigError, lock};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::sync::Mutex;

/// GitHub refuses tokens "issued in the future": its clock may be behind ours.
const SKEW_SECONDS: i64 = 60;
/// GitHub's most is ten minutes after `iat`.
const LIFE_SECONDS: i64 = 9 * 60;
/// How long a token is reused.
const REUSE: SignedDuration = SignedDuration::from_mins(7);

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
    /// Two equal tokens within a second have been refused.
    jti: String,
}

pub(super) struct Signer {
    id: String,
    key: EncodingKey,
    made: Mutex<Option<(SecretString, Timestamp)>>,
}

impl Signer {
    pub(super) fn new(id: &str, pem: &SecretString) -> Result<Self, ConfigError> {
        let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
            .map_err(|_| ConfigError::PrivateKey { id: id.into() })?;
        Ok(Self { id: id.into(), key, made: Mutex::default() })
    }

    /// The token to use now.
    pub(super) fn token(&self, now: Timestamp, jti: impl FnOnce() -> String) -> Result<SecretString, ()> {
        let mut made = lock(&self.made);
        if let Some((token, at)) = &*made
            && now >= *at
            && now.duration_since(*at) < REUSE
        {
            return Ok(token.clone());
        }
        // `exp` counts from `iat`: nine minutes of GitHub's ten.
        let iat = now.as_second() - SKEW_SECONDS;
        let claims = Claims { iat, exp: iat + LIFE_SECONDS, iss: &self.id, jti: jti() };
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key).map_err(|_| ())?;
        let token = SecretString::from(token);
        *made = Some((token.clone(), now));
        Ok(token)
    }

    pub(super) fn forget(&self, refused: &SecretString) {
        let mut made = lock(&self.made);
        if made.as_ref().is_some_and(|(token, _)| token.expose_secret() == refused.expose_secret()) {
            *made = None;
        }
    }
}
