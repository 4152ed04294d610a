//! The one home of outgoing HTTP clients: time limits, user agent and no redirects that could carry credentials away.

use std::time::Duration;

/// Limits of a client.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Time for a connection.
    pub connect_timeout: Duration,
    /// Time for a whole request with its answer.
    pub request_timeout: Duration,
    /// `User-Agent`; GitHub refuses requests without one.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            user_agent: concat!("trunkline/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// Makes a client. Share it: it pools connections.
///
/// # Errors
/// When the system's certificates or the user agent cannot be used.
#[expect(clippy::disallowed_methods, reason = "the one home of outgoing HTTP clients")]
pub fn client(options: &HttpOptions) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(options.connect_timeout)
        .timeout(options.request_timeout)
        .user_agent(options.user_agent.clone())
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
