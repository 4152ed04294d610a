//! `POST /webhooks/github`: verify, bound, dedupe, append; only then acknowledge.
//!
//! Order, and why: the source's standing and the shape of the signature header cost nothing, so they come before the body is
//! read. The body is read within bounds of size, time and memory. The signature is checked over the raw bytes before anything
//! is parsed. Then the headers and the text are checked, the log takes the delivery, and the answer follows.
//!
//! A source whose requests keep failing verification runs out of its budget. From then on requests without a well-formed
//! signature are refused unread; the others go through the *penalty lane*: a quarter of the memory, half of the time, one
//! verification at a time. So a flood costs little, and valid deliveries get through even from the flooding address. Requests
//! that verify are never counted.

mod budget;
mod headers;
mod payload;
mod read;
mod rejection;
mod sources;
#[cfg(test)]
mod tests;

use crate::{app::Shared, config::IntakeLimits, error::ApiError, request::source};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use budget::Budget;
use bytes::Bytes;
use headers::Envelope;
use http::{HeaderMap, StatusCode};
pub(crate) use rejection::Rejection;
use serde::Serialize;
use sources::{Sources, Standing};
use std::time::Instant;
use tokio::{sync::Semaphore, time::timeout};
use trunkline_github::webhook::signature::{self, Secrets};
use trunkline_store::NewEvent;
use utoipa::ToSchema;

/// Source of these events in the log.
pub const SOURCE: &str = "github";

/// Bodies larger than this are verified and checked on a thread of their own.
const INLINE_BYTES: usize = 128 << 10;

/// The intake's state.
#[derive(Debug)]
pub(crate) struct Intake {
    limits: IntakeLimits,
    budget: Budget,
    sources: Sources,
    penalty_verifications: Semaphore,
}

/// Which way a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Normal,
    Penalty,
}

/// A delivery that is on disk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// The delivery's id.
    delivery: String,
    /// Its place in the event log.
    seq: i64,
    /// Whether it was there already.
    duplicate: bool,
}

impl Intake {
    pub(crate) fn new(limits: IntakeLimits) -> Self {
        Self {
            budget: Budget::new(limits.in_flight_bytes),
            sources: Sources::new(limits.failure_burst, limits.failures_per_second),
            penalty_verifications: Semaphore::new(1),
            limits,
        }
    }

    /// Bytes of bodies held now.
    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.budget.held()
    }
}

/// Takes one delivery.
#[utoipa::path(
    post,
    path = "/webhooks/github",
    tag = "intake",
    description = "Takes a signed delivery of a GitHub webhook (content type `application/json`). Answered once it is on disk.",
    params(
        ("X-GitHub-Event" = String, Header, description = "Name of the event; unknown ones are stored too"),
        ("X-GitHub-Delivery" = String, Header, description = "Id of the delivery; a repeated one is stored once"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and HMAC SHA-256 of the body"),
    ),
    request_body(content = Object, content_type = "application/json", description = "GitHub's payload, at most 25 MiB"),
    responses(
        (status = 202, description = "Stored", body = Accepted),
        (status = 400, description = "Header missing or wrong, or the body is no JSON object", body = crate::error::Error),
        (status = 401, description = "Signature missing, malformed or wrong", body = crate::error::Error),
        (status = 408, description = "The body came too slowly", body = crate::error::Error),
        (status = 413, description = "The body is too large", body = crate::error::Error),
        (status = 415, description = "Content type other than `application/json`", body = crate::error::Error),
        (status = 429, description = "Too many requests of this source failed verification", body = crate::error::Error),
        (status = 503, description = "Too much in flight, or the log cannot be written", body = crate::error::Error),
    )
)]
pub(crate) async fn receive(State(app): State<Shared>, request: Request) -> Response {
    let start = Instant::now();
    match accept(&app, request).await {
        Ok(accepted) => {
            let outcome = if accepted.duplicate { "duplicate" } else { "stored" };
            app.metrics.delivery(outcome, start.elapsed());
            (StatusCode::ACCEPTED, Json(accepted)).into_response()
        }
        Err(rejection) => {
            app.metrics.delivery(rejection.code(), start.elapsed());
            ApiError::from(rejection).into_response()
        }
    }
}

async fn accept(app: &Shared, request: Request) -> Result<Accepted, Rejection> {
    let intake = &app.intake;
    let (parts, body) = request.into_parts();
    let source = source(&parts, &app.config.trusted_proxies);
    let blame = |rejection: Rejection| {
        if rejection.counts_against_source() {
            intake.sources.failed(source, Instant::now());
        }
        rejection
    };
    let signature = headers::signature(&parts.headers);
    let lane = match (intake.sources.standing(source, Instant::now()), &signature) {
        (Standing::Good, _) => Lane::Normal,
        (Standing::Exhausted, Ok(_)) => Lane::Penalty,
        (Standing::Exhausted, Err(_)) => {
            return Err(Rejection::SourceExhausted {
                retry_after_seconds: intake.sources.recovery_seconds(),
            });
        }
    };
    let early = match signature {
        Ok(_) if read::declared(&parts.headers) > Some(intake.limits.body_bytes) => {
            Err(Rejection::TooLarge { limit_bytes: intake.limits.body_bytes })
        }
        other => other,
    };
    let signature = match early {
        Ok(signature) => signature,
        Err(rejection) => {
            // Most senders read the answer only after they have sent everything.
            read::discard(&parts.headers, body).await;
            return Err(blame(rejection));
        }
    };
    let (bytes, held) =
        read::whole(&parts.headers, body, &intake.limits, &intake.budget, lane).await.map_err(blame)?;
    app.metrics.received_bytes(bytes.len());
    let turn = match lane {
        Lane::Normal => None,
        Lane::Penalty => {
            let turn = timeout(intake.limits.body_time / 2, intake.penalty_verifications.acquire()).await;
            Some(turn.map_err(|_| Rejection::Busy)?)
        }
    };
    let envelope =
        checked(&app.config.secrets, signature, &parts.headers, bytes.clone()).await.map_err(blame)?;
    drop(turn);
    let delivery = envelope.delivery.clone();
    let stored =
        timeout(intake.limits.append_time, app.store.append(vec![event(app, envelope, bytes)])).await;
    drop(held);
    let appended = match stored {
        Ok(Ok(appended)) => appended,
        Ok(Err(error)) => return Err(Rejection::LogUnavailable { cause: crate::error::chain(&error) }),
        Err(_) => return Err(Rejection::LogUnavailable { cause: "no answer in time".into() }),
    };
    let Some(appended) = appended.first() else {
        return Err(Rejection::LogUnavailable { cause: "no answer for the event".into() });
    };
    tracing::debug!(
        delivery.id = delivery,
        event.seq = appended.seq,
        duplicate = appended.duplicate,
        "delivery stored"
    );
    Ok(Accepted { delivery, seq: appended.seq, duplicate: appended.duplicate })
}

/// Verifies the signature, then checks headers and text; large bodies do not keep others waiting.
async fn checked(
    secrets: &Secrets,
    signature: String,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Envelope, Rejection> {
    if body.len() <= INLINE_BYTES {
        return check(secrets, &signature, headers, &body);
    }
    let (secrets, headers) = (secrets.clone(), headers.clone());
    let worker = tokio::task::spawn_blocking(move || check(&secrets, &signature, &headers, &body));
    worker.await.unwrap_or(Err(Rejection::Busy))
}

fn check(
    secrets: &Secrets,
    signature: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Envelope, Rejection> {
    signature::verify(secrets, Some(signature), body).map_err(|_| Rejection::SignatureWrong)?;
    let envelope = headers::envelope(headers)?;
    payload::check(body)?;
    Ok(envelope)
}

fn event(app: &Shared, envelope: Envelope, body: Bytes) -> NewEvent {
    NewEvent {
        source: SOURCE.into(),
        kind: envelope.event,
        dedupe_key: Some(envelope.delivery),
        received_at: app.clock.now(),
        headers: envelope.others,
        body,
    }
}
