use super::*;
use proptest::prelude::*;

fn problems(text: &str) -> String {
    let problems = parse("s.yaml", text).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_are_told_with_their_place() {
    insta::assert_snapshot!(problems("name: x\nworld: {}\nsteps:\n  - advance: soon\n"), @r#"s.yaml:4:14: error: `soon` is not a length of time: expected numbers with units `ms`, `s`, `m`, `h` or `d`, such as `90s` or `1h30m`"#);
    insta::assert_snapshot!(problems("name: x\nworld: {}\nsteps:\n  - advence: 5m\n"), @r#"s.yaml:4:5: error: unknown variant `advence`, expected one of advance, push, queue_job, queue_jobs, cancel, rerun, open_pull, comment, deliver, fault, kill, down, workload, wait_until_quiet"#);
    insta::assert_snapshot!(problems("name: x\nworld: {}\nsteps:\n  - kill: nobody\n"), @r#"s.yaml:4:11: error: `kill` takes `process`, or a place such as `{ after_calls: 3 }`"#);
    insta::assert_snapshot!(problems("name: x\nworld:\n  sead: 3\nsteps: []\n"), @r#"s.yaml:3:3: error: unknown field `sead`, expected one of repo, seed, workload, cloud, latency, faults"#);
    insta::assert_snapshot!(problems("name: x\nworld: {}\n"), @r#"s.yaml:2:1: error: missing field `steps`"#);
    insta::assert_snapshot!(problems("name: x\nworld: { faults: { drop: 1.5 } }\nsteps: []\n"), @r#"s.yaml:2:26: error: 1.5 is not between 0 and 1"#);
    insta::assert_snapshot!(problems("name: [x\n"), @r#"s.yaml:1:7: error: expected string scalar"#);
    insta::assert_snapshot!(problems("name: x\nname: y\nworld: {}\nsteps: []\n"), @r#"s.yaml:2:1: error: duplicate mapping key: name, set DuplicateKeyPolicy in Options if acceptable"#);
}

#[test]
fn mistakes_of_meaning_are_told_all_at_once() {
    let text = "
name: x
config: { fleet: { scale_config: a.yml, runner_types: {} } }
world: {}
steps:
  - queue_job: { name: early, runs_on: [linux] }
  - push: { jobs: [{ name: none, runs_on: [], count: 0 }] }
  - rerun: { job: other }
  - deliver: { event: ping }
  - workload: pause
";
    insta::assert_snapshot!(problems(text), @r#"
    s.yaml:1:1: error: config.fleet: `scale_config` and `runner_types` exclude each other
    s.yaml:6:5: error: steps[0]: no commit to run jobs on; begin with a `push`
    s.yaml:7:5: error: steps[1]: job `none` asks for no label in `runs_on`
    s.yaml:7:5: error: steps[1]: job `none` has count 0: 1 to 100000
    s.yaml:8:5: error: steps[2]: no step before makes a job `other`
    s.yaml:9:5: error: steps[3]: `deliver` needs either `file` or `body`
    s.yaml:10:5: error: steps[4]: there is no `world.workload` to pause or resume
    "#);
}

#[test]
fn all_examples_are_good_and_survive_a_round_trip() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario =
            parse(&path.to_string_lossy(), &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        if let Some(config) = &scenario.config.fleet.scale_config {
            assert!(path.parent().unwrap().join(config).is_file(), "{}", config.display());
        }
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(parse("again", &json).unwrap(), scenario);
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn bombs_are_refused() {
    let deep = format!("name: x\nworld: {}{}\nsteps: []\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(parse("s.yaml", &deep).is_err());
    assert!(parse("s.yaml", &"#".repeat(MAX_BYTES + 1)).is_err());
    let mut laughs = String::from("name: x\nabout: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let again = format!("*a{}, ", level - 1).repeat(9);
        laughs.push_str(&format!("l{level}: &a{level} [{again}]\n"));
    }
    assert!(parse("s.yaml", &laughs).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn reading_never_panics(text in "\\PC{0,200}", lines in proptest::collection::vec("[ a-z:\\[\\]{}\"'&*#0-9-]{0,20}", 0..12)) {
        let _ = parse("a", &text);
        let _ = parse("b", &lines.join("\n"));
        let _ = parse("c", &format!("name: x\nworld: {{}}\nsteps:\n{}", lines.join("\n  - ")));
    }

    #[test]
    fn any_length_of_steps_round_trips(seconds in proptest::collection::vec(0..1_000_000_i64, 0..20), drop in 0.0..=1.0) {
        let steps: Vec<_> = seconds.iter().map(|s| format!("  - advance: {s}s\n")).collect();
        let body = if steps.is_empty() { " []\n".to_owned() } else { format!("\n{}", steps.concat()) };
        let text = format!("name: x\nworld: {{ faults: {{ drop: {drop} }} }}\nsteps:{body}");
        let scenario = parse("s.yaml", &text).unwrap();
        prop_assert_eq!(scenario.steps.len(), seconds.len());
        let json = serde_json::to_string(&scenario).unwrap();
        prop_assert_eq!(parse("again", &json).unwrap(), scenario);
    }
}
