//! A pull request.

use crate::{Applied, PrNumber, RepoName, Sha};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestState {
    /// Open, perhaps a draft.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged by GitHub.
    Merged,
}

impl PullRequestState {
    /// The word in tables and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }
}

/// The newest known state of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Where.
    pub repo: RepoName,
    /// Its number.
    pub number: PrNumber,
    /// Title.
    pub title: String,
    /// Description, as written.
    pub body: String,
    /// Open, closed or merged. A closed one may be reopened.
    pub state: PullRequestState,
    /// Draft.
    pub draft: bool,
    /// Author's login.
    pub author: String,
    /// Labels, in GitHub's order.
    pub labels: Vec<String>,
    /// Head commit.
    pub head_sha: Sha,
    /// Head branch.
    pub head_ref: String,
    /// Repository of the head; absent when the fork is gone.
    pub head_repo: Option<String>,
    /// Tip of the base branch when GitHub last looked.
    pub base_sha: Sha,
    /// Base branch.
    pub base_ref: String,
    /// Merge commit, once merged.
    pub merge_commit_sha: Option<Sha>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// Its page at GitHub.
    pub html_url: String,
}

impl PullRequest {
    /// Order among observations of this pull request: time of the last change, then progress of the state.
    pub fn version(&self) -> u64 {
        let state = match self.state {
            PullRequestState::Open => 0,
            PullRequestState::Closed => 1,
            PullRequestState::Merged => 2,
        };
        (u64::try_from(self.updated_at.as_millisecond()).unwrap_or(0) << 4) | state
    }

    /// Takes a newer observation of the same pull request, or refuses a late one. Merged is final.
    pub fn apply(&mut self, seen: &PullRequest) -> Applied {
        if *self == *seen {
            return Applied::Unchanged;
        }
        let unmerges = self.state == PullRequestState::Merged && seen.state != PullRequestState::Merged;
        if unmerges || seen.version() < self.version() {
            return Applied::Late;
        }
        self.clone_from(seen);
        Applied::Changed
    }
}
