use super::*;
use crate::workload::{
    NewJob, NewRun,
    history::{FirstIds, History, live_through},
};
use std::collections::HashMap;
use trunkline_model::{Conclusion, Job, JobId, RunId};

fn until() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn play(config: &WorkloadConfig, commits: u64) -> (Generator, History) {
    live_through(config, commits, until(), FirstIds::default())
}

#[test]
fn equal_seeds_give_equal_histories() {
    let config = WorkloadConfig::demo();
    let (one, two) = (play(&config, 8).1, play(&config, 8).1);
    assert_eq!(one.jobs, two.jobs);
    assert_eq!(one.pushes, two.pushes);
    let other = play(&WorkloadConfig { seed: 4, ..config }, 8).1;
    assert_ne!(one.jobs, other.jobs);
}

#[test]
fn tests_start_after_their_build_ended_well_and_are_skipped_otherwise() {
    let config = WorkloadConfig { failures: FailureRatesOf::trouble(), seed: 7, ..WorkloadConfig::demo() };
    let (generator, history) = play(&config, 12);
    let catalogue = generator.catalogue();
    let by_name: HashMap<String, _> = catalogue.jobs.iter().map(|job| (job.full_name(), job)).collect();
    let mut attempts: HashMap<(u64, &str), Vec<&Job>> = HashMap::new();
    for job in &history.jobs {
        attempts.entry((job.run_id.0, &job.name)).or_default().push(job);
    }
    let (mut after, mut skipped) = (0, 0);
    for job in &history.jobs {
        if job.conclusion == Some(Conclusion::Skipped) {
            skipped += 1;
            assert!(job.labels.is_empty() && job.runner_name.is_none());
            continue;
        }
        let Some(template) = by_name.get(&job.full_name()) else {
            panic!("{} is not in the list", job.full_name())
        };
        let Some(needs) = template.needs else { continue };
        let builds = &attempts[&(job.run_id.0, catalogue.jobs[needs].name.as_str())];
        let ready = builds.iter().any(|build| {
            build.conclusion == Some(Conclusion::Success) && build.completed_at.unwrap() <= job.created_at
        });
        assert!(ready, "{} ran before its build", job.full_name());
        after += 1;
    }
    assert!(after > 100 && skipped > 0, "{after} {skipped}");
    assert_eq!(generator.stats().skipped, skipped);
}

/// Rates at which everything happens within a few commits.
struct FailureRatesOf;

impl FailureRatesOf {
    fn trouble() -> crate::workload::FailureRates {
        crate::workload::FailureRates {
            bad_commit: 0.5,
            commits_until_fix: 2.0,
            bad_pull: 0.5,
            flaky: 0.05,
            infrastructure: 0.02,
            timeout: 0.01,
            rerun: 0.9,
            superseded: 0.9,
        }
    }
}

#[test]
fn trunk_breaks_stays_broken_and_is_cured() {
    let mut failures = crate::workload::FailureRates::none();
    failures.bad_commit = 0.3;
    failures.commits_until_fix = 3.0;
    let config = WorkloadConfig { pr_share: 0.0, failures, ..WorkloadConfig::demo() };
    let (generator, history) = play(&config, 30);
    assert!(generator.stats().cures > 2);
    let reverts = history.pushes.iter().filter(|p| p.commits[0].message.starts_with("Revert \"")).count();
    assert!(reverts > 0);
    // Per job, failures come in streaks: fewer beginnings than failures.
    let order: HashMap<_, _> = history.pushes.iter().enumerate().map(|(at, p)| (&p.after, at)).collect();
    let mut failed: HashMap<String, Vec<usize>> = HashMap::new();
    for job in history.jobs.iter().filter(|job| job.conclusion.is_some_and(Conclusion::is_failure)) {
        failed.entry(job.full_name()).or_default().push(order[&job.head_sha]);
    }
    let total: usize = failed.values().map(Vec::len).sum();
    let begins: usize = failed
        .values_mut()
        .map(|at| {
            at.sort_unstable();
            1 + at.windows(2).filter(|pair| pair[1] > pair[0] + 1).count()
        })
        .sum();
    assert!(total > 10 && begins * 2 <= total + 4, "{begins} streaks in {total} failures");
}

#[test]
fn chance_failures_are_run_again_and_pass() {
    let mut failures = crate::workload::FailureRates::none();
    (failures.flaky, failures.rerun) = (0.05, 1.0);
    let config = WorkloadConfig { pr_share: 0.0, failures, ..WorkloadConfig::demo() };
    let (generator, history) = play(&config, 10);
    assert!(generator.stats().reruns > 3);
    let again: Vec<_> = history.jobs.iter().filter(|job| job.run_attempt > 1).collect();
    let well = again.iter().filter(|job| job.conclusion == Some(Conclusion::Success)).count();
    assert!(well * 10 >= again.len() * 8, "{well} of {}", again.len());
    assert!(history.runs.iter().any(|run| run.attempt > 1 && run.conclusion == Some(Conclusion::Success)));
}

#[test]
fn a_newer_push_cancels_the_jobs_of_the_one_before() {
    let mut failures = crate::workload::FailureRates::none();
    failures.superseded = 1.0;
    let config = WorkloadConfig { pr_share: 1.0, failures, ..WorkloadConfig::demo() };
    let (_, history) = play(&config, 10);
    let cancelled: Vec<_> =
        history.jobs.iter().filter(|job| job.conclusion == Some(Conclusion::Cancelled)).collect();
    assert!(cancelled.len() > 5, "{}", cancelled.len());
    assert!(cancelled.iter().all(|job| job.head_branch.as_deref() != Some("main")));
}

#[test]
fn the_demo_keeps_its_pace() {
    let (generator, history) = play(&WorkloadConfig::demo(), 40);
    let trunk: Vec<_> = history.pushes.iter().filter(|push| push.git_ref == "refs/heads/main").collect();
    for pair in trunk.windows(2) {
        let real = pair[1].pushed_at.duration_since(pair[0].pushed_at).as_secs_f64() / 60.0;
        assert!((24.0..=50.0).contains(&real), "{real}");
    }
    let whole = trunk[39].pushed_at.duration_since(trunk[0].pushed_at).as_secs_f64() / 60.0 / 39.0;
    assert!((26.0..=34.0).contains(&whole), "{whole}");
    // Self-hosted jobs get ready at most 8 per minute of simulated time.
    let hosted = |job: &Job| job.labels.iter().any(|l| crate::workload::catalogue::is_hosted(l.as_str()));
    let mut ready: Vec<_> = history
        .jobs
        .iter()
        .filter(|job| !job.labels.is_empty() && !hosted(job))
        .map(|job| job.created_at)
        .collect();
    ready.sort();
    for window in ready.windows(9) {
        assert!(window[8].duration_since(window[0]) >= MINUTE);
    }
    let mean = ready.len() as f64 / (whole * 39.0);
    assert!((1.5..=5.5).contains(&mean), "{mean} jobs per real second");
    assert!(generator.is_quiet());
}

/// Jobs that never end, but for cancelled ones a while after their run was cancelled.
#[derive(Default)]
struct Slow {
    runs: u64,
    jobs: Vec<RunId>,
    cancelled: Vec<RunId>,
    stopped: bool,
    finished: Vec<(RunId, Conclusion)>,
}

impl Stage for Slow {
    fn push(&mut self, _: NewPush) {}
    fn open_pull(&mut self, _: NewPull) {}
    fn update_pull(&mut self, _: PrNumber, _: &Sha) {}
    fn close_pull(&mut self, _: PrNumber, _: Option<&Sha>) {}
    fn comment(&mut self, _: PrNumber, _: &str, _: &str) {}
    fn start_run(&mut self, _: NewRun) -> RunId {
        self.runs += 1;
        RunId(self.runs)
    }
    fn start_attempt(&mut self, _: RunId, _: &str) {}
    fn queue_job(&mut self, run: RunId, _: NewJob) -> JobId {
        self.jobs.push(run);
        JobId(self.jobs.len() as u64 - 1)
    }
    fn skip_job(&mut self, _: RunId, name: &str) -> JobId {
        panic!("{name} was skipped, not cancelled")
    }
    fn cancel_run(&mut self, run: RunId) {
        self.cancelled.push(run);
    }
    fn finish_run(&mut self, run: RunId, conclusion: Conclusion) {
        self.finished.push((run, conclusion));
    }
    fn conclusion(&self, job: JobId) -> Option<Conclusion> {
        let run = self.jobs[job.0 as usize];
        (self.stopped && self.cancelled.contains(&run)).then_some(Conclusion::Cancelled)
    }
}

#[test]
fn a_cancelled_run_ends_when_its_runners_have_stopped() {
    let config = WorkloadConfig { pr_share: 4.0, ..WorkloadConfig::tiny() };
    let (mut stage, mut now) = (Slow::default(), until());
    let mut generator = Generator::new(config, now);
    while stage.cancelled.is_empty() {
        now = generator.next_due().unwrap().max(now);
        generator.step(&mut stage, now);
    }
    let jobs = stage.jobs.len();
    generator.pause();
    generator.step(&mut stage, now);
    assert!(stage.finished.iter().all(|(run, _)| !stage.jobs.contains(run)), "its jobs still run");
    assert!(stage.cancelled.iter().any(|run| stage.jobs.contains(run)));
    stage.stopped = true;
    generator.step(&mut stage, now + MINUTE);
    let mut cancelled: Vec<_> = stage.cancelled.iter().map(|run| (*run, Conclusion::Cancelled)).collect();
    cancelled.sort_by_key(|(run, _)| *run);
    stage.finished.sort_by_key(|(run, _)| *run);
    assert_eq!(stage.finished, cancelled);
    let of_cancelled = stage.jobs[jobs..].iter().filter(|run| stage.cancelled.contains(run)).count();
    assert_eq!(of_cancelled, 0, "nothing starts in a cancelled run");
}
