//! Errors as callers see them: `{"error": {"code", "message", "hint", "request_id"}}`.
//!
//! A handler returns an [`ApiError`]; the outermost layer, [`finish`], writes the body with the request's id, logs what is
//! ours to fix once, and adds the headers that every answer has.

use crate::request::RequestIds;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use std::{error::Error as StdError, sync::Arc};
use utoipa::ToSchema;

/// The body of every answer of class 4xx and 5xx.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Error {
    /// What went wrong.
    pub(crate) error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// Stable word for programs.
    pub(crate) code: String,
    /// One sentence for people.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// Id of this request, also in the server's log.
    pub(crate) request_id: String,
}

/// An error on its way to the caller.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) retry_after_seconds: Option<u64>,
    /// For the log only.
    cause: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, retry_after_seconds: None, cause: None }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(5)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub(crate) fn cause(mut self, error: &dyn StdError) -> Self {
        self.cause = Some(chain(error));
        self
    }

    fn upstream(what: &str, transient: bool, error: &dyn StdError) -> Self {
        let base = if transient {
            Self::unavailable("unavailable", format!("{what} cannot be reached now"))
        } else {
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("{what} refused"))
        };
        base.hint("see the server's log for this request id; /readyz tells what is unwell").cause(error)
    }
}

/// An error with all its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text.push_str(": ");
            text.push_str(&source_text);
        }
        next = source.source();
    }
    text
}

impl From<trunkline_store::Error> for ApiError {
    fn from(error: trunkline_store::Error) -> Self {
        Self::upstream("the store", error.is_transient(), &error)
    }
}

impl From<trunkline_warehouse::Error> for ApiError {
    fn from(error: trunkline_warehouse::Error) -> Self {
        Self::upstream("the warehouse", error.is_transient(), &error)
    }
}

impl From<trunkline_fleet::fleet::Error> for ApiError {
    fn from(error: trunkline_fleet::fleet::Error) -> Self {
        Self::upstream("the fleet", true, &error)
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::upstream("a worker", false, &error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Answers a known address with an unknown method.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let message = format!("`{}` does not take {method}", uri.path().escape_debug());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).hint("see /openapi.json")
}

const HEADERS: [(header::HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// The outermost layer: request id, bodies of errors, headers of every answer.
pub(crate) async fn finish(State(ids): State<Arc<RequestIds>>, request: Request, next: Next) -> Response {
    let id = ids.next();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        if error.status.is_server_error() {
            let cause = error.cause.as_deref().unwrap_or("");
            tracing::warn!(request.id = id, %method, path, status = error.status.as_u16(), code = error.code, cause, "request failed");
        }
        response = written(&error, &id, response);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", value);
    }
    response
}

fn written(error: &ApiError, id: &str, response: Response) -> Response {
    let detail = ErrorDetail {
        code: error.code.into(),
        message: error.message.clone(),
        hint: error.hint.clone(),
        request_id: id.into(),
    };
    let (mut parts, _) = response.into_parts();
    for stale in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE] {
        parts.headers.remove(stale);
    }
    let mut response = axum::Json(Error { error: detail }).into_response();
    *response.status_mut() = error.status;
    for (name, value) in &parts.headers {
        response.headers_mut().insert(name, value.clone());
    }
    if let Some(seconds) = error.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
