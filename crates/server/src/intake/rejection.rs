//! Why a delivery is not taken, and what the sender should do.

use crate::error::ApiError;
use http::StatusCode;

/// Why a delivery is not taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rejection {
    SignatureMissing,
    SignatureMalformed,
    SignatureWrong,
    SourceExhausted { retry_after_seconds: u64 },
    TooLarge { limit_bytes: usize },
    TooSlow { seconds: f32 },
    CutOff,
    Busy,
    HeaderMissing { name: &'static str },
    HeaderInvalid { name: &'static str, expected: &'static str },
    ContentType { form: bool },
    NotJson { why: String },
    TooDeep { limit: usize },
    LogUnavailable { cause: String },
}

impl Rejection {
    /// Stable word for programs; the outcome in metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureWrong => "signature_wrong",
            Self::SourceExhausted { .. } => "source_exhausted",
            Self::TooLarge { .. } => "body_too_large",
            Self::TooSlow { .. } => "body_too_slow",
            Self::CutOff => "body_cut_off",
            Self::Busy => "busy",
            Self::HeaderMissing { .. } => "header_missing",
            Self::HeaderInvalid { .. } => "header_invalid",
            Self::ContentType { .. } => "content_type",
            Self::NotJson { .. } => "not_json",
            Self::TooDeep { .. } => "too_deep",
            Self::LogUnavailable { .. } => "log_unavailable",
        }
    }

    /// Whether the source is held responsible: it sent what somebody who knows the secret does not send.
    pub(crate) fn counts_against_source(&self) -> bool {
        matches!(
            self,
            Self::SignatureMissing
                | Self::SignatureMalformed
                | Self::SignatureWrong
                | Self::TooLarge { .. }
                | Self::TooSlow { .. }
                | Self::CutOff
        )
    }
}

const SECRET_HINT: &str = "set the same secret in the webhook's settings and in `[github] webhook_secrets`";

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let code = rejection.code();
        let unauthorized =
            |message: &str| Self::new(StatusCode::UNAUTHORIZED, code, message).hint(SECRET_HINT);
        match rejection {
            Rejection::SignatureMissing => unauthorized("the header `X-Hub-Signature-256` is missing"),
            Rejection::SignatureMalformed => {
                unauthorized("the header `X-Hub-Signature-256` is not `sha256=` and 64 hexadecimal digits")
            }
            Rejection::SignatureWrong => {
                unauthorized("no configured secret gives this signature for this body")
            }
            Rejection::SourceExhausted { retry_after_seconds } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                code,
                "too many requests of this source failed verification",
            )
            .hint("correctly signed deliveries still pass")
            .retry_after(retry_after_seconds),
            Rejection::TooLarge { limit_bytes } => {
                let message =
                    format!("the body is larger than {} MiB", limit_bytes as f64 / f64::from(1 << 20));
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, message).hint("GitHub sends at most 25 MiB")
            }
            Rejection::TooSlow { seconds } => {
                let message = format!("the body did not arrive within {seconds} s");
                Self::new(StatusCode::REQUEST_TIMEOUT, code, message).hint("send it again")
            }
            Rejection::CutOff => Self::bad_request(code, "the body ended early").hint("send it again"),
            Rejection::Busy => Self::unavailable(code, "too much is being received at the moment")
                .hint("send it again later"),
            Rejection::HeaderMissing { name } => {
                Self::bad_request(code, format!("the header `{name}` is missing"))
                    .hint("GitHub sends it with every delivery; see that proxies pass it on")
            }
            Rejection::HeaderInvalid { name, expected } => {
                Self::bad_request(code, format!("the header `{name}` is not {expected}"))
                    .hint("GitHub sends it with every delivery; see that proxies pass it on unchanged")
            }
            Rejection::ContentType { form } => {
                let sent = if form { "a form" } else { "not JSON" };
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, format!("the body is {sent}"))
                    .hint("choose the content type `application/json` in the webhook's settings")
            }
            Rejection::NotJson { why } => {
                Self::bad_request(code, format!("the body is not a JSON object: {why}"))
                    .hint("send the payload unchanged")
            }
            Rejection::TooDeep { limit } => {
                Self::bad_request(code, format!("the JSON nests deeper than {limit} levels"))
                    .hint("no GitHub payload does")
            }
            Rejection::LogUnavailable { cause } => {
                tracing::error!(cause, "a delivery cannot be stored; the sender is told to come again");
                Self::unavailable(code, "the delivery cannot be stored now")
                    .retry_after(10)
                    .hint("it will be fetched later from GitHub's list of deliveries, or send it again")
            }
        }
    }
}
