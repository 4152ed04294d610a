//! What the fleet asks GitHub, and how its answers count here.
//!
//! The product's implementation is GitHub's typed client; the narrow trait keeps steps testable without HTTP and
//! names every call the fleet makes.

pub mod fake;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use std::fmt::Debug;
use trunkline_model::{Job, JobId, Label, RepoName, RunId, RunnerId, RunnerName};

/// A registration as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// GitHub's id.
    pub id: RunnerId,
    /// Name.
    pub name: String,
    /// Connected.
    pub online: bool,
    /// Has a job.
    pub busy: bool,
}

/// A registration that was just made.
#[derive(Debug, Clone)]
pub struct JitConfig {
    /// GitHub's id.
    pub runner_id: RunnerId,
    /// What the runner starts with; single use.
    pub encoded: SecretString,
}

/// Answers that are not what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// It does not exist (any more).
    #[error("not found at GitHub")]
    NotFound,
    /// The name is taken.
    #[error("the name is taken at GitHub")]
    Conflict,
    /// The runner has a job: hands off.
    #[error("the runner has a job")]
    Busy,
    /// A limit is used up.
    #[error("GitHub's rate limit is used up until {until}")]
    RateLimited {
        /// When to come back.
        until: Timestamp,
    },
    /// May pass by itself.
    #[error("GitHub did not answer: {0}")]
    Transient(String),
    /// A person must act: credentials, permissions, configuration.
    #[error("GitHub refuses: {0}")]
    Refused(String),
}

/// The calls.
#[async_trait]
pub trait Forge: Send + Sync + Debug {
    /// All registrations of the scope; complete, or an error.
    async fn runners(&self) -> Result<Vec<Registered>, Error>;
    /// One registration.
    async fn runner(&self, id: RunnerId) -> Result<Registered, Error>;
    /// Registers a runner for one job.
    async fn register(&self, name: &RunnerName, labels: &[Label]) -> Result<JitConfig, Error>;
    /// Removes a registration.
    async fn deregister(&self, id: RunnerId) -> Result<(), Error>;
    /// One job.
    async fn job(&self, repo: &RepoName, id: JobId) -> Result<Job, Error>;
    /// Runs of a repository that have queued jobs.
    async fn queued_runs(&self, repo: &RepoName) -> Result<Vec<RunId>, Error>;
    /// Jobs of the newest attempt of a run.
    async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error>;
}
