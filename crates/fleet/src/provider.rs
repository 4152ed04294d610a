//! The one interface to whoever runs machines: a cloud, a cluster, a partner, this machine.
//!
//! A provider launches machines by runner name and finds them again by that name after a restart of the control
//! plane. Launching a name twice gives one machine; terminating a machine that is not there succeeds. The suite
//! that every provider must pass is [`contract::check`].

pub mod contract;
pub mod fake;
mod machine;

pub use machine::{Capacity, Image, MachineSpec, Notice, NoticeKind, Owner, Upkeep};

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use std::fmt::Debug;
use trunkline_model::{Label, RunnerId, RunnerName};

/// Why a provider did not do what was asked; decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// No machines of this kind right now: try elsewhere or later.
    Capacity,
    /// A limit of our account or configuration is reached.
    Quota,
    /// Too many calls: slow down.
    Throttle,
    /// Credentials are refused: a person must act.
    Auth,
    /// The order cannot work as configured: a person must act.
    Config,
    /// Anything that may pass by itself.
    Transient,
}

impl ErrorClass {
    /// Whether the same order may succeed later without a person.
    pub fn may_pass(self) -> bool {
        !matches!(self, Self::Auth | Self::Config)
    }

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Quota => "quota",
            Self::Throttle => "throttle",
            Self::Auth => "auth",
            Self::Config => "config",
            Self::Transient => "transient",
        }
    }
}

/// A refusal or failure of a provider.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} ({})", class.as_str())]
pub struct Error {
    /// What kind.
    pub class: ErrorClass,
    /// What happened; holds no secrets.
    pub message: String,
}

impl Error {
    /// An error of a class.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

/// What a provider can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Most machines at once, when it has a limit of its own.
    pub max_machines: Option<u32>,
    /// Most launches in one call.
    pub launch_batch: usize,
}

/// A machine to start.
#[derive(Debug, Clone)]
pub struct LaunchSpec {
    /// The runner it is for; the machine's identity.
    pub name: RunnerName,
    /// Type from the scale configuration.
    pub runner_type: String,
    /// Labels the runner registered with.
    pub labels: Vec<Label>,
    /// What the runner starts with: single use, secret.
    pub jit_config: SecretString,
    /// GitHub's id of the registration, when it is known.
    pub runner_id: Option<RunnerId>,
    /// The machine, for providers that have a choice of machines.
    pub machine: MachineSpec,
}

/// A machine that is there, starting or running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The provider's id.
    pub id: String,
    /// The runner it is for.
    pub name: RunnerName,
    /// When it was started, if known.
    pub started_at: Option<Timestamp>,
}

/// Runs machines.
#[async_trait]
pub trait Provider: Send + Sync + Debug {
    /// Its name, such as `process`.
    fn name(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// All machines that exist. Complete, or an error: what is missing in the answer is gone.
    async fn list(&self) -> Result<Vec<Machine>, Error>;

    /// Starts machines; one answer for each order, in their order. A name that is already running is answered
    /// with its machine.
    async fn launch(&self, orders: &[LaunchSpec]) -> Vec<Result<Machine, Error>>;

    /// Stops a machine with all it started. Success when none of that name exists.
    async fn terminate(&self, name: &RunnerName) -> Result<(), Error>;

    /// What it knows of machines that will be or were taken away. Providers that know nothing say nothing.
    async fn notices(&self) -> Result<Vec<Notice>, Error> {
        Ok(vec![])
    }

    /// One round of its own housekeeping, such as deleting left-over secrets and keeping spare machines ready.
    /// Meant to be called every minute by whoever holds the fleet's lease.
    async fn maintain(&self) -> Result<Upkeep, Error> {
        Ok(Upkeep::default())
    }
}
