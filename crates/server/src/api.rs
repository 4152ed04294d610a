//! The API, one file per endpoint, and its OpenAPI description.

mod cell;
mod commits;
mod description;
mod fleet;
mod grid;
mod health;
mod job;
mod metrics;
mod repos;
mod status;
mod stream;
#[cfg(test)]
mod tests;

use crate::app::Shared;
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
    routing::get,
};
pub use description::openapi_json;
use std::time::Instant;
pub(crate) use stream::announce;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Documented routes.
pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(description::Description::openapi())
        .routes(routes!(repos::repos))
        .routes(routes!(grid::grid))
        .routes(routes!(commits::commit))
        .routes(routes!(cell::cell))
        .routes(routes!(fleet::fleet))
        .routes(routes!(status::status))
        .routes(routes!(status::loops))
        .routes(routes!(stream::stream))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// Routes for machines that need no description.
pub(crate) fn plain_routes() -> Router<Shared> {
    Router::new().route("/metrics", get(metrics::metrics)).route("/openapi.json", get(description::serve))
}

/// Counts requests by route.
pub(crate) async fn measure(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method =
        if request.method().as_str().len() <= 7 { request.method().to_string() } else { "other".into() };
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let route = route.as_deref().unwrap_or("pages");
    app.metrics.request(&method, route, response.status().as_u16(), start.elapsed());
    response
}
