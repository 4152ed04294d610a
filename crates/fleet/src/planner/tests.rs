use super::*;
use proptest::prelude::*;
use trunkline_model::Rng;

const NOW: i64 = 100_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn config() -> Config {
    let types = [
        ("a".to_owned(), TypePlan { min: 0, max: Some(4), labels: vec!["a".parse().unwrap()] }),
        ("b".to_owned(), TypePlan { min: 1, max: None, labels: vec!["b".parse().unwrap()] }),
    ];
    Config {
        types: types.into(),
        provider: "fake".into(),
        repo: None,
        max_runners: 10,
        launches_per_step: 5,
        boot_timeout: secs(600),
        idle_grace: secs(300),
        finish_grace: secs(60),
        max_observation_age: secs(180),
        name_prefix: "t".into(),
    }
}

fn job(id: u64, kind: &str, waits: i64) -> QueuedJob {
    QueuedJob {
        repo: "o/r".parse().unwrap(),
        id: JobId(id),
        runner_type: kind.into(),
        queued_at: at(NOW - waits),
    }
}

fn runner(name: &str, kind: &str, state: RunnerState, age: i64, registration: Registration) -> Entry {
    let since = at(NOW - age);
    let runner = Runner {
        name: name.parse().unwrap(),
        runner_type: kind.into(),
        labels: vec![],
        repo: None,
        provider: "fake".into(),
        machine_id: None,
        runner_id: None,
        state,
        job: None,
        planned_at: since,
        launched_at: Some(since),
        online_at: Some(since),
        busy_at: None,
        finished_at: Some(since),
        reason: String::new(),
    };
    Entry { registration, machine: MachineState::Present, seen_at: Some(at(NOW)), ..Entry::planned(runner) }
}

fn decide(queued: Vec<QueuedJob>, runners: Vec<Entry>) -> Vec<Action> {
    let facts = Facts { queued, runners, hold_launches_until: None };
    plan(&facts, &config(), at(NOW), &mut Rng::from_seed(1))
}

fn rules(actions: &[Action]) -> Vec<&str> {
    actions.iter().map(|action| action.why.rule.as_str()).collect()
}

#[test]
fn needed_is_queued_less_what_is_on_the_way() {
    use RunnerState::{Booting, Busy, Idle, Planned};
    let runners = vec![
        runner("p", "a", Planned, 1, Registration::Unknown),
        runner("boot", "b", Booting, 1, Registration::Offline),
        runner("idle", "b", Idle, 1, Registration::Idle),
        runner("busy", "b", Busy, 1, Registration::Busy),
    ];
    let jobs = vec![job(1, "a", 50), job(2, "a", 60), job(3, "b", 10), job(4, "b", 20), job(5, "b", 30)];
    let actions = decide(jobs, runners);
    assert_eq!(rules(&actions), ["fleet.launch.demand"; 2]);
    // The older job's type comes first; the evidence has all numbers.
    let inputs = &actions[0].why.inputs;
    assert_eq!(inputs["runner_type"], "a");
    assert_eq!(inputs["queued"], 2);
    assert_eq!(inputs["planned"], 1);
    assert_eq!(inputs["for_job"], "o/r/1");
    assert_eq!(actions[1].why.inputs["for_job"], "o/r/3");
    insta::assert_snapshot!(
        actions[1].why.summary,
        @"3 job(s) wait for `b` and 2 runner(s) are on the way (planned 0, booting 1, idle 1)"
    );
}

#[test]
fn the_same_job_twice_is_one_and_unknown_types_are_none() {
    assert_eq!(decide(vec![job(1, "a", 1), job(1, "a", 1), job(2, "zzz", 1)], vec![]).len(), 1);
}

#[test]
fn a_runner_that_does_not_boot_is_replaced() {
    let stuck = runner("stuck", "a", RunnerState::Booting, 601, Registration::Offline);
    let actions = decide(vec![job(1, "a", 700)], vec![stuck.clone()]);
    assert_eq!(rules(&actions), ["fleet.terminate.boot_timeout", "fleet.launch.demand"]);
    // On unknown nothing is destroyed, and a runner that may have a job is untouchable.
    for registration in [Registration::Unknown, Registration::Busy, Registration::Idle] {
        assert!(decide(vec![], vec![Entry { registration, ..stuck.clone() }]).is_empty());
    }
    let stale = Entry { seen_at: Some(at(NOW - 181)), ..stuck.clone() };
    assert!(decide(vec![], vec![stale]).is_empty());
    assert!(decide(vec![], vec![Entry { terminating: true, ..stuck }]).is_empty());
}

#[test]
fn surplus_idle_runners_leave_oldest_first_down_to_the_floor() {
    let idle = |name: &str, kind: &str, age| runner(name, kind, RunnerState::Idle, age, Registration::Idle);
    let fleet = vec![idle("x", "b", 400), idle("y", "b", 500), idle("z", "b", 10), idle("w", "a", 301)];
    let names = |actions: &[Action]| -> Vec<String> {
        actions.iter().map(|a| a.payload["name"].as_str().unwrap_or("launch").to_owned()).collect()
    };
    assert_eq!(names(&decide(vec![], fleet.clone())), ["y", "x", "w"]);
    assert_eq!(names(&decide(vec![job(1, "b", 1), job(2, "b", 1)], fleet)), ["y", "w"]);
    // A floor of 1 for `b` keeps its only runner; `a` has no floor.
    assert_eq!(names(&decide(vec![], vec![idle("x", "b", 400), idle("w", "a", 400)])), ["w"]);
}

#[test]
fn what_is_over_is_cleaned_up() {
    let finished = runner("f", "a", RunnerState::Finished, 61, Registration::Absent);
    assert_eq!(rules(&decide(vec![], vec![finished.clone()])), ["fleet.terminate.finished"]);
    let gone = Entry { machine: MachineState::Absent, ..finished.clone() };
    assert!(decide(vec![], vec![gone]).is_empty());
    let unknown = Entry { machine: MachineState::Unknown, ..finished };
    assert!(decide(vec![], vec![unknown]).is_empty());
    let ghost = runner("g", "a", RunnerState::Idle, 5, Registration::Absent);
    let actions = decide(vec![job(1, "a", 5)], vec![ghost]);
    assert_eq!(rules(&actions), ["fleet.terminate.unregistered", "fleet.launch.demand"]);
}

#[test]
fn patience_stops_launches_only() {
    let facts = Facts {
        queued: vec![job(1, "a", 1)],
        runners: vec![runner("w", "a", RunnerState::Booting, 700, Registration::Offline)],
        hold_launches_until: Some(at(NOW + 1)),
    };
    let actions = plan(&facts, &config(), at(NOW), &mut Rng::from_seed(1));
    assert_eq!(rules(&actions), ["fleet.terminate.boot_timeout"]);
}

/// What the executor's side of an action does to the facts.
fn apply(facts: &mut Facts, actions: &[Action]) {
    for action in actions {
        if action.kind == LAUNCH {
            let order: LaunchOrder = serde_json::from_value(action.payload.clone()).unwrap();
            facts.runners.push(Entry::planned(order.runner));
        } else {
            let order: TerminateOrder = serde_json::from_value(action.payload.clone()).unwrap();
            let entry = facts.runners.iter_mut().find(|entry| entry.runner.name == order.name).unwrap();
            entry.terminating = true;
        }
    }
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let state = prop_oneof![
        Just(RunnerState::Planned),
        Just(RunnerState::Booting),
        Just(RunnerState::Idle),
        Just(RunnerState::Busy),
        Just(RunnerState::Finished),
        Just(RunnerState::Gone)
    ];
    let registration = prop_oneof![
        Just(Registration::Unknown),
        Just(Registration::Absent),
        Just(Registration::Offline),
        Just(Registration::Idle),
        Just(Registration::Busy)
    ];
    let kind = prop_oneof![Just("a"), Just("b"), Just("gone-type")];
    let one = (kind.clone(), state, registration, 0i64..2_000, 0i64..400, any::<bool>());
    let runners = proptest::collection::vec(one, 0..14);
    let jobs = proptest::collection::vec((0u64..40, kind, 0i64..2_000), 0..30);
    (runners, jobs).prop_map(|(runners, jobs)| Facts {
        queued: jobs.into_iter().map(|(id, kind, waits)| job(id, kind, waits)).collect(),
        runners: runners
            .into_iter()
            .enumerate()
            .map(|(i, (kind, state, registration, age, seen, terminating))| Entry {
                seen_at: Some(at(NOW - seen)),
                terminating,
                ..runner(&format!("r{i}"), kind, state, age, registration)
            })
            .collect(),
        hold_launches_until: None,
    })
}

fn live(facts: &Facts, kind: &str) -> usize {
    facts.runners.iter().filter(|e| e.is_live() && e.runner.runner_type == kind).count()
}

proptest! {
    #[test]
    fn never_above_a_cap_and_never_against_a_busy_or_unknown_runner(facts in any_facts()) {
        let config = config();
        let actions = plan(&facts, &config, at(NOW), &mut Rng::from_seed(3));
        let launched = actions.iter().filter(|a| a.kind == LAUNCH).count();
        prop_assert!(launched <= 5);
        for action in actions.iter().filter(|a| a.kind == TERMINATE) {
            let name = action.payload["name"].as_str().unwrap();
            let entry = facts.runners.iter().find(|e| e.runner.name.as_str() == name).unwrap();
            prop_assert!(!entry.may_be_busy() && !entry.terminating);
            let seen = entry.fresh_registration(at(NOW), config.max_observation_age);
            prop_assert!(!matches!(seen, Registration::Unknown | Registration::Busy));
        }
        let mut after = facts.clone();
        apply(&mut after, &actions);
        prop_assert!(live(&after, "a") <= live(&facts, "a").max(4));
        let total = after.runners.iter().filter(|e| e.is_live()).count();
        let before = facts.runners.iter().filter(|e| e.is_live()).count();
        prop_assert!(total <= before.max(10));
    }

    #[test]
    fn applying_plans_comes_to_rest(facts in any_facts()) {
        let config = config();
        let mut facts = facts;
        let mut rng = Rng::from_seed(3);
        // Without the bound per step, one plan is all there is to do.
        let config = Config { launches_per_step: 1_000, ..config };
        let actions = plan(&facts, &config, at(NOW), &mut rng);
        apply(&mut facts, &actions);
        prop_assert!(plan(&facts, &config, at(NOW), &mut rng).is_empty());
    }

    #[test]
    fn the_order_of_the_facts_does_not_matter(facts in any_facts(), seed in any::<u64>()) {
        // Equal ids with different types would be two truths about one job.
        let mut facts = facts;
        facts.queued.sort_by_key(|job| job.id);
        facts.queued.dedup_by_key(|job| job.id);
        let mut shuffled = facts.clone();
        let mut rng = Rng::from_seed(seed);
        for i in (1..shuffled.queued.len()).rev() {
            shuffled.queued.swap(i, rng.below(i as u64 + 1) as usize);
        }
        shuffled.runners.reverse();
        let decide = |facts: &Facts| plan(facts, &config(), at(NOW), &mut Rng::from_seed(9));
        prop_assert_eq!(decide(&facts), decide(&shuffled));
    }
}
