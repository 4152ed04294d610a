//! One source file, one file per fleet: the same types under another prefix.
//!
//! | fleet | prefix | file |
//! |---|---|---|
//! | canary | `c.` | `canary-scale-config.yml` |
//! | foundation | `lf.` | `lf-scale-config.yml` |
//! | foundation's canary | `lf.c.` | `lf-canary-scale-config.yml` |
//!
//! Generating changes the lines that name a type and nothing else, so that comments stay. Checking compares what the
//! files say, not their texts; types that only a generated file has are tolerated.

use super::{RunnerType, ScaleConfig};
use std::collections::{BTreeSet, HashMap};
use trunkline_model::{Problem, Severity};

/// A fleet whose file is derived from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedFleet {
    /// Before every type's name.
    pub prefix: &'static str,
    /// Name of its file, beside the source.
    pub file: &'static str,
    /// Who it is for.
    pub title: &'static str,
}

/// The fleets of the format.
pub const FLEETS: [DerivedFleet; 3] = [
    DerivedFleet { prefix: "c.", file: "canary-scale-config.yml", title: "the canary fleet" },
    DerivedFleet { prefix: "lf.", file: "lf-scale-config.yml", title: "the foundation's fleet" },
    DerivedFleet {
        prefix: "lf.c.",
        file: "lf-canary-scale-config.yml",
        title: "the foundation's canary fleet",
    },
];

/// The text of a fleet's file. `source` is what `config` was read from.
pub fn generate(source: &str, config: &ScaleConfig, fleet: DerivedFleet) -> String {
    let named: HashMap<usize, &str> =
        config.types.iter().filter(|t| t.variant.is_none()).map(|t| (t.line, t.name.as_str())).collect();
    let name = std::path::Path::new(config.file()).file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!(
        "# This file is generated from {name}: change that one, then run `trunkline scale-config generate`.\n\
         # It defines the runner types of {}.\n\n",
        fleet.title
    );
    for (i, line) in source.split_inclusive('\n').enumerate() {
        match named.get(&(i + 1)).and_then(|name| line.split_once(name)) {
            Some((before, after)) => {
                let name = named[&(i + 1)];
                text.extend([before, fleet.prefix, name, after]);
            }
            None => text.push_str(line),
        }
    }
    text
}

/// What continuous integration refuses beyond the format: limits so small that one large change reaches them.
pub fn strict(problems: &mut [Problem]) {
    for problem in problems.iter_mut().filter(|problem| problem.path.ends_with(".max_available")) {
        if problem.message.contains("small limit") || problem.message.contains("means no limit") {
            problem.severity = Severity::Error;
            problem.rule = "scale.max_available.small";
        }
    }
}

/// What a fleet's file lacks or says otherwise than the source.
pub fn compare(source: &ScaleConfig, fleet: &ScaleConfig, prefix: &str) -> Vec<Problem> {
    let key = |kind: &RunnerType| (kind.base.to_lowercase(), kind.variant.clone());
    let theirs: HashMap<_, &RunnerType> = fleet.types.iter().map(|kind| (key(kind), kind)).collect();
    let mut problems = vec![];
    for kind in &source.types {
        let written = kind.variant.as_ref().map_or_else(String::new, |v| format!(" with variant `{v}`"));
        let wanted = (format!("{prefix}{}", kind.base).to_lowercase(), kind.variant.clone());
        let Some(other) = theirs.get(&wanted) else {
            problems.push(problem(
                fleet.file(),
                1,
                "scale.generated.missing",
                format!("`{prefix}{}`{written} is missing", kind.base),
                format!("every type of {}", source.file()),
            ));
            continue;
        };
        let differences = differences(kind, other);
        if !differences.is_empty() {
            problems.push(problem(
                fleet.file(),
                other.line,
                "scale.generated.differs",
                format!("`{prefix}{}`{written} differs: {}", kind.base, differences.join(", ")),
                format!("what {}:{} says", source.file(), kind.line),
            ));
        }
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn problem(file: &str, line: usize, rule: &'static str, message: String, expected: String) -> Problem {
    Problem {
        file: file.into(),
        line,
        column: 1,
        severity: Severity::Error,
        path: String::new(),
        message,
        expected,
        fix: "run `trunkline scale-config generate`".into(),
        rule,
    }
}

/// `key here, there` for every key that is not the same; labels are compared as sets.
fn differences(source: &RunnerType, other: &RunnerType) -> Vec<String> {
    fn text(value: &impl serde::Serialize) -> String {
        match serde_json::to_string(value) {
            Ok(text) if text != "null" => text,
            _ => "absent".into(),
        }
    }
    fn shown<T: serde::Serialize + PartialEq>(key: &str, source: &T, other: &T) -> Option<String> {
        (source != other).then(|| format!("`{key}` is {}, not {}", text(other), text(source)))
    }
    let labels =
        |kind: &RunnerType| -> BTreeSet<String> { kind.labels.iter().map(ToString::to_string).collect() };
    let ami = |ami: &Option<super::Ami>| ami.as_ref().map(ToString::to_string);
    let experiment =
        |kind: &RunnerType| kind.ami_experiment.as_ref().map(|trial| (trial.ami.to_string(), trial.fraction));
    [
        shown("instance_type", &source.instance_type, &other.instance_type),
        shown("os", &source.os.as_str(), &other.os.as_str()),
        shown("disk_size", &source.disk_size_gb, &other.disk_size_gb),
        shown("is_ephemeral", &source.is_ephemeral, &other.is_ephemeral),
        shown("min_available", &source.min_available, &other.min_available),
        shown("max_available", &source.max_available, &other.max_available),
        shown("labels", &labels(source), &labels(other)),
        shown("ami", &ami(&source.ami), &ami(&other.ami)),
        shown("ami_experiment", &experiment(source), &experiment(other)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale_config::parse;

    const SOURCE: &str = "# a note about linux.large:\nrunner_types:\n  linux.large: # the small one\n    instance_type: c5.large\n    os: linux\n    disk_size: 50\n    is_ephemeral: true\n    labels: [a, b]\n    variants:\n      canary:\n        ami: Next *\n  'win.large':\n    instance_type: m5.large\n    os: windows\n    disk_size: 256\n    is_ephemeral: true\n";

    fn read(file: &str, text: &str) -> ScaleConfig {
        let (config, problems) = parse(file, text);
        assert_eq!(problems, []);
        config.expect("a configuration")
    }

    #[test]
    fn only_names_change() {
        let text = generate(SOURCE, &read("dir/scale-config.yml", SOURCE), FLEETS[1]);
        insta::assert_snapshot!(text);
        let fleet = read("lf-scale-config.yml", &text);
        assert!(fleet.get("lf.canary.linux.large").is_some() && fleet.get("lf.win.large").is_some());
    }

    #[test]
    fn what_was_generated_compares_equal() {
        let source = read("scale-config.yml", SOURCE);
        for fleet in FLEETS {
            let text = generate(SOURCE, &source, fleet);
            assert_eq!(compare(&source, &read(fleet.file, &text), fleet.prefix), []);
        }
    }

    #[test]
    fn what_was_changed_by_hand_is_named() {
        let source = read("scale-config.yml", SOURCE);
        let text = generate(SOURCE, &source, FLEETS[0])
            .replace("[a, b]", "[b, a]")
            .replace("Next *", "Other *")
            .replace("disk_size: 256", "disk_size: 300");
        let told: Vec<String> =
            compare(&source, &read("c.yml", &text), "c.").iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"));
        let empty = read("c.yml", "runner_types: {}\n");
        assert_eq!(compare(&source, &empty, "c.").len(), 3);
    }

    #[test]
    fn small_limits_fail_the_strict_check() {
        let text = SOURCE.replace("    labels: [a, b]\n", "    max_available: 49\n");
        let (_, mut problems) = parse("s.yml", &text);
        strict(&mut problems);
        assert!(
            problems.iter().any(|p| p.rule == "scale.max_available.small" && p.severity == Severity::Error)
        );
    }

    /// The files of a real project, where they are at hand.
    #[test]
    fn real_generated_files_agree_with_their_source() {
        let Some(files) = crate::scale_config::tests::real_files() else { return };
        let text_of = |name: &str| {
            let path = files.iter().find(|path| path.ends_with(name)).expect("the file");
            std::fs::read_to_string(path).expect("a text")
        };
        let text = text_of("scale-config.yml");
        let source = read("scale-config.yml", &text);
        for fleet in FLEETS {
            let theirs = text_of(fleet.file);
            assert_eq!(compare(&source, &read(fleet.file, &theirs), fleet.prefix), [], "{}", fleet.file);
            let body = |text: &str| text.split_once("# scale-config.yml:").map(|(_, rest)| rest.to_owned());
            if fleet.prefix != "lf.c." {
                assert_eq!(body(&generate(&text, &source, fleet)), body(&theirs), "{}", fleet.file);
            }
        }
    }
}
