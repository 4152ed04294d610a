//! `expect`: what must hold at the end.

use super::{invariants::Invariant, values::Count};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All expectations. Invariants hold in every run unless named in [`Expect::except`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Final state of jobs by name (without the workflow): a conclusion, or `queued` or `in_progress`.
    /// A name that ends with `*` stands for all names that begin like it. Of each name the newest job counts.
    pub jobs: BTreeMap<String, JobState>,
    /// Totals over the whole run.
    pub counts: Counts,
    /// Runners that are registered or running at the end.
    pub runners_left: Option<Count>,
    /// Requests to GitHub.
    pub calls: Vec<Call>,
    /// Invariants that need not hold in this scenario.
    pub except: Vec<Invariant>,
}

/// The final state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// No runner yet.
    Queued,
    /// On a runner.
    InProgress,
    /// Ended well.
    Success,
    /// Failed.
    Failure,
    /// Cancelled.
    Cancelled,
    /// Skipped.
    Skipped,
    /// Ran into its limit.
    TimedOut,
}

impl JobState {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
        }
    }
}

/// `expect.counts`
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Counts {
    /// Commits on the trunk.
    pub commits: Option<Count>,
    /// Jobs that GitHub has.
    pub jobs: Option<Count>,
    /// Jobs that ended, however.
    pub completed: Option<Count>,
    /// Jobs that ended well.
    pub success: Option<Count>,
    /// Jobs that failed or ran into their limit.
    pub failure: Option<Count>,
    /// Jobs that were cancelled.
    pub cancelled: Option<Count>,
    /// Runners that were launched.
    pub launched: Option<Count>,
    /// Deliveries that Trunkline stored, each counted once.
    pub stored_deliveries: Option<Count>,
    /// Times that Trunkline was started.
    pub starts: Option<Count>,
}

/// A request to GitHub and how often it must be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path without the query; `*` stands for one segment, `**` at the end for any rest.
    pub path: String,
    /// How often.
    pub count: Count,
}

impl Call {
    /// Whether a request is one of these.
    pub fn fits(&self, method: &str, path: &str) -> bool {
        if !self.method.eq_ignore_ascii_case(method) {
            return false;
        }
        let mut found = path.split('?').next().unwrap_or(path).split('/');
        for wanted in self.path.split('/') {
            match (wanted, found.next()) {
                ("**", _) => return true,
                ("*", Some(segment)) if !segment.is_empty() => {}
                (wanted, Some(segment)) if wanted == segment => {}
                _ => return false,
            }
        }
        found.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_matched_by_segments() {
        let call = |path: &str| Call { method: "GET".into(), path: path.into(), count: Count::Exactly(1) };
        assert!(call("/repos/*/*/actions/runners").fits("get", "/repos/a/b/actions/runners?page=2"));
        assert!(!call("/repos/*/*/actions/runners").fits("GET", "/repos/a/b/actions/runners/5"));
        assert!(call("/repos/**").fits("GET", "/repos/a/b/actions/runners/5"));
        assert!(!call("/repos/*").fits("POST", "/repos/a"));
        assert!(!call("/repos/*/x").fits("GET", "/repos//x"));
    }
}
