//! How GitHub behaves, one behaviour a test.

use super::testing::*;
use super::*;
use jiff::SignedDuration;
use proptest::prelude::*;
use trunkline_model::{Conclusion, JobStatus, Rng};

#[test]
fn a_job_goes_to_a_runner_that_has_all_its_labels() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    let wanted = job(&mut world, run, "gpu", &["Linux", "gpu"]);
    online(&mut world, "plain", &["linux"]);
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Queued);
    let id = online(&mut world, "big", &["LINUX", "gpu", "large"]);
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Running(id));
}

#[test]
fn the_oldest_job_is_served_first_whoever_launched_the_runner() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    let first = job(&mut world, run, "first", &["linux"]);
    pass(&mut world, secs(1));
    let second = job(&mut world, run, "second", &["linux", "fast"]);
    online(&mut world, "made-for-second", &["linux", "fast"]);
    assert_eq!(world.job(first).unwrap().job.runner_name.as_deref(), Some("made-for-second"));
    assert_eq!(world.job(second).unwrap().phase, Phase::Queued);
}

#[test]
fn runners_of_another_repository_take_nothing() {
    let mut world = world();
    world.add_repo(&"acme/other".parse().unwrap(), "main".parse().unwrap());
    let run = run_in(&mut world, Finish::WithJobs);
    let wanted = job(&mut world, run, "build", &["linux"]);
    let labels = ["linux".parse().unwrap()];
    let other = Scope::Repo("acme/other".parse().unwrap());
    let made = world.register_runner(&other, &"a".parse().unwrap(), 1, &labels, "").unwrap();
    world.connect_runner(&made.jit, true).unwrap();
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Queued);
    let org = Scope::Org("ACME".into());
    let made = world.register_runner(&org, &"a".parse().unwrap(), 1, &labels, "").unwrap();
    world.connect_runner(&made.jit, true).unwrap();
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Running(made.id));
}

#[test]
fn a_configuration_serves_one_job_and_no_second_listener() {
    let mut world = world();
    let (id, jit) = register(&mut world, "once", &["linux"]);
    world.connect_runner(&jit, true).unwrap();
    assert!(matches!(world.connect_runner(&jit, true), Err(WorldError::Conflict(_))));
    let run = run_in(&mut world, Finish::WithJobs);
    job(&mut world, run, "build", &["linux"]);
    job(&mut world, run, "test", &["linux"]);
    pass(&mut world, secs(301));
    assert!(world.runner_by_id(id).is_none(), "its registration ends with its job");
    assert_eq!(world.connect_runner(&jit, true), Err(WorldError::NotFound));
    let history = world.runner_histories().next().unwrap();
    assert_eq!((history.jobs.len(), history.removed.unwrap().1), (1, Removal::JobEnded));
    let wrong = crate::jit::Jit { secret: "guess".into(), ..register(&mut world, "next", &["linux"]).1 };
    assert_eq!(world.connect_runner(&wrong, true), Err(WorldError::Unauthorized));
}

#[test]
fn a_runner_with_a_job_cannot_be_deleted_and_a_name_is_taken_once() {
    let mut world = world();
    let id = online(&mut world, "busy", &["linux"]);
    let taken = world.register_runner(&scope(), &"BUSY".parse().unwrap(), 1, &["x".parse().unwrap()], "");
    assert!(matches!(taken, Err(WorldError::Conflict(_))));
    let run = run_in(&mut world, Finish::WithJobs);
    job(&mut world, run, "build", &["linux"]);
    assert!(matches!(world.delete_runner(&scope(), id), Err(WorldError::Invalid(_))));
    pass(&mut world, secs(300));
    assert_eq!(world.delete_runner(&scope(), id), Err(WorldError::NotFound));
    let (idle, _) = register(&mut world, "idle", &["linux"]);
    assert_eq!(world.delete_runner(&scope(), idle), Ok(()));
    for (group, error) in [(2, WorldError::Forbidden(String::new())), (9, WorldError::NotFound)] {
        let made = world.register_runner(&scope(), &"g".parse().unwrap(), group, &["x".parse().unwrap()], "");
        assert_eq!(std::mem::discriminant(&made.unwrap_err()), std::mem::discriminant(&error));
    }
}

#[test]
fn a_run_is_in_progress_from_its_first_job_on() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    job(&mut world, run, "build", &["linux"]);
    let waits = job(&mut world, run, "rare", &["rare"]);
    assert_eq!(world.run(run).unwrap().run.status, "queued");
    online(&mut world, "one", &["linux"]);
    assert_eq!(world.run(run).unwrap().run.status, "in_progress");
    assert_eq!(
        sent(&mut world),
        [
            "workflow_run requested",
            "workflow_job queued",
            "workflow_job queued",
            "workflow_job in_progress",
            "workflow_run in_progress"
        ]
    );
    pass(&mut world, secs(300));
    assert_eq!(world.job(waits).unwrap().job.status, JobStatus::Queued);
    assert_eq!(sent(&mut world), ["workflow_job completed"], "the run waits for its other job");
    online(&mut world, "two", &["rare"]);
    pass(&mut world, secs(300));
    assert_eq!(
        sent(&mut world),
        ["workflow_job in_progress", "workflow_job completed", "workflow_run completed"]
    );
    assert_eq!(world.run(run).unwrap().run.conclusion, Some(Conclusion::Success));
}

#[test]
fn an_assigned_job_that_nobody_picks_up_is_queued_again() {
    let mut world = world();
    let (id, jit) = register(&mut world, "slow", &["linux"]);
    world.connect_runner(&jit, false).unwrap();
    world.listener_joined(id).unwrap();
    let run = run_in(&mut world, Finish::WithJobs);
    let wanted = job(&mut world, run, "build", &["linux"]);
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Assigned(id));
    world.listener_left(id);
    pass(&mut world, secs(60));
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Queued);
    assert!(matches!(world.pick_up(id, wanted), Err(WorldError::Conflict(_))), "it came too late");
    pass(&mut world, secs(61));
    assert_eq!(listener(&world, id), Listener::Gone);
}

#[test]
fn the_job_of_a_machine_that_died_fails_after_ten_minutes() {
    let mut world = world();
    let id = online(&mut world, "dies", &["linux"]);
    let run = run_in(&mut world, Finish::WithJobs);
    let lost = job(&mut world, run, "build", &["linux"]);
    world.disconnect_runner(id);
    pass(&mut world, secs(599));
    assert_eq!(conclusion(&world, lost), None);
    pass(&mut world, secs(1));
    assert_eq!(conclusion(&world, lost), Some(Conclusion::Failure));
    let history = world.runner_histories().next().unwrap();
    assert!(history.vanished_busy && history.removed.unwrap().1 == Removal::Lost);
}

#[test]
fn a_job_that_waits_for_a_day_is_cancelled_and_hosted_jobs_start_by_themselves() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    let (waits, hosted) =
        (job(&mut world, run, "rare", &["rare"]), job(&mut world, run, "lint", &["ubuntu-24.04"]));
    pass(&mut world, secs(600));
    assert_eq!(conclusion(&world, hosted), Some(Conclusion::Success));
    pass(&mut world, SignedDuration::from_hours(24));
    assert_eq!(conclusion(&world, waits), Some(Conclusion::Cancelled));
    assert_eq!(world.run(run).unwrap().run.conclusion, Some(Conclusion::Cancelled));
}

#[test]
fn failed_jobs_run_again_in_a_new_attempt() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    let labels = vec!["ubuntu-24.04".parse().unwrap()];
    let bad = JobSpec::new("bad", labels, secs(10)).ending(Conclusion::Failure);
    let first = world.queue_job(run, bad).unwrap();
    job(&mut world, run, "good", &["ubuntu-24.04"]);
    assert!(world.rerun_failed_jobs(run, "me").is_err(), "it has not ended");
    pass(&mut world, secs(900));
    world.rerun_failed_jobs(run, "me").unwrap();
    let again: Vec<_> = world.jobs().filter(|job| job.job.run_attempt == 2).collect();
    assert_eq!((again.len(), again[0].job.name.as_str()), (1, "bad"));
    assert_ne!(again[0].job.id, first);
    world.cancel_run(run).unwrap();
    assert_eq!(world.run(run).unwrap().run.conclusion, Some(Conclusion::Cancelled));
}

#[test]
fn nothing_is_assigned_during_an_outage() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    world.set_outage(true);
    let wanted = job(&mut world, run, "build", &["linux"]);
    let id = online(&mut world, "idle", &["linux"]);
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Queued);
    world.set_outage(false);
    assert_eq!(world.job(wanted).unwrap().phase, Phase::Running(id));
}

#[test]
fn a_redelivery_is_a_new_attempt_of_the_same_delivery() {
    let mut world = world();
    run_in(&mut world, Finish::WithJobs);
    let webhook = world.take_webhooks().pop().unwrap();
    let failed = Attempted { status_code: 0, duration: SignedDuration::ZERO };
    let id = world.record_attempt(webhook.clone(), failed);
    world.redeliver(id).unwrap();
    let again = world.take_webhooks().pop().unwrap();
    assert_eq!((&again.guid, &again.body, again.redelivery), (&webhook.guid, &webhook.body, true));
    assert_eq!(world.redeliver(id + 1), Err(WorldError::NotFound));
}

#[test]
fn old_runs_attempts_and_runners_are_forgotten() {
    let config = WorldConfig { keep_runs: 2, keep_deliveries: 3, keep_runners: 2, ..WorldConfig::default() };
    let mut world = World::new(config, start());
    world.add_repo(&repo(), "main".parse().unwrap());
    for number in 0..5 {
        let run = run_in(&mut world, Finish::WithJobs);
        job(&mut world, run, "build", &["linux"]);
        online(&mut world, &format!("r{number}"), &["linux"]);
        pass(&mut world, secs(301));
        for webhook in world.take_webhooks() {
            world.record_attempt(webhook, Attempted { status_code: 202, duration: SignedDuration::ZERO });
        }
    }
    assert_eq!((world.runs().count(), world.jobs().count()), (2, 2));
    assert_eq!((world.attempts().count(), world.runner_histories().count()), (3, 2));
}

#[test]
fn what_the_world_says_is_what_the_product_reads() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    let id = job(&mut world, run, "build", &["linux"]);
    online(&mut world, "one", &["linux"]);
    pass(&mut world, secs(300));
    let webhooks = world.take_webhooks();
    let last = webhooks.iter().rfind(|webhook| webhook.event == "workflow_job").unwrap();
    let parsed = trunkline_github::webhook::parse(&last.event, &last.body, last.at).unwrap();
    let trunkline_github::webhook::Event::WorkflowJob(read) = parsed.event else { panic!("not a job") };
    assert_eq!(read, world.job(id).unwrap().shown(world.now()));
    assert_eq!(body(last)["repository"]["full_name"], "acme/torchlite");
}

/// A life of chance: all that was sent and who worked, and the world at its end. The same for equal seeds.
fn live(seed: u64) -> (Vec<String>, World) {
    let mut world = World::new(WorldConfig { seed, ..WorldConfig::default() }, start());
    world.add_repo(&repo(), "main".parse().unwrap());
    let mut rng = Rng::from_seed(seed);
    let mut told = vec![];
    let kinds = ["linux", "gpu", "ubuntu-24.04"];
    for step in 0..60 {
        match rng.below(5) {
            0 => {
                let run = run_in(&mut world, Finish::WithJobs);
                for at in 0..1 + rng.below(4) {
                    job(&mut world, run, &format!("j{at}"), &[kinds[rng.below(3) as usize]]);
                }
            }
            1 | 2 => drop(online(&mut world, &format!("r{step}"), &kinds[..1 + rng.below(2) as usize])),
            3 => {
                let alive: Vec<_> = world.runners().map(|runner| runner.id).collect();
                if !alive.is_empty() && rng.chance(0.3) {
                    world.disconnect_runner(alive[rng.below(alive.len() as u64) as usize]);
                }
            }
            _ => world.set_outage(rng.chance(0.3)),
        }
        pass(&mut world, secs(rng.below(200) as i64));
        let sent = world.take_webhooks().into_iter();
        told.extend(sent.map(|w| format!("{} {}", w.guid, String::from_utf8(w.body.to_vec()).unwrap())));
    }
    world.set_outage(false);
    pass(&mut world, SignedDuration::from_hours(30));
    told.extend(world.jobs().map(|job| format!("{} {:?}", job.job.id, job.runners)));
    (told, world)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn equal_seeds_give_equal_worlds_and_every_job_ends(seed: u64) {
        let (told, world) = live(seed);
        prop_assert_eq!(told, live(seed).0);
        for job in world.jobs() {
            prop_assert_eq!(job.phase, Phase::Done);
            prop_assert!(job.runners.len() <= 1);
        }
        for runner in world.runner_histories() {
            prop_assert!(runner.jobs.len() <= 1);
        }
        prop_assert!(world.runs().all(|run| run.run.status == "completed"));
    }

    /// However time is cut, the same happens.
    #[test]
    fn many_small_steps_are_one_large_one(seed: u64, cuts in proptest::collection::vec(1_i64..2_000, 0..20)) {
        let play = |cuts: &[i64]| {
            let mut world = World::new(WorldConfig { seed, ..WorldConfig::default() }, start());
            world.add_repo(&repo(), "main".parse().unwrap());
            let run = run_in(&mut world, Finish::WithJobs);
            job(&mut world, run, "a", &["ubuntu-24.04"]);
            job(&mut world, run, "b", &["linux"]);
            online(&mut world, "r", &["linux"]);
            cuts.iter().for_each(|cut| pass(&mut world, secs(*cut)));
            world.advance(start() + SignedDuration::from_hours(24));
            world.take_webhooks().into_iter().map(|w| (w.guid, w.at, w.body)).collect::<Vec<_>>()
        };
        prop_assert_eq!(play(&cuts), play(&[]));
    }
}
