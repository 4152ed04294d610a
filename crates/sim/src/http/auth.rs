//! Who is asking: a configured token, a token of the App's installation, or the App itself.

use super::State;
use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use trunkline_model::Rng;

/// Tokens of the installation live an hour.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Tokens given to the App, with their end.
#[derive(Clone)]
pub(super) struct Minted(Arc<Mutex<(Rng, BTreeMap<String, Timestamp>)>>);

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minted")
    }
}

impl Minted {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new((Rng::from_seed(seed ^ 0x70c3), BTreeMap::new()))))
    }

    /// A new token and its end.
    pub(super) fn mint(&self, now: Timestamp) -> (String, Timestamp) {
        let mut this = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("ghs_{}", this.0.hex(36));
        let end = now + TOKEN_LIFE;
        this.1.retain(|_, end| *end > now);
        this.1.insert(token.clone(), end);
        (token, end)
    }

    fn knows(&self, token: &str, now: Timestamp) -> bool {
        let this = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        this.1.get(token).is_some_and(|end| now < *end)
    }
}

/// The token of `Authorization: Bearer …` (or the older `token …`).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    known.then_some(token.trim()).filter(|token| !token.is_empty())
}

/// Whether only the App itself may ask for a path.
pub(super) fn is_for_app(path: &str) -> bool {
    path == "/app" || path.starts_with("/app/") || path.ends_with("/installation")
}

/// Whether the request may pass; the message when not.
pub(super) fn check(state: &State, path: &str, headers: &HeaderMap) -> Result<(), &'static str> {
    let token = bearer(headers).ok_or("Requires authentication")?;
    let now = state.world.now();
    if is_for_app(path) {
        let app_id = state.world.with(|world| world.config().app_id);
        return check_app(token, app_id, now);
    }
    if is_token(state, token) { Ok(()) } else { Err("Bad credentials") }
}

/// Whether a token is let in.
pub(super) fn is_token(state: &State, token: &str) -> bool {
    state.config.tokens.iter().any(|known| known == token) || state.tokens.knows(token, state.world.now())
}

/// Looks at the shape, issuer and times of a JSON Web Token; its signature is not checked.
fn check_app(token: &str, app_id: u64, now: Timestamp) -> Result<(), &'static str> {
    const UNREADABLE: &str = "A JSON web token could not be decoded";
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = parts[..] else { return Err(UNREADABLE) };
    let json =
        |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (head, claims) = (json(head).ok_or(UNREADABLE)?, json(claims).ok_or(UNREADABLE)?);
    if head["alg"] != "RS256" || signature.is_empty() {
        return Err(UNREADABLE);
    }
    let issuer = match &claims["iss"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if issuer != app_id.to_string() {
        return Err("Integration not found");
    }
    let (Some(issued), Some(expires)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else {
        return Err("Missing 'issued at' or 'expiration time' claim");
    };
    let now = now.as_second();
    if issued > now + 60 {
        return Err(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        );
    }
    if expires <= now || expires > now + 600 {
        return Err(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_is_known_by_issuer_and_times() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let token = |alg: &str, iss: Value, iat: i64, exp: i64| {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let head = part(serde_json::json!({ "alg": alg }));
            format!("{head}.{}.sig", part(serde_json::json!({ "iss": iss, "iat": iat, "exp": exp })))
        };
        let check = |token: &str| check_app(token, 42, now);
        assert_eq!(check(&token("RS256", "42".into(), 999_940, 1_000_540)), Ok(()));
        assert_eq!(check(&token("RS256", 42.into(), 999_940, 1_000_540)), Ok(()));
        assert!(check(&token("none", "42".into(), 999_940, 1_000_540)).is_err());
        assert!(check(&token("RS256", "43".into(), 999_940, 1_000_540)).is_err());
        assert!(check(&token("RS256", "42".into(), 1_000_100, 1_000_540)).is_err());
        assert!(check(&token("RS256", "42".into(), 999_000, 999_999)).is_err());
        assert!(check(&token("RS256", "42".into(), 999_940, 1_001_000)).is_err());
        for odd in ["", "a.b", "a.b.c", "..", "é.é.é"] {
            assert!(check(odd).is_err());
        }
    }
}
