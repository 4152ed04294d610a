//! The HTTP face: the part of GitHub's REST API that the product asks, and what its own runner program needs.

use super::{FakeGitHub, FakeRunner, Refusal, RunnerNews, payload::job_object};
use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trunkline_model::{JobId, Label, Rng, RunId, SharedClock};

/// The fake GitHub as it is shared by its HTTP face and its driver.
#[derive(Debug, Clone)]
pub struct Shared {
    world: Arc<Mutex<FakeGitHub>>,
    rng: Arc<Mutex<Rng>>,
    token: Arc<str>,
    /// Where runners connect to.
    url: Arc<str>,
    clock: SharedClock,
    pace: f64,
}

impl Shared {
    /// `pace`: simulated seconds per real second; `url`: where the router is served.
    pub fn new(world: FakeGitHub, rng: Rng, token: &str, url: &str, clock: SharedClock, pace: u16) -> Self {
        let (world, rng) = (Arc::new(Mutex::new(world)), Arc::new(Mutex::new(rng)));
        Self { world, rng, token: token.into(), url: url.into(), clock, pace: f64::from(pace.max(1)) }
    }

    /// The state.
    pub fn world(&self) -> MutexGuard<'_, FakeGitHub> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes.
pub fn router(shared: Shared) -> Router {
    let runners = "/repos/{owner}/{name}/actions/runners";
    let api = Router::new()
        .route(runners, get(list_runners))
        .route(&format!("{runners}/generate-jitconfig"), post(generate_jit))
        .route(&format!("{runners}/{{id}}"), get(get_runner).delete(delete_runner))
        .route("/repos/{owner}/{name}/actions/jobs/{id}", get(get_job))
        .route("/repos/{owner}/{name}/actions/runs", get(list_runs))
        .route("/repos/{owner}/{name}/actions/runs/{id}/jobs", get(run_jobs))
        .route("/rate_limit", get(rate_limit))
        .layer(middleware::from_fn_with_state(shared.clone(), authorise));
    api.route("/_sim/runner", get(runner_news)).with_state(shared)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn authorise(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if bearer(request.headers()) != Some(&*shared.token) {
        return refuse(StatusCode::UNAUTHORIZED, "Bad credentials");
    }
    next.run(request).await
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

fn missing() -> Response {
    refuse(StatusCode::NOT_FOUND, "Not Found")
}

fn runner_object(runner: &FakeRunner) -> Value {
    let labels: Vec<Value> =
        runner.labels.iter().map(|label| json!({"name": label, "type": "custom"})).collect();
    json!({
        "id": runner.id, "name": runner.name, "os": "linux", "status": if runner.online { "online" } else { "offline" },
        "busy": runner.job.is_some(), "labels": labels, "runner_group_id": 1, "ephemeral": true,
    })
}

async fn list_runners(State(shared): State<Shared>) -> Response {
    let runners: Vec<Value> = shared.world().runners().map(runner_object).collect();
    Json(json!({"total_count": runners.len(), "runners": runners})).into_response()
}

async fn get_runner(State(shared): State<Shared>, Path((_, _, id)): Path<(String, String, u64)>) -> Response {
    let world = shared.world();
    world
        .runners()
        .find(|runner| runner.id == id)
        .map_or_else(missing, |r| Json(runner_object(r)).into_response())
}

async fn delete_runner(
    State(shared): State<Shared>,
    Path((_, _, id)): Path<(String, String, u64)>,
) -> Response {
    match shared.world().remove(id) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(Refusal::Busy) => refuse(StatusCode::UNPROCESSABLE_ENTITY, "Runner is currently running a job"),
        Err(_) => missing(),
    }
}

#[derive(Deserialize)]
struct JitRequest {
    name: String,
    #[serde(rename = "runner_group_id")]
    _group: u64,
    labels: Vec<Label>,
}

async fn generate_jit(State(shared): State<Shared>, Json(wanted): Json<JitRequest>) -> Response {
    let secret = shared.rng.lock().unwrap_or_else(PoisonError::into_inner).hex(32);
    let mut world = shared.world();
    let Ok(runner) = world.register(&wanted.name, wanted.labels, secret.clone()) else {
        return refuse(StatusCode::CONFLICT, "Already exists");
    };
    let part = |value: Value| STANDARD.encode(value.to_string());
    let config = json!({
        ".runner": part(json!({"serverUrl": &*shared.url, "agentName": runner.name, "agentId": runner.id})),
        ".credentials": part(json!({"secret": secret})),
    });
    let body = json!({"runner": runner_object(runner), "encoded_jit_config": part(config)});
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn get_job(State(shared): State<Shared>, Path((_, _, id)): Path<(String, String, u64)>) -> Response {
    let world = shared.world();
    world.job(JobId(id)).map_or_else(missing, |job| Json(job_object(job)).into_response())
}

async fn list_runs(State(shared): State<Shared>) -> Response {
    let runs: Vec<Value> = shared.world().queued_runs().into_iter().map(|id| json!({"id": id})).collect();
    Json(json!({"total_count": runs.len(), "workflow_runs": runs})).into_response()
}

async fn run_jobs(State(shared): State<Shared>, Path((_, _, id)): Path<(String, String, u64)>) -> Response {
    let jobs: Vec<Value> = shared.world().jobs_of(RunId(id)).into_iter().map(job_object).collect();
    Json(json!({"total_count": jobs.len(), "jobs": jobs})).into_response()
}

async fn rate_limit() -> Response {
    Json(json!({"resources": {"core": {"limit": 5000, "remaining": 4990, "reset": 0, "used": 10}}}))
        .into_response()
}

/// A runner asks what to do: 200 with real seconds to work, 204 to ask again, 410 to exit.
async fn runner_news(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let Some(secret) = bearer(&headers) else { return refuse(StatusCode::UNAUTHORIZED, "Bad credentials") };
    match shared.world().runner_news(secret) {
        RunnerNews::Gone => StatusCode::GONE.into_response(),
        RunnerNews::Wait => StatusCode::NO_CONTENT.into_response(),
        RunnerNews::Work(job, ends) => {
            let left = ends.duration_since(shared.clock.now()).as_secs_f64().max(0.0) / shared.pace;
            Json(json!({"job": job, "seconds_left": left})).into_response()
        }
    }
}
