//! The provider's own housekeeping, and what it says of machines that are taken away.

use super::{Error, Fleet, records::write_entry};
use crate::provider::{NoticeKind, Upkeep};
use trunkline_model::{RunnerName, RunnerState};
use trunkline_store::Batch;

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaintainStats {
    /// The provider's housekeeping.
    pub upkeep: Upkeep,
    /// Runners whose entry now says what the provider said of their machine.
    pub noted: usize,
    /// The provider did not answer.
    pub unanswered: Vec<String>,
}

impl Fleet {
    /// One round of housekeeping; nothing while another replica acts. A provider's silence is no error: the next round
    /// asks again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn step_maintain(&self) -> Result<MaintainStats, Error> {
        let mut stats = MaintainStats::default();
        if !self.hold().await? {
            return Ok(stats);
        }
        match self.0.provider.maintain().await {
            Ok(upkeep) => stats.upkeep = upkeep,
            Err(error) => stats.unanswered.push(error.to_string()),
        }
        let notices = match self.0.provider.notices().await {
            Ok(notices) => notices,
            Err(error) => {
                stats.unanswered.push(error.to_string());
                return Ok(stats);
            }
        };
        for notice in notices {
            let Some(name) = &notice.name else { continue };
            let what = match notice.kind {
                NoticeKind::Interruption => "the provider takes its machine away",
                NoticeKind::Maintenance => "the provider will restart or retire its machine",
                NoticeKind::Ended => "its machine ended, not by our order",
            };
            stats.noted += usize::from(self.note(name, format!("{what}: {}", notice.reason)).await?);
        }
        Ok(stats)
    }

    /// Writes a reason to a runner that is not over yet. Whether it has a job is GitHub's to say, so nothing else follows
    /// from it: reconciling sees the machine go.
    async fn note(&self, name: &RunnerName, reason: String) -> Result<bool, Error> {
        let Some(mut entry) = self.entry(name.as_str()).await? else { return Ok(false) };
        let runner = &mut entry.value.runner;
        if runner.reason == reason || runner.state >= RunnerState::Finished {
            return Ok(false);
        }
        runner.reason = reason;
        let mut batch = Batch::default();
        write_entry(&mut batch, &entry.value, Some(entry.version));
        let noted = match self.commit(batch).await {
            Ok(_) => Ok(true),
            // Somebody moved it meanwhile: the next round looks again.
            Err(Error::Store(trunkline_store::Error::Conflict { .. })) => Ok(false),
            Err(error) => Err(error),
        };
        self.state().ledger.touch(vec![name.to_string()]);
        noted
    }
}
