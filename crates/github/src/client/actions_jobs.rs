//! Workflow runs and jobs.

use super::{Client, Error, Scope, pages::PER_PAGE, request::Request};
use crate::webhook::{RawJob, RawRun};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use std::fmt;
use trunkline_model::{Job, JobId, RepoName, Run, RunId, Sha};

/// Where a run may stand, as GitHub filters by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Has jobs that want a runner.
    Queued,
    /// Some job runs.
    InProgress,
    /// Waits for an approval.
    Waiting,
    /// Asked for, not queued yet.
    Requested,
    /// Held back by a concurrency group.
    Pending,
    /// Has a conclusion.
    Completed,
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Waiting => "waiting",
            Self::Requested => "requested",
            Self::Pending => "pending",
            Self::Completed => "completed",
        })
    }
}

/// Which runs; the default is all, newest first.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// In this state.
    pub status: Option<RunStatus>,
    /// Of this branch.
    pub branch: Option<String>,
    /// Triggered by this event.
    pub event: Option<String>,
    /// Of this commit.
    pub head_sha: Option<Sha>,
    /// Made since then.
    pub created_since: Option<Timestamp>,
    /// At most so many; GitHub gives at most 1,000 once anything is filtered.
    pub limit: Option<usize>,
}

/// Which jobs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFilter {
    /// Of the newest attempt.
    Latest,
    /// Of every attempt.
    All,
}

#[derive(Deserialize)]
struct RunPage<T> {
    workflow_runs: Vec<T>,
}

#[derive(Deserialize)]
struct RunHead {
    id: u64,
}

#[derive(Deserialize)]
struct JobPage {
    jobs: Vec<RawJob>,
}

impl Client {
    /// Runs of a repository, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_runs(&self, repo: &RepoName, query: &RunQuery) -> Result<Vec<Run>, Error> {
        let limit = query.limit.unwrap_or(usize::MAX);
        let request = self.runs_request(repo, query)?;
        let raw = self.pages(request, limit, |page: RunPage<RawRun>| page.workflow_runs).await?;
        Ok(raw.into_iter().map(|run| run.into_run(repo.clone())).collect())
    }

    /// Ids of the runs that [`Client::list_runs`] gives, however little else GitHub says of them.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_run_ids(&self, repo: &RepoName, query: &RunQuery) -> Result<Vec<RunId>, Error> {
        let limit = query.limit.unwrap_or(usize::MAX);
        let request = self.runs_request(repo, query)?;
        let raw = self.pages(request, limit, |page: RunPage<RunHead>| page.workflow_runs).await?;
        Ok(raw.into_iter().map(|run| RunId(run.id)).collect())
    }

    fn runs_request(&self, repo: &RepoName, query: &RunQuery) -> Result<Request, Error> {
        Ok(self
            .scoped(Method::GET, &Scope::from(repo), ["actions", "runs"])?
            .query("per_page", PER_PAGE)
            .maybe_query("status", query.status)
            .maybe_query("branch", query.branch.as_ref())
            .maybe_query("event", query.event.as_ref())
            .maybe_query("head_sha", query.head_sha.as_ref())
            .maybe_query("created", query.created_since.map(|at| format!(">={at:.0}"))))
    }

    /// Jobs of a run.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_run_jobs(
        &self,
        repo: &RepoName,
        run: RunId,
        filter: JobFilter,
    ) -> Result<Vec<Job>, Error> {
        let filter = match filter {
            JobFilter::Latest => "latest",
            JobFilter::All => "all",
        };
        let request = self
            .scoped(Method::GET, &Scope::from(repo), ["actions", "runs", &run.to_string(), "jobs"])?
            .query("filter", filter)
            .query("per_page", PER_PAGE);
        let raw = self.pages(request, usize::MAX, |page: JobPage| page.jobs).await?;
        Ok(raw.into_iter().map(|job| job.into_job(repo.clone(), None)).collect())
    }

    /// One job.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the run was deleted; see [`Error`].
    pub async fn get_job(&self, repo: &RepoName, id: JobId) -> Result<Job, Error> {
        let request: Request =
            self.scoped(Method::GET, &Scope::from(repo), ["actions", "jobs", &id.to_string()])?;
        let raw: RawJob = self.send(&request).await?.json(&request.call())?;
        Ok(raw.into_job(repo.clone(), None))
    }
}
