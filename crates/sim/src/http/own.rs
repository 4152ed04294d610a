//! What is ours and not GitHub's: faults, the request log, stored logs.

use super::{
    State,
    answer::{self, Answer, Refusal},
    auth,
};
use crate::Faults;
use axum::{
    Router,
    body::Bytes,
    extract::{self, Path},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse as _,
    routing::get,
};
use serde_json::json;
use trunkline_model::JobId;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/faults", get(faults).post(set_faults))
        .route("/requests", get(requests))
        .route("/logs/{job}", get(log))
}

type Shared = extract::State<State>;

fn check(state: &State, headers: &HeaderMap) -> Result<(), Refusal> {
    let known = auth::bearer(headers).is_some_and(|token| auth::is_token(state, token));
    if known { Ok(()) } else { Err(Refusal::unauthorized("Bad credentials")) }
}

async fn faults(extract::State(state): Shared, headers: HeaderMap) -> Answer {
    check(&state, &headers)?;
    answer::ok(json!(state.faults.get()))
}

async fn set_faults(extract::State(state): Shared, headers: HeaderMap, body: Bytes) -> Answer {
    check(&state, &headers)?;
    let faults: Faults = serde_json::from_slice(&body)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("read the faults: {error}")))?;
    state.faults.set(faults);
    state.world.with(|world| world.set_outage(faults.is_down(world.now())));
    answer::ok(json!(faults))
}

async fn requests(extract::State(state): Shared, headers: HeaderMap) -> Answer {
    check(&state, &headers)?;
    answer::ok(json!(state.requests.all()))
}

/// Where GitHub would store logs; its links need no credentials.
async fn log(extract::State(state): Shared, Path(job): Path<u64>) -> Answer {
    let text = state.world.with(|world| world.job(JobId(job)).and_then(crate::world::SimJob::log));
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text.ok_or_else(Refusal::not_found)?).into_response())
}
