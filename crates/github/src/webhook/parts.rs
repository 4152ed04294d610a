//! Objects that several payloads share.

use serde::{Deserialize, Deserializer};

/// `repository`
#[derive(Deserialize)]
pub(crate) struct Repository {
    #[serde(default)]
    pub(crate) full_name: String,
}

/// `user`, `sender`, `actor`: absent for deleted accounts.
#[derive(Deserialize)]
pub(crate) struct User {
    #[serde(default)]
    pub(crate) login: String,
}

/// The login, or GitHub's name for a deleted account.
pub(super) fn login(user: Option<User>) -> String {
    user.map_or_else(|| "ghost".into(), |user| user.login)
}

/// Reads `null` like an absent field.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    d: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// A JSON error for a field that parsed as JSON but does not fit its grammar.
pub(crate) fn unfit(error: impl std::fmt::Display) -> serde_json::Error {
    serde::de::Error::custom(error)
}
