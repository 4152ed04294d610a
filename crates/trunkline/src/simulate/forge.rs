//! What the fleet asks GitHub, asked of the simulated one in the process: the same paths, pages, refusals and limits
//! as over the network, and no waiting.

use super::fuse::Fuse;
use async_trait::async_trait;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use trunkline_fleet::{
    Fleet,
    forge::{Error, Forge, JitConfig, Registered},
};
use trunkline_github::webhook::{self, Event};
use trunkline_model::{
    Clock as _, Job, JobId, Label, RepoName, RunId, RunnerId, RunnerName, clock::ManualClock,
};
use trunkline_sim::{Api, http::Answered};

/// Wait after a limit that does not say how long.
const LIMIT_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// Whose lease is prolonged while a request is under way. Empty while the product is dead.
pub(super) type Keeper = Arc<Mutex<Option<Fleet>>>;

/// How often the lease is prolonged meanwhile.
const PROLONG_EVERY: SignedDuration = SignedDuration::from_secs(2);

/// The simulated GitHub as the product's client would show it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) api: Api,
    pub(super) token: String,
    pub(super) clock: ManualClock,
    /// How long a request is under way.
    pub(super) latency: SignedDuration,
    pub(super) fuse: Arc<Fuse>,
    pub(super) keeper: Keeper,
}

impl Client {
    /// One request; refusals by what the caller should do, as the HTTP client sorts them.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answered, Error> {
        self.fuse.enter().await;
        // The world goes on while the request is under way: what was true when it was decided may not be any more.
        let arrives = self.clock.now() + self.latency;
        while self.clock.now() < arrives {
            self.clock.advance_to(arrives.min(self.clock.now() + PROLONG_EVERY));
            self.prolong().await;
        }
        let answer = self.api.ask(method, path, &self.token, body).await;
        self.fuse.leave().await;
        if answer.status.is_success() { Ok(answer) } else { Err(classify(&answer, self.clock.now())) }
    }

    /// Keeps the product's lease, as a loop of its own does in the program.
    async fn prolong(&self) {
        let fleet = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(fleet) = fleet {
            // A task of its own: the caller may be one of several at once, of which only one is polled.
            let prolonged = tokio::spawn(async move { fleet.prolong().await }).await;
            if !matches!(prolonged, Ok(Ok(()))) {
                tracing::warn!(?prolonged, "could not prolong the fleet's lease");
            }
        }
    }

    /// All items of a list, over all its pages. `key` names them in an object; empty for a bare list.
    pub(super) async fn list(&self, path: &str, key: &str, most: usize) -> Result<Vec<Value>, Error> {
        let (mut all, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next.filter(|_| all.len() < most) {
            let answer = self.ask(Method::GET, &path, None).await?;
            next = answer.next_page().map(str::to_owned);
            let mut body = answer.json();
            let items = if key.is_empty() { body.take() } else { body[key].take() };
            let Value::Array(items) = items else { return Err(unexpected("a list")) };
            all.extend(items);
        }
        all.truncate(most);
        Ok(all)
    }
}

fn unexpected(what: &str) -> Error {
    Error::Refused(format!("the answer is not {what}"))
}

fn classify(answer: &Answered, now: Timestamp) -> Error {
    let number = |name: &str| answer.header(name)?.parse::<i64>().ok();
    let text = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    let exhausted = number("x-ratelimit-remaining") == Some(0);
    let retry_after = number("retry-after");
    let limited = exhausted || retry_after.is_some() || text.contains("rate limit");
    match answer.status {
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if limited => {
            let reset = number("x-ratelimit-reset").and_then(|second| Timestamp::from_second(second).ok());
            let wait = retry_after.map_or(LIMIT_WAIT, SignedDuration::from_secs);
            Error::RateLimited {
                until: reset.filter(|_| exhausted && retry_after.is_none()).unwrap_or(now + wait),
            }
        }
        StatusCode::NOT_FOUND => Error::NotFound,
        StatusCode::CONFLICT => Error::Conflict,
        status if status.is_server_error() => Error::Transient(status.to_string()),
        status => Error::Refused(format!("{status}: {text}")),
    }
}

/// The fleet's view of one repository.
#[derive(Debug)]
pub(super) struct SimForge {
    pub(super) client: Client,
    pub(super) repo: RepoName,
}

impl SimForge {
    fn runners_path(&self, rest: &str) -> String {
        format!("/repos/{}/actions/runners{rest}", self.repo)
    }
}

fn registered(runner: &Value) -> Result<Registered, Error> {
    let id = runner["id"].as_u64().ok_or_else(|| unexpected("a runner"))?;
    Ok(Registered {
        id: RunnerId(id),
        name: runner["name"].as_str().unwrap_or_default().to_owned(),
        online: runner["status"] == "online",
        busy: runner["busy"] == true,
    })
}

/// A job of the REST API: the object that webhooks carry.
fn job(repo: &RepoName, object: &Value, now: Timestamp) -> Result<Job, Error> {
    let body =
        json!({ "action": object["status"], "workflow_job": object, "repository": { "full_name": repo } });
    let read = webhook::parse("workflow_job", body.to_string().as_bytes(), now);
    match read.map(|delivery| delivery.event) {
        Ok(Event::WorkflowJob(job)) => Ok(job),
        _ => Err(unexpected("a job")),
    }
}

#[async_trait]
impl Forge for SimForge {
    async fn runners(&self) -> Result<Vec<Registered>, Error> {
        let all = self.client.list(&self.runners_path("?per_page=100"), "runners", usize::MAX).await?;
        all.iter().map(registered).collect()
    }

    async fn runner(&self, id: RunnerId) -> Result<Registered, Error> {
        registered(&self.client.ask(Method::GET, &self.runners_path(&format!("/{id}")), None).await?.json())
    }

    async fn register(&self, name: &RunnerName, labels: &[Label]) -> Result<JitConfig, Error> {
        let body = json!({ "name": name, "runner_group_id": 1, "labels": labels });
        let path = self.runners_path("/generate-jitconfig");
        let made = self.client.ask(Method::POST, &path, Some(&body)).await?.json();
        let encoded = made["encoded_jit_config"].as_str().ok_or_else(|| unexpected("a configuration"))?;
        Ok(JitConfig { runner_id: registered(&made["runner"])?.id, encoded: SecretString::from(encoded) })
    }

    async fn deregister(&self, id: RunnerId) -> Result<(), Error> {
        match self.client.ask(Method::DELETE, &self.runners_path(&format!("/{id}")), None).await {
            Ok(_) => Ok(()),
            Err(Error::Refused(text)) if text.starts_with("422") => Err(Error::Busy),
            Err(error) => Err(error),
        }
    }

    async fn job(&self, repo: &RepoName, id: JobId) -> Result<Job, Error> {
        let path = format!("/repos/{repo}/actions/jobs/{id}");
        job(repo, &self.client.ask(Method::GET, &path, None).await?.json(), self.client.clock.now())
    }

    async fn queued_runs(&self, repo: &RepoName) -> Result<Vec<RunId>, Error> {
        let path = format!("/repos/{repo}/actions/runs?status=queued&per_page=100");
        let runs = self.client.list(&path, "workflow_runs", 300).await?;
        Ok(runs.iter().filter_map(|run| run["id"].as_u64()).map(RunId).collect())
    }

    async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error> {
        let path = format!("/repos/{repo}/actions/runs/{run}/jobs?per_page=100");
        let now = self.client.clock.now();
        let jobs = self.client.list(&path, "jobs", usize::MAX).await?;
        jobs.iter().map(|object| job(repo, object, now)).collect()
    }
}
