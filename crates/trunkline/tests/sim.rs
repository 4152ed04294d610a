//! `trunkline sim run` as a person calls it: exit codes, text, JSON.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Output};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios");

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trunkline")).args(["sim", "run"]).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A scenario file of this text; the folder goes when it is dropped.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_scenario_that_holds_is_0() {
    let basic = format!("{EXAMPLES}/basic.yaml");
    let output = run(&[&basic]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("ok    jobs.gpu: success") && said.contains("passed: "), "{said}");
    assert!(!said.contains('\u{1b}'), "no colour into a pipe");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn json_is_one_object_and_the_seed_can_be_given() {
    let basic = format!("{EXAMPLES}/basic.yaml");
    let bad = format!("{EXAMPLES}/bad-deliveries.yaml");
    let output = run(&[&basic, &bad, "--json", "--seed", "77"]);
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["passed"], json["scenarios"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!(json["scenarios"][1]["file"], bad);
    assert!(json["scenarios"][0]["checks"].as_array().unwrap().len() > 15);
}

#[test]
fn one_that_does_not_hold_is_1() {
    let (_folder, path) = file(
        "
name: Too much is expected
world: {}
config: { fleet: { runner_types: { small: { instance_type: t3.small, os: linux, disk_size: 20, is_ephemeral: true } } } }
steps:
  - push: { jobs: [{ name: build, runs_on: [small] }] }
  - wait_until_quiet: 1h
expect: { counts: { launched: 5 } }
",
    );
    let output = run(&[&path]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("FAIL  counts.launched: expected 5, found 1"));
    let output = run(&[&path, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &json["passed"]), (Some(1), &false.into()));
}

#[test]
fn a_file_that_is_no_scenario_is_2_with_its_place() {
    let (_folder, path) = file("name: Odd\nworld: {}\nsteps:\n  - advance: soon\n");
    let output = run(&[&path]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains(":4:") && said.contains("`soon` is not a length of time"), "{said}");
    assert_eq!(run(&[]).status.code(), Some(2), "no file at all");
    let (_folder, path) = file(
        "{name: Odd, world: {}, steps: [], config: {fleet: {runner_types: {small: {disk_size: huge}}}}}",
    );
    assert_eq!(run(&[&path]).status.code(), Some(2), "a wrong scale configuration");
}

#[test]
fn a_file_that_cannot_be_read_is_3() {
    let output = run(&["/nowhere/scenario.yaml"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("/nowhere/scenario.yaml"));
}
