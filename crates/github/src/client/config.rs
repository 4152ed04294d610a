//! What a client needs to know, with defaults, and what makes it unusable.

use super::Scope;
use crate::http::HttpOptions;
use secrecy::SecretString;
use std::{fmt, time::Duration};
use url::{Host, Url};

/// Settings of a client.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Base of the REST API: `https://api.github.com`, or `https://HOST/api/v3`. Plain HTTP only to loopback.
    pub base_url: Url,
    /// Who asks.
    pub credentials: Credentials,
    /// Time limits of a single request, and the user agent.
    pub http: HttpOptions,
    /// Time for one call with all its retries; a listing has it per page. Default 60 s.
    pub deadline: Duration,
    /// Repetitions of an idempotent request after a passing failure. Default 3.
    pub max_retries: u32,
    /// First pause before a repetition; doubles each time, half of it by chance. Default 500 ms.
    pub retry_base: Duration,
    /// Requests under way at once; GitHub allows 100. Default 50.
    pub max_concurrency: usize,
    /// Largest answer that is read. Default 32 MiB.
    pub max_response_bytes: usize,
    /// Memory for answers kept for conditional requests; 0 keeps none. Default 16 MiB.
    pub etag_cache_bytes: usize,
}

impl ClientConfig {
    /// Settings with all defaults.
    pub fn new(base_url: Url, credentials: Credentials) -> Self {
        Self {
            base_url,
            credentials,
            http: HttpOptions::default(),
            deadline: Duration::from_secs(60),
            max_retries: 3,
            retry_base: Duration::from_millis(500),
            max_concurrency: 50,
            max_response_bytes: 32 << 20,
            etag_cache_bytes: 16 << 20,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A personal or otherwise ready-made token.
    Token(SecretString),
    /// GitHub Apps; of those installed at an owner the one with the most budget left is used.
    Apps(Vec<AppCredentials>),
}

/// A GitHub App.
#[derive(Clone)]
pub struct AppCredentials {
    /// App id or client id.
    pub id: String,
    /// Private key, PEM.
    pub private_key: SecretString,
    /// The installation to use for every owner; looked up per owner when absent.
    pub installation_id: Option<u64>,
    /// Where it is installed, for questions that are about no owner. Without it the App's only installation.
    pub home: Option<Scope>,
}

impl AppCredentials {
    /// An App whose installations are looked up.
    pub fn new(id: impl fmt::Display, private_key: SecretString) -> Self {
        Self { id: id.to_string(), private_key, installation_id: None, home: None }
    }
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCredentials")
            .field("id", &self.id)
            .field("installation_id", &self.installation_id)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an address credentials may be sent to.
    #[error("the API address must be `https://…`, or `http://…` on loopback")]
    BaseUrl,
    /// An `Apps` list without an App.
    #[error("no App is configured")]
    NoApp,
    /// A token that cannot be a header value, or is empty.
    #[error("the token is empty or has characters that no token has")]
    Token,
    /// Not an RSA private key in PEM.
    #[error("the private key of App `{id}` is not an RSA key in PEM")]
    PrivateKey {
        /// The App.
        id: String,
    },
    /// Certificates or user agent.
    #[error("set up HTTP")]
    Http(#[source] reqwest::Error),
}

/// Bounds of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) deadline: Duration,
    pub(super) max_retries: u32,
    pub(super) retry_base: Duration,
    pub(super) max_response_bytes: usize,
}

/// Whether credentials may be sent to this address: over TLS, or without leaving the machine.
///
/// # Errors
/// [`ConfigError::BaseUrl`] when they may not, or when the address has a user, a password or a query.
pub fn check_base(url: &Url) -> Result<(), ConfigError> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    if safe && plain && url.has_host() { Ok(()) } else { Err(ConfigError::BaseUrl) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_only_go_over_tls_or_to_loopback() {
        for good in
            ["https://api.github.com", "https://ghe.corp/api/v3", "http://127.0.0.1:1", "http://[::1]:2"]
        {
            assert!(check_base(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in
            ["http://api.github.com", "http://10.0.0.1", "https://u:p@h", "file:///x", "https://h/?a=b"]
        {
            assert!(check_base(&bad.parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = ClientConfig::new(
            "https://api.github.com".parse().unwrap(),
            Credentials::Apps(vec![AppCredentials::new(7, "hush".into())]),
        );
        assert!(!format!("{config:?} {:?}", Credentials::Token("hush".into())).contains("hush"));
    }
}
