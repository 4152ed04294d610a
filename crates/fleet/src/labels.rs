//! Which runner type serves a job, and why: matching of `runs-on` labels with the scale configuration.
//!
//! Rules, in this order:
//! 1. The labels GitHub adds by itself (`self-hosted`, operating system, architecture) say nothing; they are
//!    ignored.
//! 2. A label that is a type's name (case aside) asks for that type. Extra `labels` of a type never match a job.
//! 3. A job that has a label of GitHub's hosted runners and no type is GitHub's.
//! 4. Any other label must be one that runners of the type register with, or GitHub will never give them the job.
//! 5. A job that names several types gets one runner: of the first type that registers with all of them, else of
//!    the first one named. (PyTorch's autoscaler launches one for each.)

mod explain;

pub use explain::{Explanation, TypeFacts, Verdict, explain};

use crate::scale_config::{RunnerType, ScaleConfig};
use trunkline_model::Label;

/// Labels that every self-hosted runner may have; they do not choose a type.
const AUTOMATIC: [&str; 7] = ["self-hosted", "linux", "windows", "macos", "x64", "arm", "arm64"];

/// Whether GitHub gives the label to self-hosted runners by itself.
pub fn is_automatic(label: &Label) -> bool {
    AUTOMATIC.contains(&label.key().as_str())
}

/// Whether the label is one of GitHub's own hosted runners: `ubuntu-24.04`, `windows-latest`, `macos-15-xlarge`.
///
/// Anchored, so `my-ubuntu-22` is not one; and a version must follow, so `windows-gpu` is not one.
pub fn is_github_hosted(label: &Label) -> bool {
    let key = label.key();
    let version = ["ubuntu-", "windows-", "macos-"].iter().find_map(|os| key.strip_prefix(os));
    version.is_some_and(|version| {
        version == "slim"
            || version.strip_prefix("latest").is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            || version.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Who serves a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice<'a> {
    /// A runner of this type, one.
    Type {
        /// The type.
        runner_type: &'a RunnerType,
        /// Further types the job names. More than one type in a job is ambiguous.
        also_named: Vec<&'a str>,
    },
    /// GitHub's hosted runners.
    GitHubHosted,
    /// The type is known, but its runners lack these labels, so GitHub would never give them the job.
    Uncovered {
        /// The type.
        runner_type: &'a RunnerType,
        /// What its runners lack.
        missing: Vec<Label>,
    },
    /// No label is a type of this configuration: somebody else's job.
    NotOurs,
}

/// Chooses the runner type for a job's labels. `extra` are labels all our runners register with.
pub fn choose<'a>(config: &'a ScaleConfig, labels: &[Label], extra: &[Label]) -> Choice<'a> {
    let named: Vec<&RunnerType> = labels.iter().filter_map(|label| config.get(label.as_str())).collect();
    let Some(&first) = named.first() else {
        let hosted = labels.iter().any(is_github_hosted);
        return if hosted { Choice::GitHubHosted } else { Choice::NotOurs };
    };
    let lacks = |kind: &RunnerType| -> Vec<Label> {
        let has = kind.registration_labels();
        let covered = |label: &Label| {
            is_automatic(label)
                || config.get(label.as_str()).is_some()
                || has.iter().chain(extra).any(|known| known.same(label))
        };
        labels.iter().filter(|label| !covered(label)).cloned().collect()
    };
    let has_all_names = |kind: &&RunnerType| {
        let has = kind.registration_labels();
        named.iter().all(|other| has.iter().any(|label| label.as_str().eq_ignore_ascii_case(&other.name)))
    };
    let chosen = named.iter().copied().find(has_all_names).unwrap_or(first);
    let missing = lacks(chosen);
    if !missing.is_empty() {
        return Choice::Uncovered { runner_type: chosen, missing };
    }
    let mut also_named: Vec<&str> = vec![];
    for other in named {
        if other.name != chosen.name && !also_named.contains(&other.name.as_str()) {
            also_named.push(&other.name);
        }
    }
    Choice::Type { runner_type: chosen, also_named }
}

#[cfg(test)]
mod tests;
