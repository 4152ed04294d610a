//! The runner's side: a session, a long poll for the job, picking it up, reports, the end.
//!
//! All of it needs the secret of the runner's JIT configuration. Every open request counts as a connection of the
//! listener; without one its runner is offline after a while, and its job lost.

use super::{
    State,
    answer::{self, Answer, Refusal},
    auth,
};
use crate::{
    SharedWorld,
    runner::protocol::{Finish, JobMessage, Report, Session},
    world::{Phase, World, WorldError},
};
use axum::{
    Router,
    body::Bytes,
    extract::{self, Path, Query},
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use trunkline_model::{Conclusion, JobId, RunnerId};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/runners/{id}/session", post(session))
        .route("/runners/{id}/job", get(job))
        .route("/runners/{id}/jobs/{job}/start", post(start))
        .route("/runners/{id}/jobs/{job}/steps", post(steps))
        .route("/runners/{id}/jobs/{job}/cancelled", get(cancelled))
        .route("/runners/{id}/jobs/{job}/finish", post(finish))
}

type Shared = extract::State<State>;

/// Longest long poll.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A connection of the listener: it ends when dropped, also when the client goes away.
struct Presence {
    world: SharedWorld,
    id: RunnerId,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.world.with(|world| world.listener_left(self.id));
    }
}

/// Checks the secret. While GitHub is down runners cannot reach it either.
fn check(state: &State, headers: &HeaderMap, id: u64) -> Result<RunnerId, Refusal> {
    if state.faults.get().is_down(state.world.now()) {
        return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "GitHub is down".into()));
    }
    let secret = auth::bearer(headers).ok_or_else(|| Refusal::unauthorized("Bad credentials"))?;
    state.world.with(|world| world.check_secret(RunnerId(id), secret))?;
    Ok(RunnerId(id))
}

fn enter(state: &State, headers: &HeaderMap, id: u64) -> Result<Presence, Refusal> {
    let id = check(state, headers, id)?;
    state.world.with(|world| world.listener_joined(id))?;
    Ok(Presence { world: state.world.clone(), id })
}

fn read<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))
}

async fn session(extract::State(state): Shared, Path(id): Path<u64>, headers: HeaderMap) -> Answer {
    let id = check(&state, &headers, id)?;
    let secret = auth::bearer(&headers).unwrap_or_default();
    state.world.with(|world| world.connect_listener(id, secret))?;
    let idle_seconds = state.config.pace.real(state.config.runner_idle).as_secs_f64();
    answer::with(StatusCode::CREATED, json!(Session { idle_seconds }))
}

#[derive(Debug, Default, Deserialize)]
struct Wait {
    wait: Option<u64>,
}

/// Looks until there is something, the wait is over, or the server stops.
async fn until<T>(
    state: &State,
    wait: &Wait,
    mut look: impl FnMut(&mut World) -> Result<Option<T>, WorldError>,
) -> Result<Option<T>, Refusal> {
    let wait = Duration::from_secs(wait.wait.unwrap_or(0)).min(LONGEST_WAIT);
    let deadline = tokio::time::sleep(wait);
    tokio::pin!(deadline);
    let mut changes = state.world.changes();
    loop {
        changes.mark_unchanged();
        if let Some(found) = state.world.with(&mut look)? {
            return Ok(Some(found));
        }
        tokio::select! {
            () = &mut deadline => return Ok(None),
            () = state.shutdown.cancelled() => return Ok(None),
            changed = changes.changed() => if changed.is_err() { return Ok(None) },
        }
    }
}

async fn job(
    extract::State(state): Shared,
    Path(id): Path<u64>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Answer {
    let presence = enter(&state, &headers, id)?;
    match until(&state, &wait, |world| world.job_for(presence.id)).await? {
        Some(job) => answer::ok(json!({ "id": job })),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn start(
    extract::State(state): Shared,
    Path((id, job)): Path<(u64, u64)>,
    headers: HeaderMap,
) -> Answer {
    let presence = enter(&state, &headers, id)?;
    let message = state.world.with(|world| {
        world.pick_up(presence.id, JobId(job))?;
        let job = world.job(JobId(job)).ok_or(WorldError::NotFound)?;
        Ok::<_, WorldError>(JobMessage {
            id: job.job.id,
            name: job.job.full_name(),
            run_seconds: state.config.pace.real(job.spec.duration).as_secs_f64(),
            conclusion: job.spec.conclusion,
        })
    })?;
    answer::ok(json!(message))
}

async fn steps(
    extract::State(state): Shared,
    Path((id, job)): Path<(u64, u64)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let presence = enter(&state, &headers, id)?;
    let Report { log } = read(&body)?;
    state.world.with(|world| world.report(presence.id, JobId(job), &log))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 200 once the job is to stop, 204 when the wait is over.
async fn cancelled(
    extract::State(state): Shared,
    Path((id, job)): Path<(u64, u64)>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Answer {
    let presence = enter(&state, &headers, id)?;
    let stop = until(&state, &wait, |world| match world.job(JobId(job)) {
        Some(job) if job.phase == Phase::Running(presence.id) => Ok(job.cancel_requested.then_some(())),
        _ => Err(WorldError::Conflict("The job is not on this runner".into())),
    });
    match stop.await? {
        Some(()) => answer::ok(json!({})),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn finish(
    extract::State(state): Shared,
    Path((id, job)): Path<(u64, u64)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let presence = enter(&state, &headers, id)?;
    let Finish { conclusion, log } = read(&body)?;
    state.world.with(|world| {
        world.report(presence.id, JobId(job), &log)?;
        let stopped = world.job(JobId(job)).is_some_and(|job| job.cancel_requested);
        let conclusion = if stopped { Conclusion::Cancelled } else { conclusion };
        world.finish_job(presence.id, JobId(job), conclusion)
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
