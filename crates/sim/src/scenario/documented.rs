//! The page about scenarios, the format and `every-key.yaml` say the same.

use super::{Invariant, file::Scenario, parse};
use serde_json::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/scenarios.md"));
const EVERY_KEY: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios/every-key.yaml"));

/// Mappings whose keys are the writer's own.
const FREE: [&str; 4] = ["body", "headers", "runner_types", "jobs"];

/// All keys of the format in a value, without those of free mappings.
fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                into.insert(key.clone());
                if !(FREE.contains(&key.as_str()) && value.is_object()) {
                    keys(value, into);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

/// Words of a text in backticks that look like keys.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .flat_map(|text| text.split(|c: char| !(c.is_ascii_lowercase() || c == '_')))
        .filter(|word| word.len() > 1)
}

/// The page's part about the format.
fn format() -> &'static str {
    let start = PAGE.find("## Top level").unwrap();
    let end = PAGE.find("## The report").unwrap();
    &PAGE[start..end]
}

fn written() -> (Scenario, BTreeSet<String>) {
    let scenario = parse("every-key.yaml", EVERY_KEY).unwrap_or_else(|problems| panic!("{problems:?}"));
    let value: Value = serde_saphyr::from_str(EVERY_KEY).unwrap();
    let mut all = BTreeSet::new();
    keys(&value, &mut all);
    (scenario, all)
}

#[test]
fn every_key_of_the_format_is_documented_and_tried() {
    let (scenario, tried) = written();
    // What the format writes has every field, with its default where the file says nothing.
    let mut format_keys = BTreeSet::new();
    keys(&serde_json::to_value(&scenario).unwrap(), &mut format_keys);
    format_keys.remove("scale_config"); // Excludes `runner_types`; all other examples have it.
    let untried: Vec<_> = format_keys.difference(&tried).collect();
    assert!(untried.is_empty(), "not in every-key.yaml: {untried:?}");
    let documented: BTreeSet<_> = words(format()).collect();
    let silent: Vec<_> = tried.iter().filter(|key| !documented.contains(key.as_str())).collect();
    assert!(silent.is_empty(), "not in docs/src/scenarios.md: {silent:?}");
}

#[test]
fn every_documented_key_exists() {
    let (_, tried) = written();
    for row in format().lines().filter(|line| line.starts_with("| `")) {
        let name = row.trim_start_matches('|').split('|').next().unwrap();
        // Presets and invariants are values; both have tests of their own.
        let is_value = |word: &str| {
            ["pytorch", "like", "demo", "tiny"].contains(&word)
                || Invariant::ALL.iter().any(|invariant| invariant.as_str() == word)
        };
        let first = words(name)
            .find(|word| !["config", "world"].contains(word) || name.trim() == format!("`{word}`"));
        let Some(first) = first.filter(|word| !is_value(word)) else { continue };
        // `github.redeliver_minutes` names a section first, `advance: 5m` a key.
        for word in words(name.split([':', '{']).next().unwrap()).chain([first]) {
            assert!(tried.contains(word) || word == "scale_config", "`{word}` of `{row}` is not a key");
        }
    }
}

#[test]
fn every_invariant_and_preset_is_documented() {
    for invariant in Invariant::ALL {
        let marked = format!("| `{}` | every step |", invariant.as_str());
        let row = format!("| `{}` |", invariant.as_str());
        assert!(PAGE.contains(&row), "{invariant:?}");
        assert_eq!(PAGE.contains(&marked), Invariant::ALWAYS.contains(&invariant), "{invariant:?}");
        assert_ne!(Invariant::ALWAYS.contains(&invariant), Invariant::IN_TIME.contains(&invariant));
    }
    for preset in ["pytorch-like", "demo", "tiny"] {
        assert!(PAGE.contains(&format!("| `{preset}` |")));
        let text = format!("{{name: P, world: {{workload: {{preset: {preset}}}}}, steps: []}}");
        assert!(parse("p.yaml", &text).is_ok(), "{preset}");
    }
}

#[test]
fn every_example_is_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/scenarios");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(PAGE.contains(&format!("| `{name}` |")), "{name}");
    }
}
