//! A job: one job of one attempt of a workflow run, and the rule that no event moves it backwards.

use crate::{JobId, Label, RepoName, RunId, Sha};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a job stands. The order is the order of its life; `Queued` and `Waiting` share a rank.
///
/// GitHub's further words `requested` and `pending` mean "not yet running" and are read as `Queued`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Wants a runner.
    #[serde(alias = "requested", alias = "pending")]
    Queued,
    /// Waits for an approval (environment gate); wants no runner yet.
    Waiting,
    /// Runs on a runner.
    InProgress,
    /// Has a conclusion.
    Completed,
}

impl JobStatus {
    /// Position in a job's life: an observation of lower rank never replaces one of higher rank.
    pub fn rank(self) -> u8 {
        match self {
            Self::Queued | Self::Waiting => 0,
            Self::InProgress => 1,
            Self::Completed => 2,
        }
    }

    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }
}

/// How a job, run or step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// All well.
    Success,
    /// A step failed.
    Failure,
    /// Cancelled by a person, a newer run or a limit.
    Cancelled,
    /// A condition said not to run.
    Skipped,
    /// Neither good nor bad.
    Neutral,
    /// Ran into its time limit.
    TimedOut,
    /// Waits for a person.
    ActionRequired,
    /// GitHub gave up on it.
    Stale,
    /// The workflow could not start.
    StartupFailure,
    /// A word we do not know yet; the raw event has it.
    #[serde(other)]
    Unknown,
}

impl Conclusion {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Neutral => "neutral",
            Self::TimedOut => "timed_out",
            Self::ActionRequired => "action_required",
            Self::Stale => "stale",
            Self::StartupFailure => "startup_failure",
            Self::Unknown => "unknown",
        }
    }

    /// Reads GitHub's word; an unknown one is [`Conclusion::Unknown`].
    pub fn parse(word: &str) -> Self {
        match word {
            "success" => Self::Success,
            "failure" => Self::Failure,
            "cancelled" => Self::Cancelled,
            "skipped" => Self::Skipped,
            "neutral" => Self::Neutral,
            "timed_out" => Self::TimedOut,
            "action_required" => Self::ActionRequired,
            "stale" => Self::Stale,
            "startup_failure" => Self::StartupFailure,
            _ => Self::Unknown,
        }
    }

    /// Whether the work itself failed: failure or time-out. A cancellation is no evidence.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::TimedOut | Self::StartupFailure)
    }
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// As in the workflow file.
    pub name: String,
    /// Position, from 1.
    pub number: u32,
    /// GitHub's word; steps know `queued`, `in_progress`, `completed`, `pending`.
    pub status: String,
    /// How it ended.
    #[serde(default)]
    pub conclusion: Option<Conclusion>,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
}

/// The newest known state of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Where it runs.
    pub repo: RepoName,
    /// GitHub's id; with `repo` the identity.
    pub id: JobId,
    /// The run it belongs to.
    pub run_id: RunId,
    /// Which attempt of the run, from 1.
    pub run_attempt: u32,
    /// The job's own name, as GitHub prints it (without the workflow).
    pub name: String,
    /// Name of the workflow; empty in rare old payloads.
    pub workflow_name: String,
    /// Commit under test.
    pub head_sha: Sha,
    /// Branch of the run; absent for some events.
    #[serde(default)]
    pub head_branch: Option<String>,
    /// Where it stands.
    pub status: JobStatus,
    /// How it ended; present exactly when completed.
    #[serde(default)]
    pub conclusion: Option<Conclusion>,
    /// `runs-on`, as written.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Runner that has it.
    #[serde(default)]
    pub runner_id: Option<u64>,
    /// Name of that runner.
    #[serde(default)]
    pub runner_name: Option<String>,
    /// Id of the runner group.
    #[serde(default)]
    pub runner_group_id: Option<u64>,
    /// Name of the runner group.
    #[serde(default)]
    pub runner_group_name: Option<String>,
    /// When GitHub made the job.
    pub created_at: Timestamp,
    /// When it began to run; equals `created_at` in queued payloads.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// Time of the approval gate's last change: orders `queued` against `waiting`.
    #[serde(default)]
    pub gate_updated_at: Option<Timestamp>,
    /// Its page at GitHub.
    #[serde(default)]
    pub html_url: String,
    /// Steps so far.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// What an observation did to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The job moved or learned something.
    Changed,
    /// The same again.
    Unchanged,
    /// Older than what is known; ignored.
    Late,
}

impl Job {
    /// Takes a newer observation of the same job, or refuses a late one.
    ///
    /// Rules: a lower rank never replaces a higher one; a completed job never changes; between `queued` and
    /// `waiting` the later approval-gate time wins, and without one `queued` wins (a runner too many costs
    /// less than a job that is never served). Known runner fields survive a payload that lacks them.
    pub fn apply(&mut self, seen: &Job) -> Applied {
        debug_assert!(self.repo.same(&seen.repo) && self.id == seen.id, "observations of one job");
        let (old, new) = (self.status, seen.status);
        if new.rank() < old.rank() || (old == JobStatus::Completed && new != JobStatus::Completed) {
            return Applied::Late;
        }
        if old == JobStatus::Completed {
            // Conclusions are final; only a first payload without one may learn it.
            if self.conclusion.is_some() || seen.conclusion.is_none() {
                return if self.conclusion == seen.conclusion { Applied::Unchanged } else { Applied::Late };
            }
        }
        if old.rank() == 0 && new.rank() == 0 && old != new {
            let later_gate = seen.gate_updated_at > self.gate_updated_at;
            let no_order = seen.gate_updated_at == self.gate_updated_at;
            let wins = later_gate || (no_order && new == JobStatus::Queued);
            if !wins {
                return Applied::Late;
            }
        }
        let mut next = seen.clone();
        next.runner_id = next.runner_id.or(self.runner_id);
        next.runner_name = next.runner_name.or_else(|| self.runner_name.clone());
        next.runner_group_id = next.runner_group_id.or(self.runner_group_id);
        next.runner_group_name = next.runner_group_name.or_else(|| self.runner_group_name.clone());
        next.gate_updated_at = next.gate_updated_at.max(self.gate_updated_at);
        if old == new && next.steps.len() < self.steps.len() {
            next.steps.clone_from(&self.steps);
        }
        if *self == next {
            return Applied::Unchanged;
        }
        *self = next;
        Applied::Changed
    }

    /// Order among observations of this job, the same whatever order they arrived in: rank, then newest time.
    pub fn version(&self) -> u64 {
        let newest = [Some(self.created_at), self.started_at, self.completed_at, self.gate_updated_at];
        let millis = newest.into_iter().flatten().map(Timestamp::as_millisecond).max().unwrap_or(0);
        let millis = u64::try_from(millis).unwrap_or(0) & ((1 << 48) - 1);
        let queued_wins_ties = u64::from(self.status == JobStatus::Queued);
        (u64::from(self.status.rank()) << 56) | (millis << 4) | queued_wins_ties
    }

    /// The column it belongs to: `workflow / job`.
    pub fn full_name(&self) -> String {
        if self.workflow_name.is_empty() {
            self.name.clone()
        } else {
            format!("{} / {}", self.workflow_name, self.name)
        }
    }

    /// Seconds spent waiting for a runner, once it started.
    pub fn queue_seconds(&self) -> Option<i64> {
        if self.status.rank() == 0 {
            return None;
        }
        self.started_at.map(|at| at.duration_since(self.created_at).as_secs().max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job(status: JobStatus) -> Job {
        let completed = status == JobStatus::Completed;
        Job {
            repo: "o/r".parse().unwrap(),
            id: JobId(1),
            run_id: RunId(2),
            run_attempt: 1,
            name: "build".into(),
            workflow_name: "pull".into(),
            head_sha: "a".repeat(40).parse().unwrap(),
            head_branch: Some("main".into()),
            status,
            conclusion: completed.then_some(Conclusion::Success),
            labels: vec!["linux.large".parse().unwrap()],
            runner_id: (status.rank() > 0).then_some(9),
            runner_name: None,
            runner_group_id: None,
            runner_group_name: None,
            created_at: at(100),
            started_at: Some(at(if status.rank() > 0 { 160 } else { 100 })),
            completed_at: completed.then(|| at(400)),
            gate_updated_at: None,
            html_url: String::new(),
            steps: vec![],
        }
    }

    #[test]
    fn a_late_event_never_moves_a_job_backwards() {
        let mut known = job(JobStatus::Completed);
        assert_eq!(known.apply(&job(JobStatus::InProgress)), Applied::Late);
        assert_eq!(known.apply(&job(JobStatus::Queued)), Applied::Late);
        assert_eq!(known.apply(&job(JobStatus::Completed)), Applied::Unchanged);
        assert_eq!(known.status, JobStatus::Completed);
    }

    #[test]
    fn a_conclusion_is_final() {
        let mut known = job(JobStatus::Completed);
        let mut other = job(JobStatus::Completed);
        other.conclusion = Some(Conclusion::Failure);
        assert_eq!(known.apply(&other), Applied::Late);
        assert_eq!(known.conclusion, Some(Conclusion::Success));
    }

    #[test]
    fn a_late_waiting_does_not_undo_the_second_queued() {
        let gate = |status, second| Job { gate_updated_at: Some(at(second)), ..job(status) };
        let mut known = gate(JobStatus::Queued, 300);
        assert_eq!(known.apply(&gate(JobStatus::Waiting, 200)), Applied::Late);
        assert_eq!(known.apply(&gate(JobStatus::Waiting, 300)), Applied::Late);
        assert_eq!(known.apply(&gate(JobStatus::Waiting, 400)), Applied::Changed);
    }

    #[test]
    fn runner_fields_survive_a_payload_without_them() {
        let mut known = job(JobStatus::InProgress);
        let mut done = job(JobStatus::Completed);
        done.runner_id = None;
        assert_eq!(known.apply(&done), Applied::Changed);
        assert_eq!(known.runner_id, Some(9));
    }

    #[test]
    fn unknown_words_are_kept_as_unknown() {
        let word: Conclusion = serde_json::from_str("\"brand_new\"").unwrap();
        assert_eq!(word, Conclusion::Unknown);
        assert_eq!(serde_json::from_str::<JobStatus>("\"pending\"").unwrap(), JobStatus::Queued);
    }

    proptest! {
        /// Any order, with repeats, of a job's life ends in the same state, and versions agree with `apply`.
        #[test]
        fn order_and_repeats_do_not_matter(order in proptest::collection::vec(0usize..3, 1..12)) {
            let life = [job(JobStatus::Queued), job(JobStatus::InProgress), job(JobStatus::Completed)];
            let mut known = life[order[0]].clone();
            for &i in &order[1..] {
                let before = known.status.rank();
                known.apply(&life[i]);
                prop_assert!(known.status.rank() >= before);
            }
            let newest = order.iter().copied().max().unwrap();
            prop_assert_eq!(known.status, life[newest].status);
            prop_assert_eq!(known.version(), life[newest].version());
        }
    }
}
