//! The world's part of the facts.

use super::system::{JobFact, JobRow, RunnerFact, SystemFacts};
use crate::world::World;
use jiff::Timestamp;
use trunkline_model::Job;

impl SystemFacts {
    /// What the world says: jobs, registrations, commits. `known`, machines, calls, effects and counts are the
    /// product's to add; a runner counts as one machine that does not run until the provider says otherwise.
    pub fn of_world(world: &World) -> Self {
        let jobs = world.jobs().map(|job| JobFact {
            id: job.job.id,
            name: job.job.name.clone(),
            labels: job.job.labels.clone(),
            status: job.job.status,
            conclusion: job.job.conclusion,
            runners: job.runners.iter().map(ToString::to_string).collect(),
            hosted: job.spec.hosted,
            known: None,
            truth: JobRow::of(&job.job),
            row: None,
        });
        let runners = world.runner_histories().map(|runner| RunnerFact {
            name: runner.name.to_string(),
            running: false,
            registered: runner.removed.is_none(),
            jobs: runner.jobs.clone(),
            terminated_busy: runner.vanished_busy,
            machines: 1,
        });
        let commits =
            world.repos().map(|repo| repo.branches.get(&repo.default_branch).map_or(0, |b| b.len() as u64));
        Self { jobs: jobs.collect(), runners: runners.collect(), commits: commits.sum(), ..Self::default() }
    }
}

impl JobRow {
    /// The part of a job.
    pub fn of(job: &Job) -> Self {
        let ms = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
        // Until a job begins GitHub gives its creation as its start.
        let started = job.started_at.filter(|_| job.status.rank() > 0);
        Self {
            status: job.status.as_str().into(),
            conclusion: job.conclusion.map(|conclusion| conclusion.as_str().into()),
            runner: job.runner_name.clone(),
            started_ms: ms(started),
            completed_ms: ms(job.completed_at),
        }
    }
}
