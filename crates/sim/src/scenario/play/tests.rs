//! The player on a toy.

use super::{toy::Toy, *};
use crate::scenario::parse;

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
