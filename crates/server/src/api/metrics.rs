//! `/metrics`, for Prometheus.

use crate::{app::Shared, error::ApiError, metrics::FleetLabel};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

pub(super) async fn metrics(State(app): State<Shared>) -> Result<Response, ApiError> {
    let last_seq = app.last_seq();
    app.metrics.log(last_seq, app.intake.in_flight_bytes(), app.live.streams());
    if let Some(lag) = app.progress.lag(last_seq, app.clock.now()) {
        app.metrics.lag(lag.events, lag.seconds);
    }
    if let Some(fleet) = &app.fleet {
        // The other metrics matter most when the store is unwell.
        match fleet.status().await {
            Ok(status) => app.metrics.fleet(status.labels.iter().map(|label| FleetLabel {
                label: &label.label,
                queued: label.queued,
                oldest_queued_seconds: label.oldest_queued_seconds.unwrap_or(0),
                states: [
                    ("planned", label.planned),
                    ("booting", label.booting),
                    ("idle", label.idle),
                    ("busy", label.busy),
                ],
            })),
            Err(error) => tracing::warn!(error = crate::error::chain(&error), "fleet metrics are left out"),
        }
    }
    let text = app.metrics.text().map_err(|error| {
        ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "metrics cannot be written")
            .cause(&error)
    })?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], text).into_response())
}
