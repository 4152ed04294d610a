//! What the fleet asks GitHub, by the typed client.

use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use trunkline_fleet::forge::{Error, Forge, JitConfig, Registered};
use trunkline_github::{
    Client,
    client::{self, JobFilter, RemoteRunner, RunQuery, RunStatus, Scope},
};
use trunkline_model::{Job, JobId, Label, RepoName, RunId, RunnerId, RunnerName};

/// Runs in progress whose jobs are looked at in one turn; the next turn goes on behind them. Each costs a request or
/// more, a busy project has hundreds of them, and most have no queued job.
const IN_PROGRESS: usize = 100;

/// One scope of GitHub.
#[derive(Debug)]
pub(super) struct GitHubForge {
    client: Client,
    scope: Scope,
    group: u64,
    /// By repository, the run in progress that was looked at last.
    looked_at: Mutex<HashMap<RepoName, RunId>>,
}

impl GitHubForge {
    pub(super) fn new(client: Client, scope: Scope, group: u64) -> Self {
        Self { client, scope, group, looked_at: Mutex::default() }
    }

    /// All runs in a state; GitHub gives the newest 1,000.
    async fn runs(&self, repo: &RepoName, status: RunStatus) -> Result<Vec<RunId>, Error> {
        let query = RunQuery { status: Some(status), ..RunQuery::default() };
        self.client.list_run_ids(repo, &query).await.map_err(translate)
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
        // In the order in which runs move, so that one that moves between the two questions is seen by the second.
        let mut ids = self.runs(repo, RunStatus::Queued).await?;
        // A run is in progress once its first job starts, whatever the others do.
        let running = self.runs(repo, RunStatus::InProgress).await?;
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = rotate(running, looked_at.get(repo).copied(), IN_PROGRESS);
        match turn.last() {
            Some(last) => looked_at.insert(repo.clone(), *last),
            None => looked_at.remove(repo),
        };
        ids.extend(turn);
        // The oldest first: they have waited longest. Ids grow.
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error> {
        self.client.list_run_jobs(repo, run, JobFilter::Latest).await.map_err(translate)
    }
}

/// At most so many of the ids, those behind `after` first, around the circle.
fn rotate(mut ids: Vec<RunId>, after: Option<RunId>, most: usize) -> Vec<RunId> {
    ids.sort_unstable();
    ids.dedup();
    let start = after.map_or(0, |after| ids.partition_point(|id| *id <= after));
    ids.rotate_left(start);
    ids.truncate(most);
    ids
}

fn registered(runner: RemoteRunner) -> Registered {
    Registered { id: runner.id, name: runner.name, online: runner.online, busy: runner.busy }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::script::{Answer, Fake, answer};
    use serde_json::json;
    use std::sync::Arc;
    use trunkline_github::client::{ClientConfig, Credentials};
    use trunkline_model::{ManualClock, Rng};

    fn forge(fake: &Fake) -> GitHubForge {
        let mut config =
            ClientConfig::new(fake.base.parse().unwrap(), Credentials::Token("token".to_string().into()));
        config.max_retries = 0;
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
        let client = Client::new(config, clock, Rng::from_seed(1)).unwrap();
        GitHubForge::new(client, Scope::Repo("o/r".parse().unwrap()), 1)
    }

    fn runs(ids: impl IntoIterator<Item = u64>) -> Answer {
        answer(
            200,
            &json!({"workflow_runs": ids.into_iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}),
        )
    }

    #[tokio::test]
    async fn runs_in_progress_may_have_queued_jobs_too_and_every_page_counts() {
        let fake = Fake::start().await;
        let list = "GET /repos/o/r/actions/runs?per_page=100";
        let next = format!(
            "<{}/repos/o/r/actions/runs?per_page=100&status=in_progress&page=2>; rel=\"next\"",
            fake.base
        );
        // Run 5 starts between the two questions.
        fake.on(&format!("{list}&status=queued"), [runs([9, 5])]);
        fake.on(&format!("{list}&status=in_progress"), [runs(20..60).header("link", next)]);
        fake.on(&format!("{list}&status=in_progress&page=2"), [runs([5, 2])]);
        let found = forge(&fake).queued_runs(&"o/r".parse().unwrap()).await.unwrap();
        let expected: Vec<RunId> = [2, 5, 9].into_iter().chain(20..60).map(RunId).collect();
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn of_many_runs_in_progress_every_one_has_its_turn() {
        let fake = Fake::start().await;
        let list = "GET /repos/o/r/actions/runs?per_page=100";
        fake.on(&format!("{list}&status=queued"), [runs([900])]);
        fake.on(&format!("{list}&status=in_progress"), [runs(1..=250)]);
        let (forge, repo) = (forge(&fake), "o/r".parse().unwrap());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let found = forge.queued_runs(&repo).await.unwrap();
            assert_eq!((found.len(), found.last()), (IN_PROGRESS + 1, Some(&RunId(900))));
            seen.extend(found);
        }
        assert_eq!(seen.len(), 251);
    }

    #[test]
    fn the_circle_goes_on_where_a_run_has_ended() {
        let ids = |ids: &[u64]| ids.iter().copied().map(RunId).collect::<Vec<_>>();
        assert_eq!(rotate(ids(&[4, 2, 8, 6]), Some(RunId(5)), 3), ids(&[6, 8, 2]));
        assert_eq!(rotate(ids(&[4, 2]), Some(RunId(9)), 3), ids(&[2, 4]));
        assert_eq!(rotate(ids(&[]), Some(RunId(9)), 3), ids(&[]));
    }

    #[tokio::test]
    async fn answers_keep_their_meaning() {
        let fake = Fake::start().await;
        let forge = forge(&fake);
        let runner = "GET /repos/o/r/actions/runners/7";
        let mut seen = vec![];
        for status in [404, 503, 401] {
            fake.on(runner, [answer(status, &json!({"message": "No luck"}))]);
            seen.push(forge.runner(RunnerId(7)).await.unwrap_err());
        }
        assert!(
            matches!(seen.as_slice(), [Error::NotFound, Error::Transient(_), Error::Refused(_)]),
            "{seen:?}"
        );
        let removal = "DELETE /repos/o/r/actions/runners/7";
        fake.on(removal, [answer(422, &json!({}))]);
        assert!(matches!(forge.deregister(RunnerId(7)).await, Err(Error::Busy)));
        fake.on(removal, [answer(404, &json!({}))]);
        assert!(forge.deregister(RunnerId(7)).await.is_ok(), "gone already is gone");
        fake.on("POST /repos/o/r/actions/runners/generate-jitconfig", [answer(409, &json!({}))]);
        let (name, labels) = ("r".parse().unwrap(), ["linux".parse().unwrap()]);
        assert!(matches!(forge.register(&name, &labels).await, Err(Error::Conflict)));
        let limit = answer(429, &json!({})).header("retry-after", "7");
        fake.on(runner, [limit]);
        let until = jiff::Timestamp::from_second(7).unwrap();
        let limited = forge.runner(RunnerId(7)).await;
        assert!(matches!(limited, Err(Error::RateLimited { until: u }) if u == until), "{limited:?}");
    }
}
