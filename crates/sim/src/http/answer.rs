//! Answers as GitHub gives them: refusals with `message`, pages with `Link`.

use super::State;
use crate::world::WorldError;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_model::RepoName;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

pub(super) type Answer = Result<Response, Refusal>;

impl Refusal {
    pub(super) fn not_found() -> Self {
        WorldError::NotFound.into()
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self(StatusCode::UNAUTHORIZED, message.into())
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        WorldError::Invalid(message.into()).into()
    }
}

impl From<WorldError> for Refusal {
    fn from(error: WorldError) -> Self {
        let status = match &error {
            WorldError::NotFound => StatusCode::NOT_FOUND,
            WorldError::Unauthorized => StatusCode::UNAUTHORIZED,
            WorldError::Forbidden(_) => StatusCode::FORBIDDEN,
            WorldError::Conflict(_) => StatusCode::CONFLICT,
            WorldError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "message": self.1,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.0.as_str(),
        });
        (self.0, Json(body)).into_response()
    }
}

/// The answer to paths that nobody knows.
pub(super) async fn not_found() -> Refusal {
    Refusal::not_found()
}

/// 200 with JSON.
pub(super) fn ok(body: Value) -> Answer {
    Ok(Json(body).into_response())
}

/// Another status with JSON.
pub(super) fn with(status: StatusCode, body: Value) -> Answer {
    Ok((status, Json(body)).into_response())
}

/// The repository of a path; its name may not fit the grammar, then there is none.
pub(super) fn repo(owner: &str, name: &str) -> Result<RepoName, Refusal> {
    format!("{owner}/{name}").parse().map_err(|_| Refusal::not_found())
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    page: usize,
    per_page: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { page: 1, per_page: 30 }
    }
}

impl Page {
    pub(super) fn per_page(self) -> usize {
        self.per_page.clamp(1, 100)
    }

    /// The page of a list, and whether others follow.
    pub(super) fn cut<T>(self, all: Vec<T>) -> (Vec<T>, bool) {
        let skipped = self.page.max(1).saturating_sub(1).saturating_mul(self.per_page());
        let more = all.len() > skipped.saturating_add(self.per_page());
        (all.into_iter().skip(skipped).take(self.per_page()).collect(), more)
    }

    /// The page with a link to the next one, when there is one.
    pub(super) fn answer(self, state: &State, uri: &Uri, body: Value, more: bool) -> Answer {
        if !more {
            return ok(body);
        }
        linked(state, uri, "page", &(self.page.max(1) + 1).to_string(), body)
    }
}

/// 200 with JSON and a `Link` to the next page.
pub(super) fn linked(state: &State, uri: &Uri, key: &str, value: &str, body: Value) -> Answer {
    let others = uri
        .query()
        .unwrap_or("")
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key));
    let mut query: Vec<String> = others.map(str::to_owned).collect();
    query.push(format!("{key}={value}"));
    let link = format!("<{}{}?{}>; rel=\"next\"", state.base, uri.path(), query.join("&"));
    let mut response = Json(body).into_response();
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
