//! What is loaded.

use jiff::Timestamp;
use trunkline_model::{Conclusion, IssueComment, Job, PullRequest, Push, RepoName, Review, Run, Sha};

/// Observations to load, in the order they arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Pushes, with the commits they brought.
    pub pushes: Vec<Push>,
    /// Pull requests.
    pub pull_requests: Vec<PullRequest>,
    /// Workflow runs.
    pub runs: Vec<Run>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Reviews.
    pub reviews: Vec<Review>,
    /// Comments.
    pub comments: Vec<IssueComment>,
    /// Check runs.
    pub check_runs: Vec<CheckRunRow>,
}

impl Rows {
    /// How many observations.
    pub fn len(&self) -> usize {
        self.pushes.len()
            + self.pull_requests.len()
            + self.runs.len()
            + self.jobs.len()
            + self.reviews.len()
            + self.comments.len()
            + self.check_runs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A check run, as any GitHub App reports one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRunRow {
    /// Where.
    pub repo: RepoName,
    /// GitHub's id; with `repo` the identity.
    pub id: u64,
    /// Name of the check.
    pub name: String,
    /// Commit under test.
    pub head_sha: Sha,
    /// GitHub's word for where it stands.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// Slug of the App that reports it; empty when unknown.
    pub app: String,
    /// The App's own reference; empty when it has none.
    pub external_id: String,
    /// Title of its report.
    pub title: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// When it was observed: payloads carry no time of their last change.
    pub seen_at: Timestamp,
    /// Its page at GitHub.
    pub html_url: String,
}

impl CheckRunRow {
    /// Order among observations of this check run: rank, then time. Time is that of the newest stamp in the payload, so the
    /// same payload observed twice has one version.
    pub fn version(&self) -> u64 {
        let rank: u64 = match self.status.as_str() {
            "completed" => 2,
            "in_progress" => 1,
            _ => 0,
        };
        let millis = self.started_at.max(self.completed_at).map_or(0, Timestamp::as_millisecond);
        (rank << 56) | (u64::try_from(millis).unwrap_or(0) & ((1 << 48) - 1))
    }
}

/// What a load did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadStats {
    /// Observations given, a push counting one and its commits one each.
    pub received: u64,
    /// Rows that are new or replaced an older version. ClickHouse sorts versions out later and counts every row sent.
    pub written: u64,
}
