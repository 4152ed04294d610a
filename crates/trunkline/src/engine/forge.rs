//! What the fleet asks GitHub, by the typed client.

use async_trait::async_trait;
use trunkline_fleet::forge::{Error, Forge, JitConfig, Registered};
use trunkline_github::{
    Client,
    client::{self, JobFilter, RemoteRunner, RunQuery, RunStatus, Scope},
};
use trunkline_model::{Job, JobId, Label, RepoName, RunId, RunnerId, RunnerName};

/// States of a run that may have queued jobs. A run is in progress once its first job starts, whatever the others do.
/// In the order in which runs move, so that one that moves between the two questions is seen by the second.
const STATES: [RunStatus; 2] = [RunStatus::Queued, RunStatus::InProgress];

/// One scope of GitHub.
#[derive(Debug)]
pub(super) struct GitHubForge {
    client: Client,
    scope: Scope,
    group: u64,
}

impl GitHubForge {
    pub(super) fn new(client: Client, scope: Scope, group: u64) -> Self {
        Self { client, scope, group }
    }
}

#[async_trait]
impl Forge for GitHubForge {
    async fn runners(&self) -> Result<Vec<Registered>, Error> {
        let all = self.client.list_runners(&self.scope, None).await.map_err(translate)?;
        Ok(all.into_iter().map(registered).collect())
    }

    async fn runner(&self, id: RunnerId) -> Result<Registered, Error> {
        self.client.get_runner(&self.scope, id).await.map(registered).map_err(translate)
    }

    async fn register(&self, name: &RunnerName, labels: &[Label]) -> Result<JitConfig, Error> {
        let made = self.client.generate_jit_config(&self.scope, name, self.group, labels).await;
        made.map(|jit| JitConfig { runner_id: jit.runner.id, encoded: jit.encoded }).map_err(translate)
    }

    async fn deregister(&self, id: RunnerId) -> Result<(), Error> {
        // Gone already is gone.
        self.client.delete_runner(&self.scope, id).await.map(drop).map_err(translate)
    }

    async fn job(&self, repo: &RepoName, id: JobId) -> Result<Job, Error> {
        self.client.get_job(repo, id).await.map_err(translate)
    }

    async fn queued_runs(&self, repo: &RepoName) -> Result<Vec<RunId>, Error> {
        let mut ids = vec![];
        for status in STATES {
            let query = RunQuery { status: Some(status), ..RunQuery::default() };
            let runs = self.client.list_runs(repo, &query).await.map_err(translate)?;
            ids.extend(runs.into_iter().map(|run| run.id));
        }
        // The oldest first: they have waited longest. Ids grow.
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error> {
        self.client.list_run_jobs(repo, run, JobFilter::Latest).await.map_err(translate)
    }
}

fn registered(runner: RemoteRunner) -> Registered {
    Registered { id: runner.id, name: runner.name, online: runner.online, busy: runner.busy }
}

fn translate(error: client::Error) -> Error {
    let words = error.to_string();
    match error {
        client::Error::NotFound { .. } => Error::NotFound,
        client::Error::Conflict { .. } => Error::Conflict,
        client::Error::Busy { .. } => Error::Busy,
        client::Error::RateLimited { until } => Error::RateLimited { until },
        client::Error::Transient { .. } => Error::Transient(words),
        client::Error::Auth { .. } | client::Error::Invalid { .. } => Error::Refused(words),
    }
}
