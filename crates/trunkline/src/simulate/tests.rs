//! Scenarios on the whole product: the examples, chance, and some that must fail.

use super::*;
use trunkline_model::Rng;
use trunkline_sim::scenario::parse;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios");

async fn report_of(scenario: &Scenario, how: How) -> Report {
    match play(scenario, Path::new(EXAMPLES), how).await.unwrap() {
        Played::Report(report) => *report,
        Played::Wrong(problems) => panic!("{problems:?}"),
    }
}

async fn play_text(text: &str) -> Report {
    report_of(&parse("test.yaml", text).unwrap(), How::REPEATABLE).await
}

fn failures(report: &Report) -> Vec<&str> {
    report.failures().map(|check| check.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_holds() {
    let mut files: Vec<_> = std::fs::read_dir(EXAMPLES).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    for file in files {
        match play_file(&file, None).await.unwrap() {
            Played::Report(report) => assert!(report.passed, "{}", report.to_text(false)),
            Played::Wrong(problems) => panic!("{problems:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_seeds_give_equal_reports() {
    let file = Path::new(EXAMPLES).join("kill-in-the-middle.yaml");
    let play = async |seed| match play_file(&file, Some(seed)).await.unwrap() {
        Played::Report(report) => *report,
        Played::Wrong(problems) => panic!("{problems:?}"),
    };
    let first = play(3).await;
    assert_eq!(first, play(3).await);
    assert_ne!(first.figures, play(4).await.figures, "another seed dies elsewhere");
}

/// A world of chance: jobs of several kinds, every fault, deaths and downtimes, and at the end peace.
fn by_chance(seed: u64) -> String {
    let mut rng = Rng::from_seed(seed);
    let mut steps = String::new();
    let chance = |rng: &mut Rng, most: f64| format!("{:.2}", rng.unit() * most);
    let mut number = 0;
    for _ in 0..12 {
        let step = match rng.below(10) {
            0..3 => {
                number += 1;
                let label =
                    ["linux.large", "linux.2xlarge", "linux.4xlarge", "ubuntu-24.04"][rng.below(4) as usize];
                let ends = ["success", "success", "failure"][rng.below(3) as usize];
                let (takes, count) = (1 + rng.below(40), 2 + rng.below(8));
                format!(
                    "push: {{ jobs: [{{ name: j{number}, runs_on: [{label}], takes: {takes}m, ends: {ends}, count: {count} }}] }}"
                )
            }
            3 => "kill: process".into(),
            4 => {
                let next = if rng.chance(0.5) { "done" } else { "lost" };
                format!("kill: {{ after_calls: {}, next_call: {next} }}", rng.below(12))
            }
            8 if number > 0 => format!("cancel: {{ job: j{number} 1 }}"),
            5 => format!("down: {}m", 1 + rng.below(30)),
            6 => {
                let (drop, duplicate, reorder) =
                    (chance(&mut rng, 0.4), chance(&mut rng, 0.5), chance(&mut rng, 0.5));
                let (delay, errors) = (rng.below(60), chance(&mut rng, 0.4));
                let (limited, outage) = (rng.chance(0.2), rng.chance(0.2));
                format!(
                    "fault: {{ drop: {drop}, duplicate: {duplicate}, reorder: {reorder}, delay: {delay}s, server_errors: {errors}, rate_limited: {limited}, outage: {outage} }}"
                )
            }
            7 => "fault: {}".into(),
            _ => format!("advance: {}m", 1 + rng.below(20)),
        };
        steps.push_str(&format!("  - {step}\n"));
    }
    let (boot, failing, never) = (10 + rng.below(120), chance(&mut rng, 0.3), chance(&mut rng, 0.2));
    let (most, idle, latency) = (3 + rng.below(20), 20 + rng.below(200), rng.below(3_000));
    format!(
        "
name: By chance {seed}
config:
  github: {{ redeliver_minutes: 5 }}
  fleet: {{ scale_config: ../torchlite/scale-config.yml, max_runners: {most}, boot_timeout_seconds: 300, idle_seconds: {idle} }}
world:
  seed: {seed}
  latency: {latency}ms
  cloud: {{ boot: {boot}s, launch_failures: {failing}, boot_failures: {never} }}
steps:
  - push: {{ jobs: [{{ name: first, runs_on: [linux.large], takes: 5m, count: 3 }}] }}
{steps}  - fault: {{}}
  - wait_until_quiet: 24h
expect: {{ runners_left: 0 }}
"
    )
}

/// `TRUNKLINE_SIM_SEEDS=200` tries more of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariants_hold_whatever_happens() {
    let seeds = std::env::var("TRUNKLINE_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 1..=seeds {
        let text = by_chance(seed);
        // Every second one does as many things at once as the product does.
        let how = if seed % 2 == 0 { How { effects_at_once: None } } else { How::REPEATABLE };
        let report = report_of(&parse("chance.yaml", &text).unwrap(), how).await;
        assert!(report.passed, "{text}\n{}", report.to_text(false));
    }
}

#[tokio::test]
async fn an_expectation_that_is_wrong_fails() {
    let report = play_text(
        "
name: Wrong
config: { fleet: { scale_config: ../torchlite/scale-config.yml } }
world: {}
steps:
  - push: { jobs: [{ name: build, runs_on: [linux.large] }] }
  - wait_until_quiet: 1h
expect: { jobs: { build: failure }, counts: { launched: 2 } }
",
    )
    .await;
    assert_eq!((report.passed, failures(&report)), (false, vec!["jobs.build", "counts.launched"]));
}

/// What is not looked for is not found: the checks see it.
#[tokio::test]
async fn a_product_that_does_not_look_for_lost_webhooks_fails() {
    let text = |minutes: u32| {
        format!(
            "
name: Blind
config:
  github: {{ redeliver_minutes: {minutes} }}
  fleet: {{ scale_config: ../torchlite/scale-config.yml }}
world: {{ faults: {{ drop: 1 }} }}
steps:
  - push: {{ jobs: [{{ name: build, runs_on: [linux.large] }}] }}
  - advance: 10m
  - fault: {{}}
  - wait_until_quiet: 1h
"
        )
    };
    let report = play_text(&text(0)).await;
    assert_eq!(failures(&report), ["wait_until_quiet", "warehouse_is_true"], "{}", report.to_text(false));
    let report = play_text(&text(5)).await;
    assert!(report.passed, "{}", report.to_text(false));
}

#[tokio::test]
async fn a_label_that_nobody_serves_is_not_quiet() {
    let report = play_text(
        "
name: Nobody
world: {}
steps:
  - push: { jobs: [{ name: build, runs_on: [strange] }] }
  - wait_until_quiet: 30m
",
    )
    .await;
    assert_eq!(failures(&report), ["wait_until_quiet", "ends_quiescent"]);
}

#[tokio::test]
async fn a_scale_configuration_that_is_wrong_is_told_with_its_place() {
    let scenario = parse(
        "test.yaml",
        "{name: Bad, world: {}, steps: [], config: {fleet: {runner_types: {small: {disk_size: huge}}}}}",
    );
    let played = play(&scenario.unwrap(), Path::new("."), How::REPEATABLE).await.unwrap();
    let Played::Wrong(problems) = played else { panic!("it was played") };
    assert!(problems[0].to_string().contains("config.fleet.runner_types"), "{problems:?}");
}

/// A simulated hour must not take long, or nobody plays it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_a_small_project_takes_seconds() {
    let begun = std::time::Instant::now();
    let report = play_text(
        "
name: An hour
config: { fleet: { scale_config: ../torchlite/scale-config.yml } }
world: { workload: { preset: tiny } }
steps:
  - advance: 1h
  - wait_until_quiet: 3h
expect: { counts: { jobs: '>= 30' } }
",
    )
    .await;
    assert!(report.passed, "{}", report.to_text(false));
    // Generous: machines that test are busy.
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}
