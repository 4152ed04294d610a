//! Random walks through steps, restarts, lost webhooks and outages: no busy runner loses its machine, no cap is
//! passed, and all comes to rest.

use super::*;
use trunkline_model::Conclusion;

impl World {
    /// Machines of runners with a job must be there.
    fn no_busy_runner_was_stopped(&self) {
        let machines = self.provider.names();
        for runner in self.forge.state().runners.values().filter(|runner| runner.busy) {
            let there = machines.iter().any(|name| name.as_str() == runner.name);
            assert!(there, "`{}` has a job and no machine", runner.name);
        }
        assert!(machines.len() <= 10);
    }

    /// GitHub's side of time: runners come online and take queued jobs they match.
    fn github_assigns(&self) {
        let machines = self.provider.names();
        let now = self.fleet.now();
        let mut state = self.forge.state();
        let state = &mut *state;
        for runner in state.runners.values_mut() {
            runner.online = machines.iter().any(|name| name.as_str() == runner.name);
            if runner.online && !runner.busy {
                let Some(job) = state.jobs.iter_mut().find(|job| job.status == JobStatus::Queued) else {
                    continue;
                };
                runner.busy = true;
                job.status = JobStatus::InProgress;
                job.started_at = Some(now);
                job.runner_name = Some(runner.name.clone());
            }
        }
    }

    /// One running job ends; its registration goes, its machine stops.
    fn a_job_ends(&self, rng: &mut Rng) -> Option<Job> {
        let mut state = self.forge.state();
        let running = |job: &&mut Job| job.status == JobStatus::InProgress;
        let count = state.jobs.iter_mut().filter(running).count() as u64;
        let index = usize::try_from(rng.below(count)).unwrap();
        let job = state.jobs.iter_mut().filter(running).nth(index)?;
        job.status = JobStatus::Completed;
        job.conclusion = Some(Conclusion::Success);
        job.completed_at = Some(self.fleet.now());
        let job = job.clone();
        let name = job.runner_name.clone().unwrap();
        state.runners.retain(|_, runner| runner.name != name);
        drop(state);
        self.provider.end(&name.parse().unwrap());
        Some(job)
    }
}

async fn walk(seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let mut world = World::new().await;
    let mut next = 0;
    for _ in 0..120 {
        match rng.below(14) {
            0 | 1 => {
                next += 1;
                let job =
                    Job { run_id: RunId(next), created_at: world.fleet.now(), ..job(next, "linux.large") };
                world.forge.state().jobs.push(job.clone());
                if rng.chance(0.7) {
                    world.hear(&job).await;
                }
            }
            2 => drop(world.fleet.step_intake().await.unwrap()),
            3 | 4 => drop(world.fleet.step_plan().await.unwrap()),
            5 | 6 => drop(world.fleet.step_execute().await.unwrap()),
            7 => drop(world.fleet.step_reconcile().await.unwrap()),
            8 => world.restart().await,
            9 => {
                let down = rng.chance(0.3);
                world.forge.state().down = down;
            }
            10 => world.provider.fail_list(rng.chance(0.3).then_some(ErrorClass::Transient)),
            11 => world.provider.fail_launch(rng.chance(0.3).then_some(ErrorClass::Capacity)),
            12 => world.github_assigns(),
            _ => {
                if let Some(job) = world.a_job_ends(&mut rng)
                    && rng.chance(0.7)
                {
                    world.hear(&job).await;
                }
            }
        }
        world.pass(i64::try_from(rng.below(90)).unwrap());
        world.no_busy_runner_was_stopped();
    }
    world.forge.state().down = false;
    world.provider.fail_list(None);
    world.provider.fail_launch(None);
    for _ in 0..200 {
        world.pass(60);
        world.github_assigns();
        world.fleet.step_reconcile().await.unwrap();
        world.round().await;
        world.no_busy_runner_was_stopped();
        while world.a_job_ends(&mut rng).is_some() {}
    }
    assert!(world.forge.state().jobs.iter().all(|job| job.status == JobStatus::Completed), "a job was lost");
    assert!(world.fleet.state().jobs.is_empty(), "a job is still active");
    assert_eq!(world.states().await, [], "a runner is left in the ledger");
    assert!(world.provider.names().is_empty(), "a machine is left over");
    assert!(world.forge.state().runners.is_empty(), "a registration is left over");
}

#[tokio::test]
async fn random_walks_harm_nobody_and_come_to_rest() {
    for seed in 0..12 {
        walk(seed).await;
    }
}
