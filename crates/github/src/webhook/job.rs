//! `workflow_job`. The REST object of a job has the same fields.

use super::parts::{Repository, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{Conclusion, Job, JobId, JobStatus, Label, RepoName, RunId, Sha, Step};

#[derive(Deserialize)]
struct Payload {
    workflow_job: RawJob,
    repository: Repository,
    #[serde(default)]
    deployment: Option<Deployment>,
}

#[derive(Deserialize)]
struct Deployment {
    #[serde(default)]
    updated_at: Option<Timestamp>,
}

/// GitHub's job object.
#[derive(Deserialize)]
pub(crate) struct RawJob {
    id: u64,
    run_id: u64,
    #[serde(default)]
    run_attempt: Option<u32>,
    name: String,
    #[serde(default)]
    workflow_name: Option<String>,
    head_sha: Sha,
    #[serde(default)]
    head_branch: Option<String>,
    status: String,
    #[serde(default)]
    conclusion: Option<Conclusion>,
    #[serde(default, deserialize_with = "nullable")]
    labels: Vec<String>,
    #[serde(default)]
    runner_id: Option<u64>,
    #[serde(default)]
    runner_name: Option<String>,
    #[serde(default)]
    runner_group_id: Option<u64>,
    #[serde(default)]
    runner_group_name: Option<String>,
    #[serde(default)]
    created_at: Option<Timestamp>,
    #[serde(default)]
    started_at: Option<Timestamp>,
    #[serde(default)]
    completed_at: Option<Timestamp>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    steps: Vec<Step>,
}

impl RawJob {
    /// The model's job. Words for "not yet running" that we do not know are read as queued: a runner too many costs
    /// less than a job that is never served. GitHub sends runner id 0 for "none".
    pub(crate) fn into_job(self, repo: RepoName, gate_updated_at: Option<Timestamp>) -> Job {
        let status = match self.status.as_str() {
            "waiting" => JobStatus::Waiting,
            "in_progress" => JobStatus::InProgress,
            "completed" => JobStatus::Completed,
            _ => JobStatus::Queued,
        };
        let created_at = self.created_at.or(self.started_at).unwrap_or(Timestamp::UNIX_EPOCH);
        Job {
            repo,
            id: JobId(self.id),
            run_id: RunId(self.run_id),
            run_attempt: self.run_attempt.unwrap_or(1).max(1),
            name: self.name,
            workflow_name: self.workflow_name.unwrap_or_default(),
            head_sha: self.head_sha,
            head_branch: self.head_branch,
            status,
            conclusion: self.conclusion.filter(|_| status == JobStatus::Completed),
            labels: self.labels.iter().filter_map(|label| label.parse::<Label>().ok()).collect(),
            runner_id: self.runner_id.filter(|id| *id != 0),
            runner_name: self.runner_name.filter(|name| !name.is_empty()),
            runner_group_id: self.runner_group_id,
            runner_group_name: self.runner_group_name,
            created_at,
            started_at: self.started_at,
            completed_at: self.completed_at.filter(|_| status == JobStatus::Completed),
            gate_updated_at,
            html_url: self.html_url.unwrap_or_default(),
            steps: self.steps,
        }
    }
}

pub(super) fn read(body: &[u8]) -> Result<Job, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let repo = payload.repository.full_name.parse().map_err(unfit)?;
    Ok(payload.workflow_job.into_job(repo, payload.deployment.and_then(|deployment| deployment.updated_at)))
}
