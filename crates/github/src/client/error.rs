//! What can go wrong, by what the caller should do.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Response, StatusCode};

/// Answers that are not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 404 or 410.
    #[error("not found at GitHub")]
    NotFound,
    /// 409: the name is taken.
    #[error("it exists already at GitHub")]
    Conflict,
    /// 422 on removing a runner: it has a job.
    #[error("the runner has a job")]
    Busy,
    /// A primary or secondary limit is used up.
    #[error("GitHub's rate limit is used up until {until}")]
    RateLimited {
        /// When to come back.
        until: Timestamp,
    },
    /// May pass by itself.
    #[error("GitHub did not answer: {0}")]
    Transient(String),
    /// The credentials or permissions do not suffice.
    #[error("GitHub refuses the credentials: {0}")]
    Auth(String),
    /// The request or the answer does not make sense.
    #[error("GitHub and we misunderstand each other: {0}")]
    Invalid(String),
}

/// Shortest wait after a secondary limit without `Retry-After` (GitHub's advice).
const SECONDARY_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// Reads a refusal. The text of the answer is used only to tell limits from permissions.
pub(super) async fn classify(response: Response, now: Timestamp) -> Error {
    let status = response.status();
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let retry_after = number("retry-after");
    let exhausted = number("x-ratelimit-remaining") == Some(0);
    let reset = number("x-ratelimit-reset").and_then(|second| Timestamp::from_second(second).ok());
    let text = message(response).await;
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN
            && (retry_after.is_some() || exhausted || text.to_lowercase().contains("secondary rate limit")));
    if limited {
        let wait =
            retry_after.map_or(SECONDARY_WAIT, |seconds| SignedDuration::from_secs(seconds.clamp(1, 86_400)));
        let until = reset.filter(|_| exhausted && retry_after.is_none()).unwrap_or(now + wait);
        return Error::RateLimited { until };
    }
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound,
        StatusCode::CONFLICT => Error::Conflict,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Auth(format!("{status}: {text}")),
        StatusCode::REQUEST_TIMEOUT => Error::Transient(status.to_string()),
        _ if status.is_server_error() => Error::Transient(status.to_string()),
        _ => Error::Invalid(format!("{status}: {text}")),
    }
}

/// GitHub's `message`, cut short.
async fn message(mut response: Response) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        message: String,
    }
    let first = response.chunk().await.ok().flatten().unwrap_or_default();
    let answer: Option<Answer> = serde_json::from_slice(&first).ok();
    answer.map_or_else(String::new, |answer| answer.message.chars().take(200).collect())
}
