//! How the simulated GitHub is set up.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Set-up of a [`World`](super::World). Durations are virtual time.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Equal seeds and equal calls give equal worlds.
    pub seed: u64,
    /// Id of the App.
    pub app_id: u64,
    /// Id of the App's installation.
    pub installation_id: u64,
    /// Id of each repository's webhook.
    pub hook_id: u64,
    /// Least and mean further wait for one of GitHub's own runners.
    pub hosted_delay: (SignedDuration, SignedDuration),
    /// How long an assigned job waits for its runner's listener before it is queued again.
    pub pickup: SignedDuration,
    /// How long a job may be queued before it is cancelled.
    pub queue_limit: SignedDuration,
    /// How long a vanished runner keeps its job before the job fails.
    pub lost_after: SignedDuration,
    /// How long a listener may be away before its idle runner counts as offline.
    pub offline_after: SignedDuration,
    /// How long a registration without a listener is kept.
    pub unused_runner: SignedDuration,
    /// Whether `check_run` webhooks accompany those of jobs.
    pub check_runs: bool,
    /// First ids: the world counts up from them.
    pub first: FirstIds,
    /// Finished runs beyond this number are forgotten, the oldest first.
    pub keep_runs: usize,
    /// Attempts beyond this number are forgotten, the oldest first. GitHub keeps three days.
    pub keep_deliveries: usize,
    /// Removed runners beyond this number are forgotten, the oldest first.
    pub keep_runners: usize,
    /// Requests per hour in the `core` bucket.
    pub core_limit: u64,
    /// Requests per hour in the `actions_runner_registration` bucket.
    pub registration_limit: u64,
}

/// The first id of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstIds {
    /// Of runs.
    pub run: u64,
    /// Of jobs (and their check runs).
    pub job: u64,
    /// Of comments.
    pub comment: u64,
    /// Of runner registrations.
    pub runner: u64,
    /// Of delivery attempts.
    pub delivery: u64,
}

impl Default for FirstIds {
    fn default() -> Self {
        Self {
            run: 19_500_000_000,
            job: 55_000_000_000,
            comment: 3_600_000_000,
            runner: 1_001,
            delivery: 90_000_000_001,
        }
    }
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            app_id: 4_242,
            installation_id: 5_150_001,
            hook_id: 601,
            hosted_delay: (SignedDuration::from_secs(3), SignedDuration::from_secs(7)),
            pickup: SignedDuration::from_secs(60),
            queue_limit: SignedDuration::from_hours(24),
            lost_after: SignedDuration::from_mins(10),
            offline_after: SignedDuration::from_secs(60),
            unused_runner: SignedDuration::from_hours(24),
            check_runs: true,
            first: FirstIds::default(),
            keep_runs: 20_000,
            keep_deliveries: 20_000,
            keep_runners: 20_000,
            core_limit: 15_000,
            registration_limit: 10_000,
        }
    }
}
