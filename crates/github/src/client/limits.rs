//! How much may still be asked.

use super::{As, Client, Error, read};
use jiff::Timestamp;
use reqwest::{Method, header};
use serde::Deserialize;

/// The core budget of the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests per hour.
    pub limit: u64,
    /// Requests left in this hour.
    pub remaining: u64,
    /// GitHub's clock, when it told.
    pub server_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    resources: Resources,
}

#[derive(Deserialize)]
struct Resources {
    core: Core,
}

#[derive(Deserialize)]
struct Core {
    limit: u64,
    remaining: u64,
}

impl Client {
    /// The core budget; costs nothing of it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn rate_limit(&self) -> Result<Limits, Error> {
        let response = self.send(As::Installation, Method::GET, "rate_limit", None).await?;
        let date = response.headers().get(header::DATE).and_then(|value| value.to_str().ok());
        let server_time =
            date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map(|zoned| zoned.timestamp());
        let Core { limit, remaining } = read::<Answer>(response).await?.resources.core;
        Ok(Limits { limit, remaining, server_time })
    }
}
