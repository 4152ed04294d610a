//! The world's part of the facts.

use super::system::{JobFact, RunnerFact, SystemFacts};
use crate::world::World;

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
