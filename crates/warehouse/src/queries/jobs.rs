//! Jobs with all their details.

use super::COMMIT_JOBS;
use crate::{Engine, Error, load::sha_key, params::Params, read::Answer};
use jiff::Timestamp;
use trunkline_model::{Conclusion, JobId, JobStatus, RepoName, RunId, Sha, Step};

/// A job with all its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Job.
    pub id: JobId,
    /// `workflow / job`.
    pub full_name: String,
    /// Its own name.
    pub name: String,
    /// Name of the workflow.
    pub workflow_name: String,
    /// Run.
    pub run_id: RunId,
    /// Attempt of the run.
    pub attempt: u32,
    /// Branch of the run.
    pub head_branch: Option<String>,
    /// Where it stands.
    pub status: JobStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// `runs-on`.
    pub labels: Vec<String>,
    /// Runner that has it.
    pub runner_id: Option<u64>,
    /// Name of that runner.
    pub runner_name: Option<String>,
    /// Name of the runner group.
    pub runner_group_name: Option<String>,
    /// When GitHub made it.
    pub created_at: Timestamp,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Its page at GitHub.
    pub html_url: String,
    /// Steps so far.
    pub steps: Vec<Step>,
    /// What triggered the run; empty while the run is unknown.
    pub event: String,
}

impl JobRow {
    /// Seconds spent waiting for a runner, once it started.
    pub fn queue_seconds(&self) -> Option<i64> {
        if self.status.rank() == 0 {
            return None;
        }
        self.started_at.map(|at| at.duration_since(self.created_at).as_secs().max(0))
    }

    /// Seconds spent running, once it ended.
    pub fn run_seconds(&self) -> Option<i64> {
        let (started, completed) = (self.started_at?, self.completed_at?);
        Some(completed.duration_since(started).as_secs().max(0))
    }
}

/// Jobs of a commit by name and id; of one cell when `name` is given.
pub(crate) async fn commit_jobs(
    engine: &dyn Engine,
    repo: &RepoName,
    sha: &Sha,
    name: Option<&str>,
) -> Result<Vec<JobRow>, Error> {
    let params = Params::new()
        .text("repo", repo.as_str())
        .number("sha_key", sha_key(sha))
        .text("sha", sha.as_str())
        .text("name", name.unwrap_or(""));
    let mut out = Vec::new();
    for batch in &engine.query(&COMMIT_JOBS, params).await? {
        let answer = Answer { query: COMMIT_JOBS.name, batch };
        let (full_name, name) = (answer.texts("full_name")?, answer.texts("name")?);
        let (workflow_name, head_branch) = (answer.texts("workflow_name")?, answer.texts("head_branch")?);
        let (id, run_id, attempt) =
            (answer.numbers("id")?, answer.numbers("run_id")?, answer.numbers("run_attempt")?);
        let (status, conclusion) = (answer.texts("status")?, answer.texts("conclusion")?);
        let (labels, runner_id) = (answer.text_lists("labels")?, answer.numbers("runner_id")?);
        let (runner_name, group) = (answer.texts("runner_name")?, answer.texts("runner_group_name")?);
        let created_at = answer.times("created_at")?;
        let (started_at, completed_at) = (answer.times("started_at")?, answer.times("completed_at")?);
        let (html_url, steps, event) =
            (answer.texts("html_url")?, answer.texts("steps")?, answer.texts("event")?);
        for row in answer.rows() {
            out.push(JobRow {
                id: JobId(id.get(row)),
                full_name: full_name.get(row).to_owned(),
                name: name.get(row).to_owned(),
                workflow_name: workflow_name.get(row).to_owned(),
                run_id: RunId(run_id.get(row)),
                attempt: u32::try_from(attempt.get(row)).unwrap_or(u32::MAX),
                head_branch: head_branch.owned(row),
                status: parse_status(status.get(row)),
                conclusion: conclusion.opt(row).map(parse_conclusion),
                labels: labels.get(row),
                runner_id: runner_id.opt(row),
                runner_name: runner_name.owned(row),
                runner_group_name: group.owned(row),
                created_at: created_at.get(row),
                started_at: started_at.opt(row),
                completed_at: completed_at.opt(row),
                html_url: html_url.get(row).to_owned(),
                steps: serde_json::from_str(steps.get(row))
                    .map_err(|_| Error::Value(steps.get(row).to_owned()))?,
                event: event.get(row).to_owned(),
            });
        }
    }
    Ok(out)
}

/// The stored word; what a newer program may have written counts as queued.
pub(crate) fn parse_status(word: &str) -> JobStatus {
    match word {
        "completed" => JobStatus::Completed,
        "in_progress" => JobStatus::InProgress,
        "waiting" => JobStatus::Waiting,
        _ => JobStatus::Queued,
    }
}

pub(crate) fn parse_conclusion(word: &str) -> Conclusion {
    Conclusion::parse(word)
}
