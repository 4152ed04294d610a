//! A runner we launched: one registration at GitHub with at most one machine behind it.

use crate::{JobId, Label, RepoName, RunnerId, RunnerName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a runner stands. Single use: the order is its life, and no observation moves it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerState {
    /// Decided, nothing done outside yet.
    Planned,
    /// JIT configuration issued; GitHub lists it offline. The machine may be starting.
    Booting,
    /// Online, without a job.
    Idle,
    /// Has a job; untouchable.
    Busy,
    /// Its job ended, or it was removed; the machine may still be stopping.
    Finished,
    /// Registration and machine are both confirmed gone.
    Gone,
}

impl RunnerState {
    /// GitHub's and our word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Booting => "booting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Finished => "finished",
            Self::Gone => "gone",
        }
    }

    /// Whether it will take a queued job without further launches.
    pub fn is_supply(self) -> bool {
        matches!(self, Self::Planned | Self::Booting | Self::Idle)
    }
}

/// One entry of the ledger: a runner we asked for, from the decision to the proof that it is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runner {
    /// Name at GitHub; the identity. Unique over all time.
    pub name: RunnerName,
    /// Type from the scale configuration.
    pub runner_type: String,
    /// Labels it registers with.
    pub labels: Vec<Label>,
    /// Repository it registers in; the organisation's when `None`.
    pub repo: Option<RepoName>,
    /// Provider that runs the machine.
    pub provider: String,
    /// The provider's id of the machine, once launched.
    pub machine_id: Option<String>,
    /// GitHub's id, once the JIT configuration was issued.
    pub runner_id: Option<RunnerId>,
    /// Where it stands.
    pub state: RunnerState,
    /// Job it has or had.
    pub job: Option<JobId>,
    /// When it was decided.
    pub planned_at: Timestamp,
    /// When the machine was started.
    pub launched_at: Option<Timestamp>,
    /// When it was first seen online.
    pub online_at: Option<Timestamp>,
    /// When it took its job.
    pub busy_at: Option<Timestamp>,
    /// When it finished or was removed.
    pub finished_at: Option<Timestamp>,
    /// Why it stands where it stands, in one sentence.
    pub reason: String,
}

impl Runner {
    /// Moves forward to `state`; refuses (returns false) to move back or to stay.
    pub fn advance(&mut self, state: RunnerState, at: Timestamp, reason: impl Into<String>) -> bool {
        if state <= self.state {
            return false;
        }
        match state {
            RunnerState::Planned => {}
            RunnerState::Booting => self.launched_at = Some(at),
            RunnerState::Idle => self.online_at = Some(at),
            RunnerState::Busy => {
                self.online_at.get_or_insert(at);
                self.busy_at = Some(at);
            }
            RunnerState::Finished | RunnerState::Gone => {
                self.finished_at.get_or_insert(at);
            }
        }
        self.state = state;
        self.reason = reason.into();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_is_single_use() {
        let at = Timestamp::UNIX_EPOCH;
        let mut runner = Runner {
            name: "trunkline-1".parse().unwrap(),
            runner_type: "linux.large".into(),
            labels: vec![],
            repo: None,
            provider: "process".into(),
            machine_id: None,
            runner_id: None,
            state: RunnerState::Planned,
            job: None,
            planned_at: at,
            launched_at: None,
            online_at: None,
            busy_at: None,
            finished_at: None,
            reason: String::new(),
        };
        assert!(runner.advance(RunnerState::Busy, at, "took a job"));
        assert!(!runner.advance(RunnerState::Idle, at, "late"));
        assert!(runner.advance(RunnerState::Finished, at, "job ended"));
        assert!(!runner.advance(RunnerState::Busy, at, "late"));
        assert!(!runner.state.is_supply());
    }
}
