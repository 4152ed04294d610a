//! What exists at the simulated GitHub and how it changes with time. Pure: no I/O, no clock, no ambient chance.
//!
//! Calls act at the world's present, which [`World::advance`] moves. What GitHub would send to webhooks collects in
//! an outgoing queue, [`World::take_webhooks`]. Equal seeds and equal calls give equal worlds.
//!
//! | look for | in |
//! |---|---|
//! | commits, files, pull requests, comments | [`repo`] |
//! | runs and attempts | [`run`] |
//! | jobs, and which runner gets one | [`job`], `jobs`, `assign` |
//! | registrations and listeners | [`runners`] |
//! | the JSON of webhooks and REST | `payload`, `emit` |
//! | the record of deliveries | [`webhook`] |

mod absence;
mod adopt;
mod assign;
mod config;
mod emit;
mod error;
pub mod job;
mod jobs;
pub mod limits;
pub(crate) mod payload;
pub mod repo;
pub mod run;
pub mod runners;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod timers;
pub mod webhook;

pub use config::{FirstIds, WorldConfig};
pub use error::WorldError;
pub use job::{Execution, JobSpec, Phase, PlainScript, Script, SimJob, is_hosted};
pub use limits::{Bucket, Budget};
pub use repo::{PullSpec, PushSpec, Repository};
pub use run::{Finish, RunSpec, SimRun};
pub use runners::{Listener, Registration, Removal, RunnerHistory, Scope, SimRunner};
pub use webhook::{Attempt, Attempted, Webhook};

use jiff::Timestamp;
use limits::Budgets;
use std::collections::{BTreeMap, VecDeque};
use timers::{Due, Timers};
use trunkline_model::{JobId, RepoName, Rng, RunId, RunnerId};
use webhook::Record;

/// The simulated GitHub.
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    now: Timestamp,
    rng: Rng,
    next: FirstIds,
    /// Number of the next of GitHub's own runners.
    next_hosted: u64,
    repos: BTreeMap<String, Repository>,
    runs: BTreeMap<RunId, SimRun>,
    /// Ended runs, the oldest end first.
    finished: VecDeque<RunId>,
    jobs: BTreeMap<JobId, SimJob>,
    queue: assign::Queue,
    runners: BTreeMap<RunnerId, SimRunner>,
    histories: BTreeMap<RunnerId, RunnerHistory>,
    timers: Timers,
    outgoing: Vec<Webhook>,
    record: Record,
    budgets: Budgets,
    outage: bool,
    revision: u64,
}

/// Counts up, giving the value before.
fn next(counter: &mut u64) -> u64 {
    let value = *counter;
    *counter += 1;
    value
}

impl World {
    /// An empty world.
    pub fn new(config: WorldConfig, now: Timestamp) -> Self {
        Self {
            rng: Rng::from_seed(config.seed),
            next: config.first,
            next_hosted: 1_000_000_001,
            record: Record::new(config.keep_deliveries),
            budgets: Budgets::new(config.core_limit, config.registration_limit, now),
            config,
            now,
            repos: BTreeMap::new(),
            runs: BTreeMap::new(),
            finished: VecDeque::new(),
            jobs: BTreeMap::new(),
            queue: assign::Queue::default(),
            runners: BTreeMap::new(),
            histories: BTreeMap::new(),
            timers: Timers::default(),
            outgoing: vec![],
            outage: false,
            revision: 0,
        }
    }

    /// Its set-up.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// The ids that come next: a later world that goes on above them repeats none of this one's.
    pub fn next_ids(&self) -> FirstIds {
        self.next
    }

    /// Its present.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Grows whenever something changes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    fn changed(&mut self) {
        self.revision += 1;
    }

    /// Moves to `now` (never back) and does, each at its own time, what falls due until then.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((at, due)) = self.timers.peek().filter(|(at, _)| *at <= now) {
            self.timers.pop();
            self.now = self.now.max(at);
            if self.fits(due) {
                self.happen(due);
            }
        }
        self.now = self.now.max(now);
    }

    /// When the next thing falls due; `None` when only others can move the world.
    pub fn next_due(&mut self) -> Option<Timestamp> {
        while let Some((at, due)) = self.timers.peek() {
            if self.fits(due) {
                return Some(at);
            }
            self.timers.pop();
        }
        None
    }

    /// Whether a timer still means something.
    fn fits(&self, due: Due) -> bool {
        let phase = |job: JobId| self.jobs.get(&job).map(|job| job.phase);
        let runner = |id: RunnerId| self.runners.get(&id);
        match due {
            Due::HostedStart(job) | Due::QueueLimit(job) => phase(job) == Some(Phase::Queued),
            Due::JobEnds(job) => match phase(job) {
                Some(Phase::Hosted) => true,
                // A machine that died works nothing off.
                Some(Phase::Running(id)) => runner(id).is_some_and(|r| r.listener == Listener::Driven),
                _ => false,
            },
            Due::Pickup(job, id) => phase(job) == Some(Phase::Assigned(id)),
            Due::Lost(id, absence) => runner(id)
                .is_some_and(|r| r.absence == absence && r.listener == Listener::Away && r.job.is_some()),
            Due::Offline(id, absence) => runner(id)
                .is_some_and(|r| r.absence == absence && r.listener == Listener::Away && r.job.is_none()),
            Due::Unused(id, absence) => runner(id).is_some_and(|r| {
                r.absence == absence && matches!(r.listener, Listener::Never | Listener::Gone)
            }),
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::HostedStart(job) if self.outage => {
                self.timers.set(self.now + self.config.hosted_delay.0, Due::HostedStart(job));
            }
            Due::HostedStart(job) => self.start_hosted(job),
            Due::JobEnds(job) => {
                if let Some(conclusion) = self.jobs.get(&job).map(|job| job.spec.conclusion) {
                    self.end_job(job, conclusion);
                }
            }
            Due::Pickup(job, runner) => self.give_up_on(job, runner),
            Due::QueueLimit(job) => self.end_job(job, trunkline_model::Conclusion::Cancelled),
            Due::Lost(runner, _) => self.lose(runner),
            Due::Offline(runner, _) => self.go_offline(runner),
            Due::Unused(runner, _) => self.remove_runner(runner, Removal::Unused),
        }
    }

    /// Takes the webhooks that were caused since the last call, in order.
    pub fn take_webhooks(&mut self) -> Vec<Webhook> {
        std::mem::take(&mut self.outgoing)
    }

    /// Whether webhooks wait to be taken.
    pub fn has_webhooks(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Puts an attempt to deliver into the record and returns its id.
    pub fn record_attempt(&mut self, webhook: Webhook, result: Attempted) -> u64 {
        let id = next(&mut self.next.delivery);
        self.record.add(Attempt { id, delivered_at: self.now, result, webhook });
        id
    }

    /// The record of attempts, newest first.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.record.attempts.iter().rev()
    }

    /// One attempt.
    pub fn attempt(&self, id: u64) -> Option<&Attempt> {
        self.record.get(id)
    }

    /// Sends what an attempt sent once more, with the same GUID.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] without the attempt.
    pub fn redeliver(&mut self, id: u64) -> Result<(), WorldError> {
        let attempt = self.record.get(id).ok_or(WorldError::NotFound)?;
        let webhook = Webhook { redelivery: true, ..attempt.webhook.clone() };
        self.outgoing.push(webhook);
        self.changed();
        Ok(())
    }

    /// The rate limits.
    pub fn budgets(&mut self) -> &mut Budgets {
        &mut self.budgets
    }

    /// Begins or ends an outage: while it lasts, no job gets a runner.
    pub fn set_outage(&mut self, outage: bool) {
        if std::mem::replace(&mut self.outage, outage) != outage {
            self.changed();
            self.assign_all();
        }
    }

    /// A run.
    pub fn run(&self, id: RunId) -> Option<&SimRun> {
        self.runs.get(&id)
    }

    /// All runs that are remembered, oldest first.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &SimRun> {
        self.runs.values()
    }

    /// A job.
    pub fn job(&self, id: JobId) -> Option<&SimJob> {
        self.jobs.get(&id)
    }

    /// All jobs that are remembered, in order of their ids.
    pub fn jobs(&self) -> impl DoubleEndedIterator<Item = &SimJob> {
        self.jobs.values()
    }

    fn repo_mut(&mut self, name: &RepoName) -> Option<&mut Repository> {
        self.repos.get_mut(&repo::key(name))
    }
}
