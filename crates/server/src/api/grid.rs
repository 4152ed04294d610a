//! A page of the grid.

use crate::{
    app::Shared,
    error::ApiError,
    grid::{self, Encoding, PageQuery},
};
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

/// Most commits per page.
const MAX_PER_PAGE: u32 = 250;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GridParams {
    /// Branch; `main` when absent.
    branch: Option<String>,
    /// Commits, 1 to 250; 50 when absent.
    per_page: Option<u32>,
    /// Commits older than this one: `next` of the page before.
    before: Option<String>,
}

/// Shows commits of a branch and the states of their jobs, newest first.
///
/// Columns are job names in groups; a cell is one letter. Answers carry an entity tag: ask with `If-None-Match`.
#[utoipa::path(get, path = "/api/v1/repos/{owner}/{name}/grid", tag = "hud",
    params(("owner" = String, Path, description = "Owner"), ("name" = String, Path, description = "Repository"), GridParams),
    responses(
        (status = 200, description = "The page", body = grid::Grid),
        (status = 304, description = "Nothing changed"),
        (status = 400, description = "A parameter is wrong", body = crate::error::Error),
        (status = 404, description = "No such repository, branch or commit", body = crate::error::Error),
    )
)]
pub(super) async fn grid(
    State(app): State<Shared>,
    Path((owner, name)): Path<(String, String)>,
    params: Result<Query<GridParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(params) = params.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
    let per_page = params.per_page.unwrap_or(50);
    if !(1..=MAX_PER_PAGE).contains(&per_page) {
        let message = format!("`per_page` is {per_page}, not 1 to {MAX_PER_PAGE}");
        return Err(ApiError::bad_request("bad_parameter", message).hint("take several pages with `before`"));
    }
    let branch = parsed("branch", params.branch.as_deref().unwrap_or("main"))?;
    let before = params.before.as_deref().map(|sha| parsed("before", sha)).transpose()?;
    let repo = app.directory.find(&app, &owner, &name).await?;
    let page = grid::page(&app, PageQuery { repo, branch, before, limit: per_page }).await?;

    let encoding = Encoding::accepted(&headers);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut response = if known.split(',').any(|tag| tag.trim() == page.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = page.body(encoding).await?;
        let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Some(name) = encoding.name() {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&page.etag) {
        out.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Reads a parameter that has a grammar.
pub(super) fn parsed<T>(name: &str, text: &str) -> Result<T, ApiError>
where
    T: std::str::FromStr<Err = trunkline_model::InvalidId>,
{
    text.parse().map_err(|error| ApiError::bad_request("bad_parameter", format!("`{name}`: {error}")))
}
