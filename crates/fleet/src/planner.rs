//! The planner: how many runners to launch and which to remove. Pure: facts in, actions out.
//!
//! Launch, per type: `needed = queued − (planned + booting + idle)`. Jobs and runners are never bound to each
//! other, GitHub gives a job to any runner that matches; so only counts decide. Oldest job first, bounded by the
//! type's cap, the fleet's cap and a number per step.
//!
//! Terminate, each only when GitHub recently and positively said that the runner has no job:
//! * it did not come online within the boot timeout (and is replaced, because it no longer counts as supply),
//! * it idles without demand for longer than the grace, above the type's floor,
//! * its registration is gone or its job ended, and its machine is still there.
//!
//! Applying a plan and planning again with nothing else changed gives an empty plan, and the order of the facts
//! does not matter.

use crate::ledger::{Entry, MachineState, Registration};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use trunkline_model::{Action, Evidence, JobId, Label, RepoName, Rng, Runner, RunnerName, RunnerState};

/// Effect kind of a launch.
pub const LAUNCH: &str = "fleet.launch";
/// Effect kind of a termination.
pub const TERMINATE: &str = "fleet.terminate";

/// What the planner looks at.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Jobs that wait for a runner of ours, with the type that serves them.
    pub queued: Vec<QueuedJob>,
    /// The ledger.
    pub runners: Vec<Entry>,
    /// No launches before this time: the provider or GitHub asked for patience.
    pub hold_launches_until: Option<Timestamp>,
}

/// A job that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedJob {
    /// Repository.
    pub repo: RepoName,
    /// Job.
    pub id: JobId,
    /// Type that serves it.
    pub runner_type: String,
    /// Since when it waits.
    pub queued_at: Timestamp,
}

/// Limits and times.
#[derive(Debug, Clone)]
pub struct Config {
    /// Types that can be launched.
    pub types: BTreeMap<String, TypePlan>,
    /// Provider that runs the machines.
    pub provider: String,
    /// Repository runners register in; the organisation's when `None`.
    pub repo: Option<RepoName>,
    /// Most live runners of all types together.
    pub max_runners: u32,
    /// Most launches in one step.
    pub launches_per_step: u32,
    /// A runner must be online within this time.
    pub boot_timeout: SignedDuration,
    /// A runner may idle this long without demand.
    pub idle_grace: SignedDuration,
    /// A machine may outlive its runner this long.
    pub finish_grace: SignedDuration,
    /// Older observations are unknown.
    pub max_observation_age: SignedDuration,
    /// Beginning of runner names.
    pub name_prefix: String,
}

/// What the planner needs to know of one type.
#[derive(Debug, Clone, Default)]
pub struct TypePlan {
    /// Idle runners that stay.
    pub min: u32,
    /// Most live runners; `None` is unlimited.
    pub max: Option<u32>,
    /// Labels to register with.
    pub labels: Vec<Label>,
}

/// Payload of a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchOrder {
    /// The runner, as it enters the ledger.
    pub runner: Runner,
}

/// Payload of a termination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TerminateOrder {
    /// Which runner.
    pub name: RunnerName,
    /// Why, in one sentence.
    pub reason: String,
}

/// [`Facts`] that are lent.
#[derive(Debug)]
pub(crate) struct Glance<'a> {
    pub(crate) queued: &'a [QueuedJob],
    pub(crate) runners: Vec<&'a Entry>,
    pub(crate) hold_launches_until: Option<Timestamp>,
}

/// Decides one step.
pub fn plan(facts: &Facts, config: &Config, now: Timestamp, rng: &mut Rng) -> Vec<Action> {
    let runners = facts.runners.iter().collect();
    let glance = Glance { queued: &facts.queued, runners, hold_launches_until: facts.hold_launches_until };
    decide(glance, config, now, rng)
}

/// [`plan`], without a copy of the facts.
pub(crate) fn decide(facts: Glance<'_>, config: &Config, now: Timestamp, rng: &mut Rng) -> Vec<Action> {
    let mut runners = facts.runners;
    runners.retain(|entry| entry.is_live());
    runners.sort_by(|a, b| (a.runner.planned_at, &a.runner.name).cmp(&(b.runner.planned_at, &b.runner.name)));
    let queued = by_type(facts.queued);
    let mut actions = vec![];
    let mut leaving: HashSet<&RunnerName> = HashSet::new();
    for (entry, why) in removals(&runners, &queued, config, now) {
        leaving.insert(&entry.runner.name);
        actions.push(terminate(entry, why));
    }
    if facts.hold_launches_until.is_none_or(|until| until <= now) {
        launches(&runners, &leaving, &queued, config, now, rng, &mut actions);
    }
    actions
}

/// Jobs of each type, oldest first.
fn by_type(queued: &[QueuedJob]) -> BTreeMap<&str, Vec<&QueuedJob>> {
    let mut types: BTreeMap<&str, Vec<&QueuedJob>> = BTreeMap::new();
    for job in queued {
        types.entry(&job.runner_type).or_default().push(job);
    }
    for jobs in types.values_mut() {
        jobs.sort_by(|a, b| (a.queued_at, &a.repo, a.id).cmp(&(b.queued_at, &b.repo, b.id)));
        jobs.dedup_by(|a, b| a.id == b.id && a.repo.same(&b.repo));
    }
    types
}

fn removals<'a>(
    runners: &[&'a Entry],
    queued: &BTreeMap<&str, Vec<&QueuedJob>>,
    config: &Config,
    now: Timestamp,
) -> Vec<(&'a Entry, Evidence)> {
    let mut removals = vec![];
    let mut supply: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in runners.iter().filter(|entry| entry.is_supply()) {
        *supply.entry(&entry.runner.runner_type).or_default() += 1;
    }
    for &entry in runners {
        let runner = &entry.runner;
        if entry.terminating || entry.may_be_busy() {
            continue;
        }
        let registration = entry.fresh_registration(now, config.max_observation_age);
        let since = |at: Option<Timestamp>| now.duration_since(at.unwrap_or(runner.planned_at));
        let free = matches!(registration, Registration::Offline | Registration::Idle | Registration::Absent);
        if !free {
            continue;
        }
        let kind = runner.runner_type.as_str();
        let left = supply.entry(kind).or_default();
        let evidence = |rule: &str, summary: String, age: SignedDuration| {
            Evidence::new(rule, summary)
                .input("runner", runner.name.as_str())
                .input("state", runner.state.as_str())
                .input("registration", format!("{registration:?}").to_lowercase())
                .input("age_seconds", age.as_secs())
        };
        let offline = registration != Registration::Idle;
        match runner.state {
            RunnerState::Planned | RunnerState::Booting if offline => {
                let age = since(runner.launched_at);
                if age > config.boot_timeout {
                    let summary = format!(
                        "`{}` was not online {} s after its start (limit {} s); it is removed and replaced",
                        runner.name,
                        age.as_secs(),
                        config.boot_timeout.as_secs()
                    );
                    *left -= 1;
                    removals.push((entry, evidence("fleet.terminate.boot_timeout", summary, age)));
                }
            }
            RunnerState::Idle => {
                let age = since(runner.online_at);
                let demand = queued.get(kind).map_or(0, Vec::len) as i64;
                let floor = i64::from(config.types.get(kind).map_or(0, |kind| kind.min));
                if registration == Registration::Absent {
                    *left -= 1;
                    let summary = format!("`{}` is no longer registered at GitHub", runner.name);
                    removals.push((entry, evidence("fleet.terminate.unregistered", summary, age)));
                } else if age > config.idle_grace && *left > demand.max(floor) {
                    let summary = format!(
                        "`{}` idled {} s and {left} runner(s) of `{kind}` wait for {demand} job(s)",
                        runner.name,
                        age.as_secs()
                    );
                    let why = evidence("fleet.terminate.surplus", summary, age)
                        .input("queued", demand)
                        .input("supply", *left)
                        .input("min_available", floor);
                    *left -= 1;
                    removals.push((entry, why));
                }
            }
            RunnerState::Finished if entry.machine == MachineState::Present => {
                let age = since(runner.finished_at);
                if age > config.finish_grace {
                    let summary = format!(
                        "`{}` finished {} s ago and its machine is still there",
                        runner.name,
                        age.as_secs()
                    );
                    removals.push((entry, evidence("fleet.terminate.finished", summary, age)));
                }
            }
            _ => {}
        }
    }
    removals
}

fn terminate(entry: &Entry, why: Evidence) -> Action {
    let name = &entry.runner.name;
    let order = TerminateOrder { name: name.clone(), reason: why.summary.clone() };
    Action {
        kind: TERMINATE.into(),
        key: format!("{TERMINATE}:{name}:{}", entry.terminations),
        payload: serde_json::to_value(order).unwrap_or_default(),
        why: why.override_with(format!("trunkline fleet drain {name}")),
    }
}

/// How many runners of one type there are.
#[derive(Debug, Clone, Copy, Default)]
struct Supply {
    planned: usize,
    booting: usize,
    idle: usize,
    live: usize,
}

fn launches(
    runners: &[&Entry],
    leaving: &HashSet<&RunnerName>,
    queued: &BTreeMap<&str, Vec<&QueuedJob>>,
    config: &Config,
    now: Timestamp,
    rng: &mut Rng,
    actions: &mut Vec<Action>,
) {
    let mut supplies: BTreeMap<&str, Supply> = BTreeMap::new();
    for entry in runners {
        let supply = supplies.entry(&entry.runner.runner_type).or_default();
        supply.live += 1;
        if !entry.is_supply() || leaving.contains(&entry.runner.name) {
            continue;
        }
        match entry.runner.state {
            RunnerState::Planned => supply.planned += 1,
            RunnerState::Booting => supply.booting += 1,
            RunnerState::Idle => supply.idle += 1,
            _ => {}
        }
    }
    // Jobs without a runner on the way, of all types, oldest first.
    let mut unserved: Vec<(&QueuedJob, &TypePlan, Supply)> = vec![];
    for (&kind, jobs) in queued {
        let Some(plan) = config.types.get(kind) else { continue };
        let supply = supplies.get(kind).copied().unwrap_or_default();
        let room = plan.max.map_or(usize::MAX, |max| (max as usize).saturating_sub(supply.live));
        let served = supply.planned + supply.booting + supply.idle;
        unserved.extend(jobs.iter().skip(served).take(room).map(|job| (*job, plan, supply)));
    }
    unserved.sort_by(|(a, ..), (b, ..)| (a.queued_at, &a.repo, a.id).cmp(&(b.queued_at, &b.repo, b.id)));
    let room = (config.max_runners as usize).saturating_sub(runners.len());
    let bound = room.min(config.launches_per_step as usize);
    for (job, plan, supply) in unserved.into_iter().take(bound) {
        let demand = queued.get(job.runner_type.as_str()).map_or(0, Vec::len);
        let summary = format!(
            "{demand} job(s) wait for `{}` and {} runner(s) are on the way (planned {}, booting {}, idle {})",
            job.runner_type,
            supply.planned + supply.booting + supply.idle,
            supply.planned,
            supply.booting,
            supply.idle
        );
        let why = Evidence::new("fleet.launch.demand", summary)
            .input("runner_type", job.runner_type.as_str())
            .input("queued", demand)
            .input("planned", supply.planned)
            .input("booting", supply.booting)
            .input("idle", supply.idle)
            .input("live", supply.live)
            .input("max_available", plan.max)
            .input("for_job", format!("{}/{}", job.repo, job.id))
            .input("waits_seconds", now.duration_since(job.queued_at).as_secs());
        if let Some(action) = launch(job, plan, why, config, now, rng) {
            actions.push(action);
        }
    }
}

fn launch(
    job: &QueuedJob,
    plan: &TypePlan,
    why: Evidence,
    config: &Config,
    now: Timestamp,
    rng: &mut Rng,
) -> Option<Action> {
    let name: RunnerName = format!("{}-{}", config.name_prefix, rng.hex(16)).parse().ok()?;
    let runner = Runner {
        name: name.clone(),
        runner_type: job.runner_type.clone(),
        labels: plan.labels.clone(),
        repo: config.repo.clone(),
        provider: config.provider.clone(),
        machine_id: None,
        runner_id: None,
        state: RunnerState::Planned,
        job: None,
        planned_at: now,
        launched_at: None,
        online_at: None,
        busy_at: None,
        finished_at: None,
        reason: why.summary.clone(),
    };
    Some(Action {
        kind: LAUNCH.into(),
        key: format!("{LAUNCH}:{name}"),
        payload: serde_json::to_value(LaunchOrder { runner }).ok()?,
        why,
    })
}

#[cfg(test)]
mod tests;
