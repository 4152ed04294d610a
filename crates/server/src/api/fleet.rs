//! Runners and queues.

use crate::{app::Shared, error::ApiError};
use axum::{Json, extract::State};
use jiff::SignedDuration;
use serde::Serialize;
use trunkline_fleet::FleetStatus;
use utoipa::ToSchema;

/// Jobs older than this are ghosts whose end was never told.
const QUEUE_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Runners and queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fleet {
    /// Runner types with demand or supply.
    labels: Vec<FleetLabel>,
    /// Live runners, oldest first.
    runners: Vec<FleetRunner>,
    /// Sums.
    pub(super) totals: FleetTotals,
}

/// Demand and supply of one runner type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct FleetLabel {
    /// Its name.
    label: String,
    /// Jobs that wait.
    queued: u64,
    /// How long the oldest of them waits.
    #[schema(required)]
    oldest_queued_seconds: Option<i64>,
    /// Decided, nothing done yet.
    planned: u32,
    /// Starting.
    booting: u32,
    /// Waiting for a job.
    idle: u32,
    /// With a job.
    busy: u32,
    /// Most at once; absent is unlimited.
    #[schema(required)]
    max: Option<u32>,
}

/// One runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct FleetRunner {
    /// Name at GitHub.
    name: String,
    /// Type.
    #[serde(rename = "type")]
    runner_type: String,
    /// `planned`, `booting`, `idle`, `busy`, `finished` or `gone`.
    state: String,
    /// Who runs the machine.
    provider: String,
    /// Id of its job.
    #[schema(required)]
    job: Option<String>,
    /// Seconds since it was decided.
    age_seconds: i64,
    /// Why it stands where it stands.
    #[schema(required)]
    reason: Option<String>,
}

/// Sums over all runner types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FleetTotals {
    /// Jobs that wait.
    queued: u64,
    /// Runners planned or starting.
    booting: u32,
    /// Runners waiting for a job.
    idle: u32,
    /// Runners with a job.
    busy: u32,
}

/// Shows runners and queues. Without a fleet of its own, Trunkline shows the queues it sees.
#[utoipa::path(get, path = "/api/v1/fleet", tag = "fleet", responses(
    (status = 200, description = "Runners and queues", body = Fleet),
    (status = 503, description = "The state cannot be reached", body = crate::error::Error),
))]
pub(super) async fn fleet(State(app): State<Shared>) -> Result<Json<Fleet>, ApiError> {
    Ok(Json(current(&app).await?))
}

pub(super) async fn current(app: &Shared) -> Result<Fleet, ApiError> {
    match &app.fleet {
        Some(fleet) => Ok(of_status(fleet.status().await?)),
        None => queues(app).await,
    }
}

fn of_status(status: FleetStatus) -> Fleet {
    let labels = status.labels.into_iter().map(|label| FleetLabel {
        label: label.label,
        queued: u64::from(label.queued),
        oldest_queued_seconds: label.oldest_queued_seconds,
        planned: label.planned,
        booting: label.booting,
        idle: label.idle,
        busy: label.busy,
        max: label.max,
    });
    let runners = status.runners.into_iter().map(|runner| FleetRunner {
        name: runner.name.to_string(),
        runner_type: runner.runner_type,
        state: runner.state.as_str().into(),
        provider: runner.provider,
        job: runner.job.map(|job| job.to_string()),
        age_seconds: runner.age_seconds,
        reason: Some(runner.reason).filter(|reason| !reason.is_empty()),
    });
    let totals = FleetTotals {
        queued: u64::from(status.totals.queued),
        booting: status.totals.booting,
        idle: status.totals.idle,
        busy: status.totals.busy,
    };
    Fleet { labels: labels.collect(), runners: runners.collect(), totals }
}

async fn queues(app: &Shared) -> Result<Fleet, ApiError> {
    let now = app.clock.now();
    let since = now.checked_sub(QUEUE_WINDOW).unwrap_or(now);
    let queues = app.warehouse.queue_now(None, since).await?;
    let labels: Vec<FleetLabel> = queues
        .into_iter()
        .map(|queue| FleetLabel {
            label: queue.label,
            queued: queue.queued,
            oldest_queued_seconds: Some(now.duration_since(queue.oldest_at).as_secs().max(0)),
            planned: 0,
            booting: 0,
            idle: 0,
            busy: 0,
            max: None,
        })
        .collect();
    let queued = labels.iter().map(|label| label.queued).sum();
    Ok(Fleet { labels, runners: Vec::new(), totals: FleetTotals { queued, ..FleetTotals::default() } })
}
