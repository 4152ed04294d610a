//! `workflow_run`.

use super::parts::{Repository, User, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{Conclusion, PrNumber, Run, RunId, Sha};

#[derive(Deserialize)]
struct Payload {
    workflow_run: RawRun,
    repository: Repository,
}

#[derive(Deserialize)]
struct RawRun {
    id: u64,
    #[serde(default)]
    run_attempt: Option<u32>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    workflow_id: u64,
    #[serde(default)]
    event: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    conclusion: Option<Conclusion>,
    head_sha: Sha,
    #[serde(default)]
    head_branch: Option<String>,
    #[serde(default)]
    head_repository: Option<Repository>,
    #[serde(default)]
    actor: Option<User>,
    #[serde(default)]
    triggering_actor: Option<User>,
    #[serde(default, deserialize_with = "nullable")]
    pull_requests: Vec<Numbered>,
    created_at: Timestamp,
    #[serde(default)]
    run_started_at: Option<Timestamp>,
    updated_at: Timestamp,
    #[serde(default)]
    html_url: String,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

pub(super) fn read(body: &[u8]) -> Result<Run, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let run = payload.workflow_run;
    Ok(Run {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        id: RunId(run.id),
        attempt: run.run_attempt.unwrap_or(1).max(1),
        name: run.name.unwrap_or_default(),
        workflow_id: run.workflow_id,
        event: run.event,
        status: run.status.unwrap_or_else(|| "queued".into()),
        conclusion: run.conclusion,
        head_sha: run.head_sha,
        head_branch: run.head_branch,
        head_repo: run.head_repository.map(|repository| repository.full_name),
        actor: run.actor.map(|user| user.login),
        triggering_actor: run.triggering_actor.map(|user| user.login),
        pull_requests: run.pull_requests.into_iter().map(|pr| PrNumber(pr.number)).collect(),
        created_at: run.created_at,
        run_started_at: run.run_started_at,
        updated_at: run.updated_at,
        html_url: run.html_url,
    })
}
