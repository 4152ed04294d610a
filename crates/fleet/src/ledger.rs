//! The ledger: one entry for every runner we asked for, kept until both its registration and its machine are
//! confirmed gone.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use trunkline_model::{Runner, RunnerState};

/// Record kind of live entries; the id is the runner's name.
pub const RUNNER_RECORD: &str = "runner";
/// Record kind of entries whose runner is gone.
pub const PAST_RUNNER_RECORD: &str = "runner.past";

/// What GitHub last said about a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Not asked yet, or the question failed. Nothing destructive happens on it.
    #[default]
    Unknown,
    /// Confirmed not registered: missing in a complete list and 404 by id.
    Absent,
    /// Registered, not connected.
    Offline,
    /// Connected, without a job.
    Idle,
    /// Has a job.
    Busy,
}

/// What the provider last said about a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Not asked yet, or the question failed.
    #[default]
    Unknown,
    /// Not there.
    Absent,
    /// There.
    Present,
}

/// One runner with what was last seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The runner.
    pub runner: Runner,
    /// What GitHub said.
    #[serde(default)]
    pub registration: Registration,
    /// What the provider said.
    #[serde(default)]
    pub machine: MachineState,
    /// When both were asked.
    #[serde(default)]
    pub seen_at: Option<Timestamp>,
    /// A termination is decided: it no longer counts as supply.
    #[serde(default)]
    pub terminating: bool,
    /// How many terminations were decided; makes their keys unique.
    #[serde(default)]
    pub terminations: u32,
}

impl Entry {
    /// A runner that was just decided.
    pub fn planned(runner: Runner) -> Self {
        Self {
            runner,
            registration: Registration::Unknown,
            machine: MachineState::Unknown,
            seen_at: None,
            terminating: false,
            terminations: 0,
        }
    }

    /// Whether it will take a queued job.
    pub fn is_supply(&self) -> bool {
        self.runner.state.is_supply() && !self.terminating
    }

    /// Whether it counts against limits: from the decision until it is gone.
    pub fn is_live(&self) -> bool {
        self.runner.state != RunnerState::Gone
    }

    /// Whether its job may be running, as far as anybody knows.
    pub fn may_be_busy(&self) -> bool {
        self.runner.state == RunnerState::Busy || self.registration == Registration::Busy
    }

    /// What GitHub said, if that is recent enough to act on.
    pub fn fresh_registration(&self, now: Timestamp, max_age: SignedDuration) -> Registration {
        match self.seen_at {
            Some(at) if now.duration_since(at) <= max_age => self.registration,
            _ => Registration::Unknown,
        }
    }
}
