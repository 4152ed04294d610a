//! One letter per state: green or red is for the page, the meaning is here.

use trunkline_model::{Conclusion, JobStatus};

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Letter {
    /// `O`
    Success,
    /// `F`: success, but another run of the cell failed.
    Flaky,
    /// `X`
    Failure,
    /// `C`
    Cancelled,
    /// `T`
    TimedOut,
    /// `?`
    Running,
    /// `Q`: wants a runner, or waits for an approval.
    Queued,
    /// `S`
    Skipped,
    /// `N`
    Neutral,
    /// `U`: anything else, such as `action_required`.
    Other,
    /// `~`: no such job for this commit.
    Absent,
}

impl Letter {
    /// What one run is shown as. A completed run without a conclusion is not over yet.
    pub fn of(status: JobStatus, conclusion: Option<Conclusion>) -> Self {
        match (status, conclusion) {
            (JobStatus::Queued | JobStatus::Waiting, _) => Self::Queued,
            (JobStatus::InProgress, _) | (JobStatus::Completed, None) => Self::Running,
            (JobStatus::Completed, Some(conclusion)) => match conclusion {
                Conclusion::Success => Self::Success,
                Conclusion::Failure | Conclusion::StartupFailure => Self::Failure,
                Conclusion::Cancelled => Self::Cancelled,
                Conclusion::TimedOut => Self::TimedOut,
                Conclusion::Skipped => Self::Skipped,
                Conclusion::Neutral => Self::Neutral,
                Conclusion::ActionRequired | Conclusion::Stale | Conclusion::Unknown => Self::Other,
            },
        }
    }

    /// The letter.
    pub fn as_char(self) -> char {
        match self {
            Self::Success => 'O',
            Self::Flaky => 'F',
            Self::Failure => 'X',
            Self::Cancelled => 'C',
            Self::TimedOut => 'T',
            Self::Running => '?',
            Self::Queued => 'Q',
            Self::Skipped => 'S',
            Self::Neutral => 'N',
            Self::Other => 'U',
            Self::Absent => '~',
        }
    }

    /// Whether a page offers more about the cell than its letter: a job to look at, a number of runs.
    pub fn has_detail(self) -> bool {
        !matches!(self, Self::Success | Self::Absent | Self::Skipped | Self::Neutral)
    }

    /// Whether the work itself failed. A cancellation is no evidence.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::TimedOut)
    }

    /// Which run stands for a cell: the lowest class does.
    pub(crate) fn class(self) -> u8 {
        match self {
            Self::Success | Self::Flaky => 0,
            Self::Failure | Self::TimedOut => 1,
            Self::Queued | Self::Running => 2,
            Self::Neutral => 3,
            Self::Skipped => 4,
            Self::Cancelled => 5,
            Self::Other | Self::Absent => 6,
        }
    }
}
