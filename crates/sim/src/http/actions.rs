//! Runs and jobs.

use super::{
    State,
    answer::{self, Answer, Page, Refusal},
};
use crate::world::{Phase, SimRun, World, payload};
use axum::{
    Router,
    extract::{self, Path, Query},
    http::{HeaderValue, StatusCode, Uri, header},
    response::IntoResponse as _,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use trunkline_model::{JobId, RepoName, RunId};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/repos/{owner}/{repo}/actions/runs", get(runs))
        .route("/repos/{owner}/{repo}/actions/runs/{id}", get(run))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/jobs", get(run_jobs))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/cancel", post(cancel))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/rerun-failed-jobs", post(rerun))
        .route("/repos/{owner}/{repo}/actions/jobs/{id}", get(job))
        .route("/repos/{owner}/{repo}/actions/jobs/{id}/logs", get(logs))
}

type Shared = extract::State<State>;
type OfRepo = Path<(String, String, u64)>;

/// Who re-runs and cancels by the API.
const APP: &str = "trunkline[bot]";
/// GitHub lists at most so many runs that fit a filter.
const MAX_FOUND: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
struct Filter {
    status: Option<String>,
    branch: Option<String>,
    event: Option<String>,
    head_sha: Option<String>,
}

impl Filter {
    /// `status` may also be a conclusion.
    fn fits(&self, run: &SimRun) -> bool {
        let run = &run.run;
        let same =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let conclusion = run.conclusion.map(|conclusion| conclusion.as_str());
        let status = self.status.as_ref();
        status.is_none_or(|wanted| *wanted == run.status || conclusion == Some(wanted.as_str()))
            && same(&self.branch, run.head_branch.as_deref().unwrap_or_default())
            && same(&self.event, &run.event)
            && same(&self.head_sha, run.head_sha.as_str())
    }
}

async fn runs(
    extract::State(state): Shared,
    Path((owner, repo)): Path<(String, String)>,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    let (total, runs, more) = state.world.with(|world| {
        let repo = world.repo(&name).ok_or_else(Refusal::not_found)?;
        let newest_first = world.runs().rev().filter(|run| run.run.repo.same(&name) && filter.fits(run));
        let found: Vec<_> = newest_first.take(MAX_FOUND).collect();
        let total = found.len();
        let (page, more) = page.cut(found);
        let runs: Vec<_> = page.into_iter().map(|run| payload::run(run, repo)).collect();
        Ok::<_, Refusal>((total, runs, more))
    })?;
    page.answer(&state, &uri, json!({ "total_count": total, "workflow_runs": runs }), more)
}

/// The run of a path, if it is of that repository.
fn find<'a>(world: &'a World, repo: &RepoName, id: u64) -> Result<&'a SimRun, Refusal> {
    world.run(RunId(id)).filter(|run| run.run.repo.same(repo)).ok_or_else(Refusal::not_found)
}

async fn run(extract::State(state): Shared, Path((owner, repo, id)): OfRepo) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    answer::ok(state.world.with(|world| {
        let repo = world.repo(&name).ok_or_else(Refusal::not_found)?;
        Ok::<_, Refusal>(payload::run(find(world, &name, id)?, repo))
    })?)
}

#[derive(Debug, Default, Deserialize)]
struct Which {
    filter: Option<String>,
}

async fn run_jobs(
    extract::State(state): Shared,
    Path((owner, repo, id)): OfRepo,
    Query(which): Query<Which>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    let every = which.filter.as_deref() == Some("all");
    let (total, jobs, more) = state.world.with(|world| {
        let run = find(world, &name, id)?;
        let jobs = run.jobs.iter().filter_map(|job| world.job(*job));
        let found: Vec<_> = jobs.filter(|job| every || job.job.run_attempt == run.run.attempt).collect();
        let total = found.len();
        let (page, more) = page.cut(found);
        let jobs: Vec<_> = page.into_iter().map(|job| payload::job(job, world.now())).collect();
        Ok::<_, Refusal>((total, jobs, more))
    })?;
    page.answer(&state, &uri, json!({ "total_count": total, "jobs": jobs }), more)
}

async fn cancel(extract::State(state): Shared, Path((owner, repo, id)): OfRepo) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    state.world.with(|world| {
        let id = find(world, &name, id)?.run.id;
        world.cancel_run(id).map_err(Refusal::from)
    })?;
    answer::with(StatusCode::ACCEPTED, json!({}))
}

async fn rerun(extract::State(state): Shared, Path((owner, repo, id)): OfRepo) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    state.world.with(|world| {
        let id = find(world, &name, id)?.run.id;
        world.rerun_failed_jobs(id, APP).map_err(Refusal::from)
    })?;
    answer::with(StatusCode::CREATED, json!({}))
}

async fn job(extract::State(state): Shared, Path((owner, repo, id)): OfRepo) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    let found = state.world.with(|world| {
        let job = world.job(JobId(id)).filter(|job| job.job.repo.same(&name));
        job.map(|job| payload::job(job, world.now()))
    });
    answer::ok(found.ok_or_else(Refusal::not_found)?)
}

/// GitHub redirects to where the log is stored.
async fn logs(extract::State(state): Shared, Path((owner, repo, id)): OfRepo) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    let ready = state.world.with(|world| {
        let job = world.job(JobId(id)).filter(|job| job.job.repo.same(&name));
        job.is_some_and(|job| job.phase == Phase::Done && job.job.runner_id.is_some())
    });
    if !ready {
        return Err(Refusal::not_found());
    }
    let to =
        HeaderValue::from_str(&format!("{}/_sim/logs/{id}", state.base)).map_err(|_| Refusal::not_found())?;
    Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}
