//! `workflow_run`. The REST object of a run has the same fields.

use super::parts::{Repository, User, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{Conclusion, PrNumber, RepoName, Run, RunId, Sha};

#[derive(Deserialize)]
struct Payload {
    workflow_run: RawRun,
    repository: Repository,
}

/// GitHub's run object.
#[derive(Deserialize)]
pub(crate) struct RawRun {
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

impl RawRun {
    /// The model's run.
    pub(crate) fn into_run(self, repo: RepoName) -> Run {
        Run {
            repo,
            id: RunId(self.id),
            attempt: self.run_attempt.unwrap_or(1).max(1),
            name: self.name.unwrap_or_default(),
            workflow_id: self.workflow_id,
            event: self.event,
            status: self.status.unwrap_or_else(|| "queued".into()),
            conclusion: self.conclusion,
            head_sha: self.head_sha,
            head_branch: self.head_branch,
            head_repo: self.head_repository.map(|repository| repository.full_name),
            actor: self.actor.map(|user| user.login),
            triggering_actor: self.triggering_actor.map(|user| user.login),
            pull_requests: self.pull_requests.into_iter().map(|pr| PrNumber(pr.number)).collect(),
            created_at: self.created_at,
            run_started_at: self.run_started_at,
            updated_at: self.updated_at,
            html_url: self.html_url,
        }
    }
}

pub(super) fn read(body: &[u8]) -> Result<Run, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    Ok(payload.workflow_run.into_run(payload.repository.full_name.parse().map_err(unfit)?))
}
