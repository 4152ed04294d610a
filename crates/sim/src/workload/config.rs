//! How much happens, how long it takes and how bad it goes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use trunkline_model::{BranchName, RepoName};

/// Everything that shapes a simulated project. Start from a preset and change what matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadConfig {
    /// Equal seeds give equal histories.
    pub seed: u64,
    /// The invented project.
    pub repo: RepoName,
    /// Its trunk.
    pub branch: BranchName,
    /// Mean number of trunk commits per hour of simulated time.
    pub commits_per_hour: f64,
    /// How much busier noon is than midnight (UTC), 0 to 1; 0 is a flat day.
    pub diurnal: f64,
    /// How irregular commits come, 0 to 1: 0 is an even beat, 1 is independent arrivals.
    pub jitter: f64,
    /// Pushes to pull requests per trunk commit.
    pub pr_share: f64,
    /// Size of the job list; 1.0 is about 300 jobs per trunk commit.
    pub jobs_scale: f64,
    /// Stretches or shrinks every job.
    pub duration_scale: f64,
    /// Pulls long and short jobs towards the median, 0 to 1; 0 gives every job its median.
    pub spread: f64,
    /// Most self-hosted jobs that become ready per minute of simulated time; later ones wait. No limit when absent.
    pub self_hosted_per_minute: Option<u32>,
    /// What goes wrong, and how often.
    pub failures: FailureRates,
}

/// Probabilities (0 to 1) of what goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRates {
    /// A trunk commit breaks something that stays broken until its revert or fix lands.
    pub bad_commit: f64,
    /// Mean number of further commits that land before the revert or fix.
    pub commits_until_fix: f64,
    /// A pull request breaks something of its own with a push.
    pub bad_pull: f64,
    /// A test job hits a flaky test.
    pub flaky: f64,
    /// The machine, network or a service fails the job.
    pub infrastructure: f64,
    /// The job hangs until its time limit.
    pub timeout: f64,
    /// Somebody re-runs the failed jobs of a run that failed for no fault of its commit.
    pub rerun: f64,
    /// A push to a pull request comes while the jobs of the one before still run, and cancels them.
    pub superseded: f64,
}

/// A named starting point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// See [`WorkloadConfig::pytorch_like`].
    PytorchLike,
    /// See [`WorkloadConfig::demo`].
    Demo,
    /// See [`WorkloadConfig::tiny`].
    Tiny,
}

impl Preset {
    /// Its configuration.
    pub fn config(self) -> WorkloadConfig {
        match self {
            Self::PytorchLike => WorkloadConfig::pytorch_like(),
            Self::Demo => WorkloadConfig::demo(),
            Self::Tiny => WorkloadConfig::tiny(),
        }
    }
}

impl WorkloadConfig {
    /// A large project at its real pace: 4 commits an hour, 300 jobs each, builds of half an hour, tests of an hour.
    pub fn pytorch_like() -> Self {
        Self {
            seed: 1,
            repo: "acme/torchlite".parse().expect("a repository name"),
            branch: "main".parse().expect("a branch name"),
            commits_per_hour: 4.0,
            diurnal: 0.5,
            jitter: 1.0,
            pr_share: 3.0,
            jobs_scale: 1.0,
            duration_scale: 1.0,
            spread: 1.0,
            self_hosted_per_minute: None,
            failures: FailureRates {
                bad_commit: 0.05,
                commits_until_fix: 4.0,
                bad_pull: 0.2,
                flaky: 0.004,
                infrastructure: 0.002,
                timeout: 0.0005,
                rerun: 0.6,
                superseded: 0.35,
            },
        }
    }

    /// The same project for a clock that runs 60 times as fast on a small machine.
    ///
    /// A trunk commit about every 30 s of real time, at most 8 self-hosted jobs getting ready per real second,
    /// most jobs over in 2 to 12 s of real time, and enough trouble that the grid has something to tell.
    pub fn demo() -> Self {
        let calm = Self::pytorch_like();
        Self {
            seed: 39,
            commits_per_hour: 2.0,
            diurnal: 0.0,
            jitter: 0.15,
            pr_share: 0.4,
            jobs_scale: 0.25,
            duration_scale: 0.13,
            spread: 0.7,
            self_hosted_per_minute: Some(8),
            failures: FailureRates {
                bad_commit: 0.15,
                commits_until_fix: 3.0,
                flaky: 0.004,
                infrastructure: 0.002,
                timeout: 0.0005,
                ..calm.failures.clone()
            },
            ..calm
        }
    }

    /// A handful of jobs per commit, minutes long and without random trouble: for tests.
    pub fn tiny() -> Self {
        Self {
            seed: 1,
            commits_per_hour: 6.0,
            diurnal: 0.0,
            jitter: 0.3,
            pr_share: 0.3,
            jobs_scale: 0.04,
            duration_scale: 0.05,
            spread: 0.3,
            failures: FailureRates::none(),
            ..Self::pytorch_like()
        }
    }

    /// Mean gap to the next trunk commit, at this time of day.
    pub fn commit_gap_seconds(&self, now: Timestamp) -> f64 {
        let of_day = now.as_second().rem_euclid(86_400) as f64 / 86_400.0;
        let factor = 1.0 - self.diurnal.clamp(0.0, 0.95) * (std::f64::consts::TAU * of_day).cos();
        3_600.0 / (self.commits_per_hour.max(1e-6) * factor)
    }
}

impl FailureRates {
    /// Nothing ever fails.
    pub fn none() -> Self {
        Self {
            bad_commit: 0.0,
            commits_until_fix: 1.0,
            bad_pull: 0.0,
            flaky: 0.0,
            infrastructure: 0.0,
            timeout: 0.0,
            rerun: 0.0,
            superseded: 0.0,
        }
    }
}

/// Seconds as a duration, never negative and never absurd.
pub(super) fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::from_millis((seconds.clamp(0.0, 1e9) * 1_000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noon_is_busier_than_midnight() {
        let config = WorkloadConfig::pytorch_like();
        let midnight: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let noon: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        assert!(config.commit_gap_seconds(noon) * 2.0 < config.commit_gap_seconds(midnight));
        let flat = WorkloadConfig::demo();
        assert!((flat.commit_gap_seconds(noon) - 1_800.0).abs() < 1e-6);
    }
}
