//! Forgets what ended long ago, in bounded steps. Jobs and runners that have not ended stay, however old.

use super::{Error, Fleet};
use crate::{
    jobs::{ACTIVE_JOB_RECORD, JOB_RECORD},
    ledger::PAST_RUNNER_RECORD,
};
use jiff::SignedDuration;

/// GitHub redelivers webhooks for three days: a job forgotten sooner could come back as a new one and get a runner.
pub const KEEP_AT_LEAST: SignedDuration = SignedDuration::from_hours(4 * 24);

/// Records deleted per statement.
const PER_BATCH: usize = 500;
/// Statements per step and kind; the rest waits for the next step.
const BATCHES: usize = 200;

/// What a step forgot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneStats {
    /// Completed jobs.
    pub jobs: u64,
    /// Past runners.
    pub runners: u64,
}

impl Fleet {
    /// Deletes records of jobs that completed, and of runners that went, longer ago than
    /// [`super::FleetConfig::keep_finished`].
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn step_prune(&self) -> Result<PruneStats, Error> {
        let keep = self.0.config.keep_finished.max(KEEP_AT_LEAST);
        let Ok(before) = self.now().checked_sub(keep) else { return Ok(PruneStats::default()) };
        let mut stats = PruneStats::default();
        // Every job that has not completed is named among the active ones.
        let kinds = [
            (JOB_RECORD, Some(ACTIVE_JOB_RECORD), &mut stats.jobs),
            (PAST_RUNNER_RECORD, None, &mut stats.runners),
        ];
        for (kind, unless, count) in kinds {
            for _ in 0..BATCHES {
                let deleted = self.0.store.prune_records(kind, unless, before, PER_BATCH).await?;
                *count += deleted;
                if deleted < PER_BATCH as u64 {
                    break;
                }
            }
        }
        Ok(stats)
    }
}
