//! What ended long ago is forgotten, what did not end is not.

use super::*;
use crate::{jobs::JOB_RECORD, ledger::PAST_RUNNER_RECORD};

#[tokio::test]
async fn old_jobs_and_past_runners_are_forgotten() {
    let world = World::new().await;
    let days = |n: i64| world.pass(n * 24 * 3_600);
    let counts = async || {
        let count = |kind| world.store.count_records(kind);
        (count(JOB_RECORD).await.unwrap(), count(PAST_RUNNER_RECORD).await.unwrap())
    };
    // One job ran and ended with its runner; one waits for ever.
    world.hear(&job(1, "linux.large")).await;
    world.hear(&job(2, "ubuntu-latest")).await;
    world.round().await;
    world.all_online();
    world.fleet.step_reconcile().await.unwrap();
    let mut done = job(1, "linux.large");
    world.assign(&mut done);
    world.hear(&done).await;
    done.status = JobStatus::Completed;
    done.completed_at = Some(world.fleet.now());
    world.hear(&done).await;
    world.round().await;
    world.forge.state().runners.clear();
    world.provider.end(&world.provider.names()[0]);
    world.fleet.step_reconcile().await.unwrap();
    assert_eq!(counts().await, (2, 1));
    days(6);
    // A second one ended later.
    world.hear(&Job { status: JobStatus::Completed, ..job(3, "linux.large") }).await;
    world.fleet.step_intake().await.unwrap();
    assert_eq!(world.fleet.step_prune().await.unwrap(), PruneStats::default());
    days(2);
    assert_eq!(world.fleet.step_prune().await.unwrap(), PruneStats { jobs: 1, runners: 1 });
    assert_eq!(counts().await, (2, 0));
    days(400);
    assert_eq!(world.fleet.step_prune().await.unwrap(), PruneStats { jobs: 1, runners: 0 });
    assert!(world.store.record(JOB_RECORD, "o/r/2").await.unwrap().is_some(), "it still waits");
    assert_eq!(world.fleet.status().await.unwrap().bad_payloads, 0);
}

#[tokio::test]
async fn many_are_forgotten_in_bounded_steps() {
    let world = World::new().await;
    let ended = |id| Job { status: JobStatus::Completed, ..job(id, "linux.large") };
    for chunk in (0..1_200).collect::<Vec<u64>>().chunks(400) {
        for id in chunk {
            world.hear(&ended(*id)).await;
        }
        world.fleet.step_intake().await.unwrap();
    }
    // Shorter than GitHub redelivers is not possible.
    world.pass(3 * 24 * 3_600);
    let mut config = world.fleet.0.config.clone();
    config.keep_finished = SignedDuration::ZERO;
    let parts = Parts {
        store: world.store.clone(),
        forge: Arc::new(world.forge.clone()),
        provider: Arc::new(world.provider.clone()),
        scale: parse("scale-config.yml", SCALE).0.unwrap(),
        config,
        clock: world.fleet.0.clock.clone(),
        rng: Rng::from_seed(7),
    };
    let eager = Fleet::open(parts).await.unwrap();
    assert_eq!(eager.step_prune().await.unwrap(), PruneStats::default());
    world.pass(24 * 3_600 + 1);
    assert_eq!(eager.step_prune().await.unwrap().jobs, 1_200);
}
