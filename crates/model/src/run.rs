//! A workflow run.

use crate::{Applied, Conclusion, PrNumber, RepoName, RunId, Sha};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The newest known state of a workflow run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Where it runs.
    pub repo: RepoName,
    /// GitHub's id; with `repo` the identity.
    pub id: RunId,
    /// Newest attempt, from 1.
    pub attempt: u32,
    /// Name of the workflow.
    pub name: String,
    /// GitHub's id of the workflow file.
    pub workflow_id: u64,
    /// What triggered it: `push`, `pull_request`, `schedule`, `workflow_dispatch`, …
    pub event: String,
    /// GitHub's word for where it stands.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// Commit under test.
    pub head_sha: Sha,
    /// Branch; absent for some events.
    pub head_branch: Option<String>,
    /// Repository of the head commit: differs for forks.
    pub head_repo: Option<String>,
    /// Who triggered the first attempt.
    pub actor: Option<String>,
    /// Who triggered this attempt.
    pub triggering_actor: Option<String>,
    /// Pull requests of the same repository with this head.
    pub pull_requests: Vec<PrNumber>,
    /// When GitHub made the run.
    pub created_at: Timestamp,
    /// When this attempt began.
    pub run_started_at: Option<Timestamp>,
    /// Last change.
    pub updated_at: Timestamp,
    /// Its page at GitHub.
    pub html_url: String,
}

impl Run {
    fn rank(&self) -> u8 {
        match self.status.as_str() {
            "completed" => 2,
            "in_progress" => 1,
            _ => 0,
        }
    }

    /// Order among observations of this run: attempt, rank, time of the last change.
    pub fn version(&self) -> u64 {
        let millis = u64::try_from(self.updated_at.as_millisecond()).unwrap_or(0) & ((1 << 44) - 1);
        (u64::from(self.attempt & 0xfff) << 50) | (u64::from(self.rank()) << 48) | millis
    }

    /// Takes a newer observation of the same run, or refuses a late one. A new attempt may reopen it.
    pub fn apply(&mut self, seen: &Run) -> Applied {
        if *self == *seen {
            return Applied::Unchanged;
        }
        if seen.version() < self.version() {
            return Applied::Late;
        }
        self.clone_from(seen);
        Applied::Changed
    }
}
