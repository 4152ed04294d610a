//! What Trunkline itself is doing.

use crate::{app::Shared, error::ApiError, loops::LoopStatus};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What Trunkline itself is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// The program's version.
    version: String,
    /// The server's time: ages count from here.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// Deliveries.
    intake: IntakeStatus,
    /// Loops, by name.
    loops: Vec<LoopStatus>,
}

/// Deliveries.
#[derive(Debug, Serialize, ToSchema)]
struct IntakeStatus {
    /// Number of the newest event in the log.
    last_seq: i64,
    /// When it was received.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_received_at: Option<Timestamp>,
    /// Age of the oldest event that pages do not show yet; absent when nobody takes them in.
    #[schema(required)]
    lag_seconds: Option<f64>,
}

/// Status lines of the loops.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoopList {
    /// By name.
    loops: Vec<LoopStatus>,
}

/// Shows version, time, intake and loops.
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses(
    (status = 200, description = "Status", body = Status),
    (status = 503, description = "The store cannot be reached", body = crate::error::Error),
))]
pub(super) async fn status(State(app): State<Shared>) -> Result<Json<Status>, ApiError> {
    Ok(Json(current(&app).await?))
}

/// Shows what each loop did last.
#[utoipa::path(get, path = "/api/v1/loops", tag = "status", responses(
    (status = 200, description = "Loops by name", body = LoopList),
))]
pub(super) async fn loops(State(app): State<Shared>) -> Json<LoopList> {
    Json(LoopList { loops: app.loops.all() })
}

pub(super) async fn current(app: &Shared) -> Result<Status, ApiError> {
    let last_seq = app.last_seq();
    let newest = match app.progress.newest() {
        Some(known) if known.0 >= last_seq => Some(known.1),
        _ => app.store.event(last_seq).await?.map(|event| event.received_at),
    };
    if let Some(at) = newest {
        app.progress.set_newest(last_seq, at);
    }
    let now = app.clock.now();
    let lag_seconds = app.progress.lag(last_seq, now).map(|lag| lag.seconds);
    Ok(Status {
        version: app.config.version.clone(),
        as_of: now,
        intake: IntakeStatus { last_seq, last_received_at: newest, lag_seconds },
        loops: app.loops.all(),
    })
}
