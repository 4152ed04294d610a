//! Answers that are not what was asked for, by what the caller should do.

use jiff::Timestamp;

/// Why a call gave no result. `call` is method and path; no query, no credentials.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist (any more), or we may not see it.
    #[error("{call}: not found at GitHub")]
    NotFound {
        /// The call.
        call: String,
    },
    /// It clashes with what exists, such as a runner name that is taken.
    #[error("{call}: conflict: {message}")]
    Conflict {
        /// The call.
        call: String,
        /// GitHub's words.
        message: String,
    },
    /// The runner has a job: hands off, try again later.
    #[error("{call}: the runner has a job")]
    Busy {
        /// The call.
        call: String,
    },
    /// A limit is used up; nothing is sent until then.
    #[error("GitHub's rate limit is used up until {until}")]
    RateLimited {
        /// When to come back.
        until: Timestamp,
    },
    /// May pass by itself: no connection, no answer in time, 5xx.
    #[error("{call}: {message}")]
    Transient {
        /// The call.
        call: String,
        /// What happened.
        message: String,
        /// The transport's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A person must act: credentials, permissions, installation.
    #[error("{call}: not authorised: {message}")]
    Auth {
        /// The call.
        call: String,
        /// GitHub's words, or ours.
        message: String,
    },
    /// The request or the answer does not fit; trying again gives the same.
    #[error("{call}: {message}")]
    Invalid {
        /// The call.
        call: String,
        /// HTTP status, when GitHub said so.
        status: Option<u16>,
        /// GitHub's words, or ours.
        message: String,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody's doing.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::RateLimited { .. } | Self::Busy { .. })
    }

    pub(super) fn invalid(call: &str, message: impl std::fmt::Display) -> Self {
        Self::Invalid { call: call.into(), status: None, message: message.to_string() }
    }

    pub(super) fn transient(call: &str, message: impl std::fmt::Display) -> Self {
        Self::Transient { call: call.into(), message: message.to_string(), source: None }
    }

    pub(super) fn transport(call: &str, error: reqwest::Error) -> Self {
        let message = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        };
        Self::Transient {
            call: call.into(),
            message: message.into(),
            source: Some(error.without_url().into()),
        }
    }
}
