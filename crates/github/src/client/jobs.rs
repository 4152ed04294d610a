//! Runs and jobs, for what webhooks did not tell.

use super::{As, Client, Error};
use crate::webhook::RawJob;
use serde::Deserialize;
use trunkline_model::{Job, JobId, RepoName, RunId};

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<Numbered>,
}

#[derive(Deserialize)]
struct Numbered {
    id: RunId,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<RawJob>,
}

impl Client {
    /// One job; [`Error::NotFound`] when it is gone.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn job(&self, repo: &RepoName, id: JobId) -> Result<Job, Error> {
        let raw: RawJob = self.get(&format!("repos/{repo}/actions/jobs/{id}")).await?;
        Ok(raw.into_job(repo.clone(), None))
    }

    /// Runs of a repository in a status, newest first; at most `limit`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn runs(&self, repo: &RepoName, status: &str, limit: usize) -> Result<Vec<RunId>, Error> {
        let mut all = Vec::new();
        let mut next = Some(format!("repos/{repo}/actions/runs?status={status}&per_page=100"));
        while let Some(path) = next.filter(|_| all.len() < limit) {
            let (page, following): (Runs, _) = self.get_page(As::Installation, &path).await?;
            all.extend(page.workflow_runs.into_iter().map(|run| run.id));
            next = following;
        }
        all.truncate(limit);
        Ok(all)
    }

    /// Jobs of the newest attempt of a run.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error> {
        let mut all = Vec::new();
        let mut next = Some(format!("repos/{repo}/actions/runs/{run}/jobs?filter=latest&per_page=100"));
        while let Some(path) = next {
            let (page, following): (Jobs, _) = self.get_page(As::Installation, &path).await?;
            all.extend(page.jobs.into_iter().map(|raw| raw.into_job(repo.clone(), None)));
            next = following;
        }
        Ok(all)
    }
}
