//! Which group a column belongs to: rules from configuration, with PyTorch's as default.
//!
//! ```toml
//! [[grid.groups.rules]]
//! name = "Lint"
//! pattern = "Lint"
//! ```

use regex::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Groups as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupConfig {
    /// A job takes the first group whose pattern it matches.
    pub rules: Vec<GroupRule>,
    /// From left to right; groups that are not named follow in the order of their rules.
    pub order: Vec<String>,
    /// Group of jobs that match no rule.
    pub other: String,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// Its name.
    pub name: String,
    /// Regular expression, looked for anywhere in `workflow / job (config, …)`; `(?i)` ignores case.
    pub pattern: String,
    /// Whether it stays collapsed when groups are switched off.
    #[serde(default)]
    pub persistent: bool,
}

impl Default for GroupConfig {
    fn default() -> Self {
        let rules = PYTORCH_RULES.iter().map(|&(name, pattern)| GroupRule {
            name: name.into(),
            pattern: pattern.into(),
            persistent: PYTORCH_PERSISTENT.contains(&name),
        });
        Self {
            rules: rules.collect(),
            order: PYTORCH_ORDER.iter().map(|&name| name.to_owned()).collect(),
            other: "other".into(),
        }
    }
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("group `{name}`: {why}")]
pub struct GroupProblem {
    /// The group.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Groups ready to use. Clones share them.
#[derive(Debug, Clone)]
pub struct Groups(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    patterns: RegexSet,
    /// Display index of each rule.
    group_of_rule: Vec<u16>,
    other: u16,
    /// In display order.
    groups: Vec<Group>,
}

/// A group as pages see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Whether it stays collapsed when groups are switched off.
    pub persistent: bool,
}

impl Default for Groups {
    fn default() -> Self {
        Self::compile(&GroupConfig::default()).expect("the default rules compile: a test says so")
    }
}

impl Groups {
    /// Prepares the rules.
    ///
    /// # Errors
    /// All patterns that are not regular expressions, or are too large.
    pub fn compile(config: &GroupConfig) -> Result<Self, Vec<GroupProblem>> {
        let problem =
            |name: &str, error: &regex::Error| GroupProblem { name: name.into(), why: error.to_string() };
        let problems: Vec<GroupProblem> = config
            .rules
            .iter()
            .filter_map(|rule| {
                regex::Regex::new(&rule.pattern).err().map(|error| problem(&rule.name, &error))
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let patterns = RegexSetBuilder::new(config.rules.iter().map(|rule| &rule.pattern));
        let patterns = patterns.build().map_err(|error| vec![problem("(all together)", &error)])?;
        let mut names: Vec<&str> = Vec::new();
        let listed = config
            .order
            .iter()
            .filter(|name| **name == config.other || config.rules.iter().any(|rule| rule.name == **name));
        let ruled = config.rules.iter().map(|rule| &rule.name);
        for name in listed.chain(ruled).chain([&config.other]) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let index = |name: &str| {
            let position = names.iter().position(|known| *known == name).unwrap_or(0);
            u16::try_from(position).unwrap_or(u16::MAX)
        };
        let persistent = |name: &str| config.rules.iter().any(|rule| rule.name == name && rule.persistent);
        Ok(Self(Arc::new(Compiled {
            patterns,
            group_of_rule: config.rules.iter().map(|rule| index(&rule.name)).collect(),
            other: index(&config.other),
            groups: names
                .iter()
                .map(|&name| Group { name: name.into(), persistent: persistent(name) })
                .collect(),
        })))
    }

    /// All groups, from left to right.
    pub fn all(&self) -> &[Group] {
        &self.0.groups
    }

    /// The group of a column: its index in [`Groups::all`].
    pub fn of(&self, column: &str) -> u16 {
        let first = self.0.patterns.matches(column).iter().next();
        first.and_then(|rule| self.0.group_of_rule.get(rule).copied()).unwrap_or(self.0.other)
    }
}

const PYTORCH_PERSISTENT: [&str; 2] = ["Memory Leak Check", "Rerun Disabled Tests"];

/// In order of precedence.
const PYTORCH_RULES: [(&str, &str); 30] = [
    ("CRCR", r"^CRCR "),
    ("vLLM", r"(?i)vllm"),
    ("Memory Leak Check", r", mem_leak"),
    ("Rerun Disabled Tests", r", rerun_"),
    ("Unstable", r"unstable"),
    ("XPU", r"^xpu"),
    ("Inductor Periodic", r"inductor-periodic"),
    ("Periodic", r"periodic"),
    ("Slow", r"slow"),
    ("Lint", r"Lint"),
    ("Inductor", r"inductor"),
    ("Pallas", r"pallas"),
    ("Android", r"android"),
    ("ROCm", r"rocm"),
    ("XLA", r"-xla"),
    ("Linux", r"\slinux-|sm86"),
    ("Binary Linux", r"linux-binary"),
    ("Binary Windows", r"windows-binary"),
    (
        "Annotations and labeling",
        r"(?i)^(Add annotations|Close stale|Auto Request Review|Label|Triage|Update S3|Upload HTML|is-properly-labeled|cla|auto-label-rocm)",
    ),
    ("Docker", r"docker-(pytorch|caffe2)|ecr_gc|Garbage Collect ECR"),
    ("Windows", r"\swin-"),
    ("GitHub calculate-docker-image", r"/ calculate-docker-image"),
    ("CI Docker Image Builds", r"docker-builds"),
    ("CI Circleci Pytorch iOS", r"ci/circleci: pytorch_ios_"),
    ("iOS", r"ios-"),
    ("Mac", r"\smacos-"),
    ("Parallel", r"parallelnative|paralleltbb"),
    ("Docs", r"docs push|docs build"),
    ("Libtorch", r"libtorch"),
    ("Other viable/strict blocking", r"pull|trunk"),
];

const PYTORCH_ORDER: [&str; 31] = [
    "Lint",
    "Linux",
    "Windows",
    "iOS",
    "Mac",
    "Libtorch",
    "Other viable/strict blocking",
    "Slow",
    "Periodic",
    "ROCm",
    "XPU",
    "XLA",
    "vLLM",
    "Parallel",
    "Android",
    "Binary Linux",
    "Docker",
    "GitHub calculate-docker-image",
    "CI Docker Image Builds",
    "CI Circleci Pytorch iOS",
    "Docs",
    "Inductor",
    "Inductor Periodic",
    "Pallas",
    "Annotations and labeling",
    "Binary Windows",
    "Memory Leak Check",
    "Rerun Disabled Tests",
    "CRCR",
    "other",
    "Unstable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_take_the_first_group_that_matches() {
        let groups = Groups::default();
        for (job, group) in [
            ("Lint / lintrunner-clang / linux-job", "Lint"),
            ("pull / linux-jammy-py3.10-gcc11 / test (default, 1, 5, linux.2xlarge)", "Linux"),
            ("trunk / win-vs2022-cpu-py3 / build", "Windows"),
            ("trunk / macos-py3-arm64 / test (default, 1, 3, macos-m1-stable)", "Mac"),
            ("pull / cuda12.8-py3.10-gcc9-sm86 / test", "Linux"),
            (
                "periodic / linux-jammy / test (default, 1, 1, linux.4xlarge, mem_leak_check)",
                "Memory Leak Check",
            ),
            (
                "slow / linux-jammy / test (slow, 1, 1, linux.4xlarge, rerun_disabled_tests)",
                "Rerun Disabled Tests",
            ),
            ("pull / linux-jammy / test (default, 1, 1, linux.4xlarge, unstable)", "Unstable"),
            ("xpu / linux-jammy-xpu / build", "XPU"),
            ("inductor-periodic / linux-jammy / test", "Inductor Periodic"),
            ("inductor / linux-jammy / test", "Inductor"),
            ("linux-binary-manywheel / manywheel-py3_10-cpu-build", "Binary Linux"),
            ("docker-builds / docker-build (linux.12xlarge)", "CI Docker Image Builds"),
            ("pull / build docs / docs build", "Docs"),
            ("pull / before-test", "Other viable/strict blocking"),
            ("vLLM tests / anything", "vLLM"),
            ("nightly / something", "other"),
        ] {
            assert_eq!(groups.all()[usize::from(groups.of(job))].name, group, "{job}");
        }
    }

    #[test]
    fn groups_stand_in_the_configured_order_and_unknown_ones_last() {
        let names: Vec<&str> = PYTORCH_ORDER.to_vec();
        let groups = Groups::default();
        assert_eq!(groups.all().iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), names);
        let rule = |name: &str| GroupRule { name: name.into(), pattern: name.into(), persistent: false };
        let config = GroupConfig {
            rules: vec![rule("b"), rule("a"), rule("c")],
            order: vec!["a".into(), "gone".into()],
            other: "rest".into(),
        };
        let groups = Groups::compile(&config).unwrap();
        assert_eq!(
            groups.all().iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c", "rest"]
        );
        assert_eq!(groups.of("nothing"), 3);
    }

    #[test]
    fn all_wrong_patterns_are_told_at_once() {
        let rule = |name: &str, pattern: &str| GroupRule {
            name: name.into(),
            pattern: pattern.into(),
            persistent: false,
        };
        let config = GroupConfig {
            rules: vec![rule("a", "("), rule("b", "ok"), rule("c", "[")],
            ..GroupConfig::default()
        };
        let problems = Groups::compile(&config).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }
}
