//! Comments and reviews.

use crate::{PrNumber, RepoName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A comment on an issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueComment {
    /// Where.
    pub repo: RepoName,
    /// GitHub's id; with `repo` the identity.
    pub id: u64,
    /// Issue or pull request.
    pub number: PrNumber,
    /// Whether the issue is a pull request.
    pub on_pull_request: bool,
    /// Author's login.
    pub author: String,
    /// Relation of the author to the repository, GitHub's word (`MEMBER`, `NONE`, …).
    pub author_association: String,
    /// Text, as written.
    pub body: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// Last edit.
    pub updated_at: Timestamp,
    /// Its page at GitHub.
    pub html_url: String,
}

impl IssueComment {
    /// Order among observations: deletion is final, then time of the last edit.
    pub fn version(&self) -> u64 {
        (u64::from(self.deleted) << 60) | u64::try_from(self.updated_at.as_millisecond()).unwrap_or(0)
    }
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// May go in.
    Approved,
    /// Must change.
    ChangesRequested,
    /// A remark.
    Commented,
    /// No longer counts.
    Dismissed,
    /// Not submitted yet, or a word we do not know.
    #[serde(other)]
    Pending,
}

impl ReviewState {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::ChangesRequested => "changes_requested",
            Self::Commented => "commented",
            Self::Dismissed => "dismissed",
            Self::Pending => "pending",
        }
    }
}

/// A review of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Where.
    pub repo: RepoName,
    /// GitHub's id; with `repo` the identity.
    pub id: u64,
    /// Pull request.
    pub number: PrNumber,
    /// Reviewer's login.
    pub author: String,
    /// Relation of the reviewer to the repository, GitHub's word.
    pub author_association: String,
    /// What it says.
    pub state: ReviewState,
    /// Commit that was reviewed.
    pub commit_id: Option<String>,
    /// Text, as written.
    pub body: String,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// Its page at GitHub.
    pub html_url: String,
}

impl Review {
    /// Order among observations: a dismissal is final, then time.
    pub fn version(&self) -> u64 {
        let dismissed = u64::from(self.state == ReviewState::Dismissed);
        (dismissed << 60) | u64::try_from(self.submitted_at.as_millisecond()).unwrap_or(0)
    }
}
