//! What a scenario needs of the product and of the world around it.
//!
//! The binary implements [`System`] with the real parts of Trunkline on a fake GitHub; the tests of this module
//! implement it in a few lines. All times are virtual: the system's clock stands still but for
//! [`System::advance`].

use super::step::{Faults, KillAt, SignatureKind};
use crate::workload::Stage;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use trunkline_model::{Conclusion, JobId, JobStatus, Label};

/// A delivery that a scenario makes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `X-GitHub-Event`.
    pub event: String,
    /// `X-GitHub-Delivery`.
    pub id: String,
    /// Body, byte for byte.
    pub body: Vec<u8>,
    /// How to sign it.
    pub signature: SignatureKind,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
}

/// The system could not do what a scenario asked: the run ends.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct SystemError {
    /// What was being done.
    pub doing: String,
    /// Why it failed.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SystemError {
    /// An error with its cause.
    pub fn new(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { doing: doing.into(), source: Some(source.into()) }
    }
}

/// Trunkline and its world, moved by hand.
pub trait System {
    /// The fake GitHub as people use it: pushes, jobs, re-runs, comments. Acts at the present virtual time.
    fn stage(&mut self) -> &mut dyn Stage;

    /// Sets what is wrong with the world from now on.
    fn set_faults(&mut self, faults: &Faults);

    /// When the next thing falls due, in the world or in Trunkline's own timers. Never before the present.
    fn next_due(&mut self) -> Option<Timestamp>;

    /// Moves the clock to `now` (never back) and lets the world do what is due: boots, job ends, webhooks.
    fn advance(&mut self, now: Timestamp) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Lets Trunkline work at the present time until it has nothing more to do.
    fn settle(&mut self) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Posts a delivery and returns the HTTP status.
    fn deliver(&mut self, delivery: Delivery) -> impl Future<Output = Result<u16, SystemError>> + Send;

    /// The present, when what Trunkline does takes time: later than [`System::advance`] said.
    fn now(&mut self) -> Option<Timestamp> {
        None
    }

    /// Whether Trunkline may act now. One that was just started waits until the rights of its predecessor have run out.
    fn may_act(&mut self) -> impl Future<Output = Result<bool, SystemError>> + Send {
        async { Ok(true) }
    }

    /// Ends Trunkline without a word: at once, or at a place in the middle of what it would do next.
    fn kill(&mut self, place: Option<KillAt>) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Starts it again on the same data.
    fn start(&mut self) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// A cheap look: whether something is plainly unfinished, so that [`System::facts`] need not be asked whether
    /// all is quiet.
    fn is_busy(&mut self) -> bool {
        false
    }

    /// What is true now, in the world and in Trunkline's eyes.
    fn facts(&mut self) -> impl Future<Output = Result<SystemFacts, SystemError>> + Send;
}

/// All that the checks read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SystemFacts {
    /// Jobs, in order of their ids.
    pub jobs: Vec<JobFact>,
    /// Runners that ever were, in order of their launch.
    pub runners: Vec<RunnerFact>,
    /// Requests that Trunkline made to GitHub.
    pub calls: Vec<CallFact>,
    /// Effects done outside, by idempotency key: how often each was really carried out.
    pub effects_done: BTreeMap<String, u64>,
    /// Effects that are decided and neither done nor given up.
    pub effects_pending: u64,
    /// Stored deliveries that a consumer has not seen.
    pub events_behind: u64,
    /// Deliveries stored, each counted once.
    pub stored_deliveries: u64,
    /// Deliveries stored more than once: always a fault.
    pub stored_twice: u64,
    /// Deliveries that Trunkline acknowledged and does not have: always a fault.
    pub deliveries_lost: Vec<String>,
    /// Effects whose reason is missing, by idempotency key.
    pub unexplained: Vec<String>,
    /// Most machines at any one time.
    pub most_machines: u64,
    /// How many the configuration allows; `None` is any number.
    pub machines_allowed: Option<u64>,
    /// Commits on the trunk that the warehouse does not have.
    pub commits_missing: Vec<String>,
    /// Commits on the trunk.
    pub commits: u64,
    /// Times Trunkline was started.
    pub starts: u64,
}

impl SystemFacts {
    /// Runners that got a machine.
    pub fn launched(&self) -> u64 {
        self.runners.iter().filter(|runner| runner.machines > 0).count() as u64
    }
}

/// Requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallFact {
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// How many.
    pub count: u64,
}

/// One job, in GitHub's and in Trunkline's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobFact {
    /// GitHub's id.
    pub id: JobId,
    /// Name, without the workflow.
    pub name: String,
    /// Labels that it asks for.
    pub labels: Vec<Label>,
    /// Where it stands at GitHub.
    pub status: JobStatus,
    /// How it ended at GitHub.
    pub conclusion: Option<Conclusion>,
    /// Every runner that GitHub ever gave it to.
    pub runners: Vec<String>,
    /// Whether GitHub's own runners serve it.
    pub hosted: bool,
    /// Where Trunkline believes it stands; `None` when it never heard of it.
    pub known: Option<(JobStatus, Option<Conclusion>)>,
    /// What GitHub shows of it that pages show too.
    pub truth: JobRow,
    /// The same as the warehouse has it; `None` when it has no such row.
    pub row: Option<JobRow>,
}

/// The part of a job that the warehouse must have as GitHub has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JobRow {
    /// `queued`, `in_progress`, …
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// Runner that had it.
    pub runner: Option<String>,
    /// When it began, in milliseconds; `None` before.
    pub started_ms: Option<i64>,
    /// When it ended, in milliseconds.
    pub completed_ms: Option<i64>,
}

/// One runner that Trunkline launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunnerFact {
    /// Its name.
    pub name: String,
    /// Whether its machine runs.
    pub running: bool,
    /// Whether GitHub lists it.
    pub registered: bool,
    /// Jobs that GitHub gave it.
    pub jobs: Vec<JobId>,
    /// Whether Trunkline ended its machine or registration while it had a job.
    pub terminated_busy: bool,
    /// Machines that were started under its name.
    pub machines: u64,
}
