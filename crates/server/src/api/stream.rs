//! Live updates as server-sent events.

use super::{fleet, status};
use crate::{app::Shared, error::ApiError, live::Message, request::Shutdown};
use axum::{
    Extension,
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderValue};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

const HEARTBEAT: Duration = Duration::from_secs(15);
const ANNOUNCE: Duration = Duration::from_secs(1);
/// Browsers connect again after so many milliseconds.
const RETRY: Duration = Duration::from_millis(1_000);

/// Streams live updates as server-sent events.
///
/// Events: `commits` (data: `CommitsChanged`), `fleet` (data: `FleetTotals`), `status` (data: `Status`). A comment each 15
/// seconds shows that the stream lives. With `Last-Event-ID` the latest missed `commits` events come first. A reader that
/// cannot follow is disconnected.
#[utoipa::path(get, path = "/api/v1/stream", tag = "hud",
    params(("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen; anything unknown is ignored")),
    responses(
        (status = 200, description = "The stream", content_type = "text/event-stream", body = String),
        (status = 503, description = "Too many streams", body = crate::error::Error),
    )
)]
pub(super) async fn stream(
    State(app): State<Shared>,
    shutdown: Option<Extension<Shutdown>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let subscription = app.live.subscribe(last_id).ok_or_else(|| {
        ApiError::unavailable("too_many_streams", "too many pages watch already")
            .hint("poll every minute instead")
    })?;
    let hello = stream::iter([Ok(Event::default().retry(RETRY).comment("connected"))]);
    let missed = stream::iter(subscription.missed.clone()).map(|message| Ok(event(&message)));
    let live = stream::unfold(subscription, |mut subscription| async move {
        match subscription.receiver.recv().await {
            Ok(message) => Some((Ok(event(&message)), subscription)),
            // It connects again and fetches everything, which is cheaper than what it missed.
            Err(RecvError::Lagged(_) | RecvError::Closed) => None,
        }
    });
    let stop = shutdown.map_or_else(CancellationToken::new, |Extension(shutdown)| shutdown.0);
    let stream = hello.chain(missed).chain(live).take_until(stop.cancelled_owned());
    Ok(answer(stream))
}

fn answer(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response =
        Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")).into_response();
    // Some proxies hold answers back to send them in one piece.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn event(message: &Message) -> Event {
    let event = Event::default().event(message.event).data(&message.data);
    match message.id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

/// Tells those who watch how the fleet and Trunkline itself are doing, until shutdown.
pub(crate) async fn announce(app: Shared, shutdown: CancellationToken) {
    let mut last_fleet = String::new();
    loop {
        // Cancel-safe: nothing is under way between turns.
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(ANNOUNCE) => {}
        }
        if app.live.streams() == 0 {
            continue;
        }
        if let Some(text) = fleet_totals(&app).await.filter(|text| *text != last_fleet) {
            app.live.send("fleet", text.clone());
            last_fleet = text;
        }
        match status::current(&app).await {
            Ok(status) => app.live.send("status", serde_json::to_string(&status).unwrap_or_default()),
            Err(error) => tracing::debug!(code = error.code, "status is not announced"),
        }
    }
}

async fn fleet_totals(app: &Arc<crate::app::Parts>) -> Option<String> {
    match fleet::current(app).await {
        Ok(fleet) => serde_json::to_string(&fleet.totals).ok(),
        Err(error) => {
            tracing::debug!(code = error.code, "fleet is not announced");
            None
        }
    }
}
