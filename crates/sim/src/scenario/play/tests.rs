//! The player on a system of a few lines: jobs find a runner when Trunkline heard of them, by webhook or by its
//! look at GitHub once a minute.

use super::*;
use crate::scenario::{
    parse,
    step::Faults,
    system::{CallFact, JobFact, JobRow, RunnerFact},
};
use crate::workload::Stage;
use std::collections::BTreeMap;
use trunkline_model::JobStatus;

struct Toy {
    now: Timestamp,
    facts: SystemFacts,
    faults: Faults,
    boot: SignedDuration,
    /// When a job's runner takes it and when the job ends.
    plans: BTreeMap<JobId, (Option<Timestamp>, SignedDuration, Conclusion, RunId)>,
    /// Jobs whose webhook arrived and was not worked off.
    heard: Vec<JobId>,
    /// A product that forgets what it was told, for the test of the checks.
    forgetful: bool,
    looked: Timestamp,
    rng: Rng,
    next_id: u64,
    finished: Vec<(RunId, Conclusion)>,
    answers: u16,
}

impl Toy {
    fn new(scenario: &Scenario) -> Self {
        Self {
            now: scenario.start,
            facts: SystemFacts { starts: 1, ..SystemFacts::default() },
            faults: Faults::default(),
            boot: scenario.world.cloud.boot.get(),
            plans: BTreeMap::new(),
            heard: vec![],
            forgetful: false,
            looked: scenario.start,
            rng: Rng::from_seed(1),
            next_id: 0,
            finished: vec![],
            answers: 202,
        }
    }

    fn job(&mut self, id: JobId) -> &mut JobFact {
        self.facts.jobs.iter_mut().find(|job| job.id == id).unwrap()
    }

    fn end(&mut self, id: JobId, conclusion: Conclusion) {
        let job = self.job(id);
        (job.status, job.conclusion) = (JobStatus::Completed, Some(conclusion));
        job.known = Some((job.status, job.conclusion));
        for runner in self.facts.runners.iter_mut().filter(|runner| runner.jobs.contains(&id)) {
            (runner.running, runner.registered) = (false, false);
        }
    }
}

impl Stage for Toy {
    fn push(&mut self, push: NewPush) {
        self.facts.commits += u64::from(push.branch.as_str() == "main");
    }
    fn open_pull(&mut self, _: NewPull) {}
    fn update_pull(&mut self, _: PrNumber, _: &Sha) {}
    fn close_pull(&mut self, _: PrNumber, _: Option<&Sha>) {}
    fn comment(&mut self, _: PrNumber, _: &str, _: &str) {}
    fn start_run(&mut self, _: NewRun) -> RunId {
        self.next_id += 1;
        RunId(self.next_id)
    }
    fn start_attempt(&mut self, _: RunId, _: &str) {}
    fn queue_job(&mut self, run: RunId, job: NewJob) -> JobId {
        self.next_id += 1;
        let id = JobId(self.next_id);
        let hosted = workload::catalogue::is_hosted(job.labels[0].as_str());
        let fact = JobFact {
            id,
            name: job.name,
            labels: job.labels,
            status: JobStatus::Queued,
            conclusion: None,
            runners: vec![],
            hosted,
            known: None,
            truth: JobRow::default(),
            row: None,
        };
        self.facts.jobs.push(fact);
        self.plans.insert(id, (None, job.work.duration, job.work.outcome.conclusion, run));
        if !self.rng.chance(self.faults.drop.get()) {
            self.heard.push(id);
            self.facts.stored_deliveries += 1;
        }
        id
    }
    fn skip_job(&mut self, run: RunId, name: &str) -> JobId {
        let job = NewJob {
            name: name.into(),
            labels: vec!["none".parse().unwrap()],
            work: workload::Work::success(Kind::Test, SignedDuration::ZERO, 0),
        };
        let id = self.queue_job(run, job);
        self.end(id, Conclusion::Skipped);
        id
    }
    fn cancel_run(&mut self, run: RunId) {
        let open: Vec<_> = self.plans.iter().filter(|(_, plan)| plan.3 == run).map(|(id, _)| *id).collect();
        for id in open {
            if self.job(id).conclusion.is_none() {
                self.end(id, Conclusion::Cancelled);
            }
        }
    }
    fn finish_run(&mut self, run: RunId, conclusion: Conclusion) {
        self.finished.push((run, conclusion));
    }
    fn conclusion(&self, job: JobId) -> Option<Conclusion> {
        self.facts.jobs.iter().find(|fact| fact.id == job)?.conclusion
    }
}

impl System for Toy {
    fn stage(&mut self) -> &mut dyn Stage {
        self
    }

    fn set_faults(&mut self, faults: &Faults) {
        self.faults = *faults;
    }

    fn next_due(&mut self) -> Option<Timestamp> {
        let open = |id: &JobId| self.facts.jobs.iter().any(|job| job.id == *id && job.conclusion.is_none());
        let plans = self.plans.iter().filter(|(id, _)| open(id));
        let dues =
            plans.filter_map(|(_, plan)| plan.0.map(|at| if at > self.now { at } else { at + plan.1 }));
        dues.chain([self.looked + SignedDuration::from_mins(1)]).map(|at| at.max(self.now)).min()
    }

    async fn advance(&mut self, now: Timestamp) -> Result<(), SystemError> {
        assert!(now >= self.now, "time runs backwards");
        self.now = now;
        for (id, (takes, duration, ends, _)) in self.plans.clone() {
            let Some(takes) = takes.filter(|at| *at <= now) else { continue };
            if self.job(id).status == JobStatus::Queued {
                let name = format!("r{id}");
                let job = self.job(id);
                (job.status, job.known) = (JobStatus::InProgress, Some((JobStatus::InProgress, None)));
                job.runners.push(name.clone());
                self.facts.runners.iter_mut().filter(|r| r.name == name).for_each(|r| r.jobs.push(id));
            }
            if takes + duration <= now && self.job(id).conclusion.is_none() {
                self.end(id, ends);
            }
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), SystemError> {
        if self.now >= self.looked + SignedDuration::from_mins(1) {
            self.looked = self.now;
            self.facts.calls.push(CallFact {
                method: "GET".into(),
                path: "/repos/a/b/actions/runs".into(),
                count: 1,
            });
            let unknown = self.facts.jobs.iter().filter(|job| job.known.is_none());
            self.heard.extend(unknown.map(|job| job.id));
        }
        if self.forgetful {
            self.heard.clear();
        }
        for id in std::mem::take(&mut self.heard) {
            let at = self.now + self.boot;
            let job = self.job(id);
            if job.known.is_some() {
                continue;
            }
            job.known = Some((job.status, job.conclusion));
            if job.conclusion.is_none() {
                self.plans.entry(id).and_modify(|plan| plan.0 = Some(at));
                self.facts.runners.push(RunnerFact {
                    name: format!("r{id}"),
                    running: true,
                    registered: true,
                    jobs: vec![],
                    terminated_busy: false,
                    machines: 1,
                });
            }
        }
        Ok(())
    }

    async fn deliver(&mut self, _: Delivery) -> Result<u16, SystemError> {
        Ok(self.answers)
    }

    async fn kill(&mut self, _: Option<u64>) -> Result<(), SystemError> {
        self.heard.clear();
        Ok(())
    }

    async fn start(&mut self) -> Result<(), SystemError> {
        self.facts.starts += 1;
        Ok(())
    }

    async fn facts(&mut self) -> Result<SystemFacts, SystemError> {
        let mut facts = self.facts.clone();
        let row = |status: JobStatus| JobRow { status: status.as_str().into(), ..JobRow::default() };
        for job in &mut facts.jobs {
            (job.truth, job.row) = (row(job.status), job.known.map(|(status, _)| row(status)));
        }
        Ok(facts)
    }
}

/// Plays a text on a toy that the caller may bend.
fn play(text: &str, bend: impl FnOnce(&mut Toy)) -> (Report, Toy) {
    let scenario = parse("test.yaml", text).unwrap();
    let mut toy = Toy::new(&scenario);
    bend(&mut toy);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let report = runtime.block_on(run(&scenario, Path::new("."), &mut toy)).unwrap();
    (report, toy)
}

const BASIC: &str = "
name: Two jobs
world: { cloud: { boot: 30s } }
steps:
  - push:
      jobs:
        - { name: build, runs_on: [linux.large], takes: 5m }
        - { name: test, runs_on: [linux.large], takes: 2m, ends: failure, count: 2 }
  - wait_until_quiet: 1h
expect:
  jobs: { build: success, 'test*': failure }
  counts: { completed: 3, failure: 2, launched: '>= 3', starts: 1 }
  runners_left: 0
  calls: [{ method: GET, path: '/repos/*/*/actions/runs', count: '<= 6' }]
";

#[test]
fn the_report_tells_what_happened() {
    let (report, toy) = play(BASIC, |_| {});
    insta::assert_snapshot!(report.to_text(false), @r#"
    Two jobs

          0s  the world begins at 2026-03-02T09:00:00Z
          0s  dokonkwo pushed "A change" to main
          0s  3 jobs were queued
       5m30s  all is quiet after 5m30s

    ok    wait_until_quiet: after 5m30s
    ok    jobs.build: success
    ok    jobs.test*: all 2 failure
    ok    counts.completed: 3
    ok    counts.failure: 2
    ok    counts.launched: 3
    ok    counts.starts: 1
    ok    runners_left: 0
    ok    calls GET /repos/*/*/actions/runs: 5
    ok    one_runner_per_job
    ok    no_job_lost
    ok    no_busy_runner_terminated
    ok    no_effect_twice
    ok    no_delivery_lost
    ok    warehouse_is_true
    ok    every_action_explained
    ok    within_limits
    ok    ends_quiescent

    passed: 18 of 18 checks hold; 3 jobs, 3 runners launched, 5 requests to GitHub, 3 deliveries stored in 5m30s of virtual time
    "#);
    assert!(report.passed);
    assert_eq!(toy.finished, [(RunId(1), Conclusion::Failure)]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["checks"][1]["name"], "jobs.build");
    assert_eq!(json["figures"]["virtual_seconds"], 330.0);
}

#[test]
fn a_product_that_forgets_fails_the_checks() {
    let (report, _) = play(BASIC, |toy| toy.forgetful = true);
    assert!(!report.passed);
    let failed: Vec<_> = report.failures().map(|check| check.name.as_str()).collect();
    assert_eq!(
        failed,
        [
            "wait_until_quiet",
            "jobs.build",
            "jobs.test*",
            "counts.completed",
            "counts.failure",
            "counts.launched",
            "calls GET /repos/*/*/actions/runs",
            "no_job_lost",
            "warehouse_is_true",
            "ends_quiescent"
        ]
    );
    assert!(report.to_text(true).contains("\u{1b}[1;31mFAIL"));
}

#[test]
fn lost_webhooks_and_a_kill_heal_by_looking() {
    let text = "
name: Lost
world: { faults: { drop: 1 } }
steps:
  - push: { jobs: [{ name: build, runs_on: [linux.large] }] }
  - kill: process
  - fault: {}
  - wait_until_quiet: 30m
expect: { jobs: { build: success }, counts: { stored_deliveries: 0, starts: 2 } }
";
    let (report, _) = play(text, |_| {});
    assert!(report.passed, "{}", report.to_text(false));
}

#[test]
fn a_rerun_starts_the_failed_jobs_of_a_run_that_ended() {
    let text = "
name: Again
world: {}
steps:
  - push:
      jobs:
        - { name: good, runs_on: [linux.large] }
        - { name: bad, runs_on: [linux.large], ends: failure }
  - rerun: { job: bad }
  - wait_until_quiet: 30m
  - rerun: { job: bad }
  - advance: 20m
expect: { jobs: { bad: success }, counts: { jobs: 3 } }
";
    let (report, toy) = play(text, |_| {});
    let failed: Vec<_> = report.failures().map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["step 2"], "the run had not ended");
    assert_eq!(toy.finished, [(RunId(1), Conclusion::Failure), (RunId(1), Conclusion::Success)]);
}

#[test]
fn people_work_until_their_commits_have_landed() {
    let text = "
name: People
world: { workload: { preset: tiny, commits: 3 } }
steps:
  - wait_until_quiet: 5h
expect: { counts: { commits: 3, jobs: '>= 12' } }
";
    let (report, _) = play(text, |_| {});
    assert!(report.passed, "{}", report.to_text(false));
}

#[test]
fn deliveries_are_judged_by_their_answer() {
    let text = "
name: Bad input
world: {}
steps:
  - deliver: { event: ping, body: { zen: hm } }
  - deliver: { event: ping, body: {}, signature: wrong }
  - deliver: { event: ping, body: {}, signature: missing, answer: 202 }
";
    let (report, _) = play(text, |_| {});
    let ok: Vec<_> = report.checks.iter().take(3).map(|check| check.ok).collect();
    assert_eq!(ok, [true, false, true]);
}

#[test]
fn cancelled_jobs_end_cancelled() {
    let text = "
name: Cancel
world: {}
steps:
  - open_pull: { number: 7, jobs: [{ name: slow, runs_on: [linux.large], takes: 3h }] }
  - advance: 10m
  - comment: { pull: 7, body: never mind }
  - cancel: { job: slow }
  - wait_until_quiet: 10m
expect: { jobs: { slow: cancelled } }
";
    let (report, _) = play(text, |_| {});
    assert!(report.passed, "{}", report.to_text(false));
}

#[test]
fn an_invariant_broken_on_the_way_is_told_with_its_step() {
    let text = "
name: Twice
world: {}
steps:
  - push: {}
  - advance: 1m
";
    let (report, _) = play(text, |toy| toy.facts.effects_done = [("launch:r1".into(), 2)].into());
    let failed: Vec<_> = report.failures().map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["step 1: no_effect_twice", "no_effect_twice"]);
    let excepted = format!("{text}expect: {{ except: [no_effect_twice] }}");
    let (report, _) = play(&excepted, |toy| toy.facts.effects_done = [("launch:r1".into(), 2)].into());
    assert!(report.passed, "{}", report.to_text(false));
}
