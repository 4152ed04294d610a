//! Alive? Able to serve?

use crate::{app::Shared, health::Readiness};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always true.
    alive: bool,
}

/// Answers while the process lives.
#[utoipa::path(get, path = "/healthz", tag = "status", responses((status = 200, description = "Alive", body = Alive)))]
pub(super) async fn healthz() -> Json<Alive> {
    Json(Alive { alive: true })
}

/// Answers whether requests can be served: store and warehouse work.
#[utoipa::path(get, path = "/readyz", tag = "status", responses(
    (status = 200, description = "Can serve", body = Readiness),
    (status = 503, description = "Cannot serve; the checks say why", body = Readiness),
))]
pub(super) async fn readyz(State(app): State<Shared>) -> (StatusCode, Json<Readiness>) {
    let readiness = app.health.check(&app).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}
