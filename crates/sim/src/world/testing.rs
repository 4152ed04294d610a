//! A small world for tests.

use super::{Finish, JobSpec, Listener, RunSpec, Scope, World, WorldConfig};
use crate::jit::Jit;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use trunkline_model::{BranchName as Branch, Conclusion, JobId, RepoName, RunId, RunnerId};

pub(crate) fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

pub(crate) fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub(crate) fn repo() -> RepoName {
    "acme/torchlite".parse().unwrap()
}

pub(crate) fn scope() -> Scope {
    Scope::Repo(repo())
}

/// A world with one repository and without `check_run` webhooks.
pub(crate) fn world() -> World {
    let config = WorldConfig { check_runs: false, ..WorldConfig::default() };
    let mut world = World::new(config, start());
    world.add_repo(&repo(), "main".parse::<Branch>().unwrap());
    world
}

pub(crate) fn run_in(world: &mut World, finish: Finish) -> RunId {
    let spec = RunSpec {
        workflow: "ci".into(),
        event: "push".into(),
        branch: "main".parse().unwrap(),
        sha: "a".repeat(40).parse().unwrap(),
        pull: None,
        actor: "dokonkwo".into(),
        finish,
    };
    world.start_run(&repo(), spec).unwrap()
}

/// A job of five minutes that ends well.
pub(crate) fn job(world: &mut World, run: RunId, name: &str, labels: &[&str]) -> JobId {
    let labels = labels.iter().map(|label| label.parse().unwrap()).collect();
    world.queue_job(run, JobSpec::new(name, labels, secs(300))).unwrap()
}

/// A registration with its configuration.
pub(crate) fn register(world: &mut World, name: &str, labels: &[&str]) -> (RunnerId, Jit) {
    let labels: Vec<_> = labels.iter().map(|label| label.parse().unwrap()).collect();
    let made = world.register_runner(&scope(), &name.parse().unwrap(), 1, &labels, "http://here").unwrap();
    (made.id, made.jit)
}

/// A runner that is online and works by itself.
pub(crate) fn online(world: &mut World, name: &str, labels: &[&str]) -> RunnerId {
    let (id, jit) = register(world, name, labels);
    world.connect_runner(&jit, true).unwrap();
    id
}

/// Moves a world on.
pub(crate) fn pass(world: &mut World, by: SignedDuration) {
    let to = world.now() + by;
    world.advance(to);
}

/// `event action` of what was sent since the last call.
pub(crate) fn sent(world: &mut World) -> Vec<String> {
    let webhooks = world.take_webhooks();
    webhooks.iter().map(|w| format!("{} {}", w.event, w.action.as_deref().unwrap_or("-"))).collect()
}

pub(crate) fn body(webhook: &super::Webhook) -> Value {
    serde_json::from_slice(&webhook.body).unwrap()
}

pub(crate) fn conclusion(world: &World, job: JobId) -> Option<Conclusion> {
    world.job(job).unwrap().job.conclusion
}

pub(crate) fn listener(world: &World, id: RunnerId) -> Listener {
    world.runner_by_id(id).unwrap().listener
}
