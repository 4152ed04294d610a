//! The job table in memory: jobs that are not completed yet, by `owner/name/id`. Pure; the records are the truth.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use trunkline_model::{Applied, Job, JobStatus};

/// Record kind of all jobs.
pub const JOB_RECORD: &str = "job";
/// Record kind that names the jobs that are not completed, so that a start need not read all of them.
pub const ACTIVE_JOB_RECORD: &str = "job.active";

/// A job's record id. GitHub compares repositories without regard to case, so ids are lower case.
pub fn job_key(job: &Job) -> String {
    format!("{}/{}", job.repo.as_str().to_ascii_lowercase(), job.id)
}

/// Folds observations of one batch into the known jobs; what changed comes out once per job.
///
/// `known` has the current document of every job that is observed, as far as there is one.
pub fn fold(
    known: &mut HashMap<String, Job>,
    observed: impl IntoIterator<Item = Job>,
) -> BTreeMap<String, Job> {
    let mut changed = BTreeMap::new();
    for seen in observed {
        let key = job_key(&seen);
        match known.get_mut(&key) {
            Some(job) => {
                if job.apply(&seen) == Applied::Changed {
                    changed.insert(key, job.clone());
                }
            }
            None => {
                known.insert(key.clone(), seen.clone());
                changed.insert(key, seen);
            }
        }
    }
    changed
}

/// Jobs that are queued, wait or run.
#[derive(Debug, Clone, Default)]
pub struct ActiveJobs {
    jobs: BTreeMap<String, ActiveJob>,
}

/// An active job and when it was last confirmed.
#[derive(Debug, Clone)]
pub struct ActiveJob {
    /// The job.
    pub job: Job,
    /// When GitHub last said so, by webhook or answer.
    pub confirmed_at: Timestamp,
}

impl ActiveJobs {
    /// Takes a job's newest document.
    pub fn put(&mut self, job: &Job, at: Timestamp) {
        let key = job_key(job);
        if job.status == JobStatus::Completed {
            self.jobs.remove(&key);
        } else {
            self.jobs.insert(key, ActiveJob { job: job.clone(), confirmed_at: at });
        }
    }

    /// Notes that GitHub said the same again.
    pub fn confirm(&mut self, key: &str, at: Timestamp) {
        if let Some(active) = self.jobs.get_mut(key) {
            active.confirmed_at = active.confirmed_at.max(at);
        }
    }

    /// Jobs that want a runner.
    pub fn queued(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().map(|active| &active.job).filter(|job| job.status == JobStatus::Queued)
    }

    /// Jobs that nobody confirmed for `after` (running ones: six times as long), longest ago first.
    pub fn unconfirmed(&self, now: Timestamp, after: SignedDuration, limit: usize) -> Vec<Job> {
        let is_old = |active: &&ActiveJob| {
            let factor = if active.job.status == JobStatus::InProgress { 6 } else { 1 };
            now.duration_since(active.confirmed_at) > after.saturating_mul(factor)
        };
        let mut old: Vec<&ActiveJob> = self.jobs.values().filter(is_old).collect();
        old.sort_by_key(|active| (active.confirmed_at, active.job.id));
        old.into_iter().take(limit).map(|active| active.job.clone()).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}
