//! The fleet's handle: steps that a caller drives, each bounded, repeatable and safe to cut off at any point.
//!
//! | step | reads | writes |
//! |---|---|---|
//! | [`Fleet::step_intake`] | event log from cursor `fleet` | job and runner records, with the cursor |
//! | [`Fleet::step_plan`] | active jobs, ledger | planned ledger entries and outbox effects, together |
//! | [`Fleet::step_execute`] | due effects | GitHub, provider, ledger |
//! | [`Fleet::step_reconcile`] | GitHub, provider | ledger; found differences as `poll` events in the log |
//! | [`Fleet::step_maintain`] | provider | its own left-overs; reasons in the ledger |
//! | [`Fleet::step_prune`] | old jobs and runners | their records, deleted |
//!
//! Of several replicas on one store one acts, the holder of the lease [`LEASE`]; the steps of the others do nothing.

mod cache;
mod execute;
mod intake;
mod lease;
mod maintain;
mod plan;
mod prune;
mod reconcile;
mod records;
mod status;

pub use execute::ExecuteStats;
pub use intake::{IntakeStats, POLL_SOURCE, POLLED_JOB};
pub use lease::{LEASE, LEASE_TTL, LeaseStatus};
pub use maintain::MaintainStats;
pub use plan::PlanStats;
pub use prune::{KEEP_AT_LEAST, PruneStats};
pub use reconcile::ReconcileStats;
pub use status::{FleetStatus, LabelStatus, RunnerStatus, Totals};

use crate::{forge::Forge, jobs::ActiveJobs, provider::Provider, scale_config::ScaleConfig};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trunkline_model::{Label, RepoName, Rng, SharedClock};
use trunkline_store::{Lease, Store};

/// Where runners register, and whose jobs are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One repository.
    Repository(RepoName),
    /// All repositories of an organisation.
    Organization(String),
}

impl Scope {
    /// Whether jobs of the repository can run on our runners.
    pub fn covers(&self, repo: &RepoName) -> bool {
        match self {
            Self::Repository(own) => own.same(repo),
            Self::Organization(owner) => owner.eq_ignore_ascii_case(repo.owner()),
        }
    }
}

/// Limits, times and names. The defaults suit a small installation.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// Where runners register.
    pub scope: Scope,
    /// Repositories whose queued runs are polled; the scope's repository when empty.
    pub poll_repositories: Vec<RepoName>,
    /// Most live runners.
    pub max_runners: u32,
    /// Most launches per planning step.
    pub launches_per_step: u32,
    /// Floor for types that do not say one.
    pub default_min_available: u32,
    /// Labels that all runners register with, beside those of their type.
    pub extra_labels: Vec<Label>,
    /// A runner must be online within this time.
    pub boot_timeout: SignedDuration,
    /// A runner may idle this long without demand.
    pub idle_grace: SignedDuration,
    /// A machine may outlive its runner this long.
    pub finish_grace: SignedDuration,
    /// How often [`Fleet::step_reconcile`] is meant to be called; older observations than three of it are unknown.
    pub reconcile_period: SignedDuration,
    /// Queued jobs that nobody confirmed for this long are looked up; running ones after six times as long.
    pub confirm_jobs_after: SignedDuration,
    /// Most job look-ups per reconcile step.
    pub job_lookups_per_step: usize,
    /// Beginning of runner names.
    pub name_prefix: String,
    /// Name of this process among the replicas; made of the machine's name and chance when `None`.
    pub replica: Option<String>,
    /// How long the right to act holds when it is not prolonged.
    pub lease_ttl: SignedDuration,
    /// Most effects done per step, and how many of them at the same time.
    pub effects_per_step: usize,
    /// Most effects under way at the same time.
    pub effects_at_once: usize,
    /// Records of completed jobs and past runners are kept this long, at least [`KEEP_AT_LEAST`].
    pub keep_finished: SignedDuration,
    /// A launch is given up after this many attempts; the planner decides anew.
    pub launch_attempts: u32,
}

impl FleetConfig {
    /// Defaults for a scope.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            poll_repositories: vec![],
            max_runners: 100,
            launches_per_step: 200,
            default_min_available: 0,
            extra_labels: vec![],
            boot_timeout: SignedDuration::from_mins(10),
            idle_grace: SignedDuration::from_mins(5),
            finish_grace: SignedDuration::from_mins(1),
            reconcile_period: SignedDuration::from_mins(1),
            confirm_jobs_after: SignedDuration::from_mins(10),
            job_lookups_per_step: 20,
            name_prefix: "trunkline".into(),
            replica: None,
            lease_ttl: LEASE_TTL,
            effects_per_step: 200,
            effects_at_once: 16,
            keep_finished: SignedDuration::from_hours(7 * 24),
            launch_attempts: 5,
        }
    }
}

/// What a fleet is made of.
#[derive(Debug)]
pub struct Parts {
    /// Durable state.
    pub store: Store,
    /// GitHub.
    pub forge: Arc<dyn Forge>,
    /// Who runs the machines.
    pub provider: Arc<dyn Provider>,
    /// Runner types.
    pub scale: ScaleConfig,
    /// Limits.
    pub config: FleetConfig,
    /// Time.
    pub clock: SharedClock,
    /// Chance: names.
    pub rng: Rng,
}

/// A step that could not be done; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The durable state did not answer.
    #[error("use the store")]
    Store(#[from] trunkline_store::Error),
    /// A record that this program wrote cannot be read.
    #[error("read record `{kind}` `{id}`")]
    Record {
        /// Its kind.
        kind: &'static str,
        /// Its id.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Others changed the same records again and again.
    #[error("commit after {0} conflicts")]
    Contended(u32),
}

/// See the [module](self). Clones are the same fleet.
#[derive(Debug, Clone)]
pub struct Fleet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    forge: Arc<dyn Forge>,
    provider: Arc<dyn Provider>,
    config: FleetConfig,
    clock: SharedClock,
    /// Name among the replicas.
    replica: String,
    /// The lease is taken by one task at a time.
    holding: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    scale: Arc<ScaleConfig>,
    jobs: ActiveJobs,
    jobs_read_at: Option<Timestamp>,
    ledger: cache::LedgerCache,
    /// Held, as far as we know.
    lease: Option<Lease>,
    rng: Rng,
    hold_launches_until: Option<Timestamp>,
    bad_payloads: u64,
    /// No reconcile yet after the start.
    reconciled_at: Option<Timestamp>,
}

impl Fleet {
    /// Opens the fleet over what the store knows. It stands by until its first step.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(mut parts: Parts) -> Result<Self, Error> {
        let replica = parts.config.replica.clone().unwrap_or_else(|| {
            let host = rustix::system::uname();
            format!("{}-{}", host.nodename().to_string_lossy(), parts.rng.fork().hex(8))
        });
        let state = State {
            scale: Arc::new(parts.scale),
            jobs: ActiveJobs::default(),
            jobs_read_at: None,
            ledger: cache::LedgerCache::default(),
            lease: None,
            rng: parts.rng,
            hold_launches_until: None,
            bad_payloads: 0,
            reconciled_at: None,
        };
        let fleet = Self(Arc::new(Inner {
            store: parts.store,
            forge: parts.forge,
            provider: parts.provider,
            config: parts.config,
            clock: parts.clock,
            replica,
            holding: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        }));
        fleet.0.store.cursor(intake::CURSOR).await?;
        Ok(fleet)
    }

    /// Replaces the runner types: configuration is reloaded without a restart.
    pub fn set_scale_config(&self, scale: ScaleConfig) {
        self.state().scale = Arc::new(scale);
    }

    /// The runner types in use.
    pub fn scale_config(&self) -> Arc<ScaleConfig> {
        self.state().scale.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Postpones launches; a later time wins.
    fn hold_launches(&self, until: Timestamp) {
        let mut state = self.state();
        state.hold_launches_until = state.hold_launches_until.max(Some(until));
    }
}

/// Commits are tried again after a conflict this many times.
const COMMIT_ATTEMPTS: u32 = 10;

#[cfg(test)]
mod tests;
