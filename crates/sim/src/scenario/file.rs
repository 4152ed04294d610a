//! The file: its sections and keys. Unknown keys are errors.

use super::{
    expect::Expect,
    step::{Faults, Step},
    values::Length,
};
use crate::workload::Preset;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use trunkline_model::RepoName;

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a few words.
    pub name: String,
    /// Why, for people.
    #[serde(default)]
    pub about: String,
    /// When it begins; the same each time.
    #[serde(default = "start")]
    pub start: Timestamp,
    /// How Trunkline is configured.
    #[serde(default)]
    pub config: Config,
    /// What the world is like.
    pub world: World,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What must hold at the end.
    #[serde(default)]
    pub expect: Expect,
}

fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().expect("a valid time")
}

/// `config`: the part of `trunkline.toml` that a scenario may set, under the same names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How GitHub is used.
    pub github: GitHub,
    /// How runners are made.
    pub fleet: Fleet,
}

/// `config.github`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitHub {
    /// Minutes between looks for missed deliveries; 0 switches it off.
    pub redeliver_minutes: u32,
}

impl Default for GitHub {
    fn default() -> Self {
        Self { redeliver_minutes: 10 }
    }
}

/// `config.fleet`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// Path of a scale configuration, relative to the scenario file.
    pub scale_config: Option<PathBuf>,
    /// Runner types, written here instead: what a scale configuration has under the same key.
    pub runner_types: Option<serde_json::Value>,
    /// Most runners at once.
    pub max_runners: u32,
    /// Seconds between planning steps.
    pub plan_seconds: u32,
    /// Seconds between comparisons with GitHub.
    pub reconcile_seconds: u32,
    /// Seconds a runner may take to come online.
    pub boot_timeout_seconds: u32,
    /// Seconds a runner may idle without demand.
    pub idle_seconds: u32,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            scale_config: None,
            runner_types: None,
            max_runners: 1_000,
            plan_seconds: 2,
            reconcile_seconds: 60,
            boot_timeout_seconds: 600,
            idle_seconds: 300,
        }
    }
}

impl Fleet {
    /// The text of the scale configuration that the scenario carries in itself, if it does. JSON is YAML.
    pub fn inline_scale_config(&self) -> Option<String> {
        self.runner_types.as_ref().map(|types| serde_json::json!({ "runner_types": types }).to_string())
    }
}

/// `world`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The invented project.
    #[serde(default = "repo")]
    pub repo: RepoName,
    /// Equal seeds give equal worlds.
    #[serde(default = "seed")]
    pub seed: u64,
    /// People who land commits by themselves; nobody when absent.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// Where runners come from.
    #[serde(default)]
    pub cloud: Cloud,
    /// How long every request to GitHub is under way; the world goes on meanwhile.
    #[serde(default)]
    pub latency: Length,
    /// What is wrong from the start.
    #[serde(default)]
    pub faults: Faults,
}

fn repo() -> RepoName {
    "acme/torchlite".parse().expect("a repository name")
}

fn seed() -> u64 {
    1
}

/// `world.workload`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Starting point.
    pub preset: Preset,
    /// Commits that land before people rest; without end when absent.
    #[serde(default)]
    pub commits: Option<u64>,
    /// Overrides the preset's.
    #[serde(default)]
    pub commits_per_hour: Option<f64>,
    /// Overrides the preset's.
    #[serde(default)]
    pub pr_share: Option<f64>,
    /// Overrides the preset's.
    #[serde(default)]
    pub jobs_scale: Option<f64>,
    /// Overrides the preset's.
    #[serde(default)]
    pub duration_scale: Option<f64>,
}

impl Workload {
    /// The generator's configuration.
    pub fn config(&self, world: &World) -> crate::workload::WorkloadConfig {
        let preset = self.preset.config();
        crate::workload::WorkloadConfig {
            seed: world.seed,
            repo: world.repo.clone(),
            commits_per_hour: self.commits_per_hour.unwrap_or(preset.commits_per_hour),
            pr_share: self.pr_share.unwrap_or(preset.pr_share),
            jobs_scale: self.jobs_scale.unwrap_or(preset.jobs_scale),
            duration_scale: self.duration_scale.unwrap_or(preset.duration_scale),
            ..preset
        }
    }
}

/// `world.cloud`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cloud {
    /// From launch until the runner is online.
    pub boot: Length,
    /// Most machines at once; launches above it are refused.
    pub capacity: u32,
    /// Part of the launches that fail at once.
    pub launch_failures: Chance,
    /// Part of the machines that start and never come online.
    pub boot_failures: Chance,
}

impl Default for Cloud {
    fn default() -> Self {
        Self {
            boot: Length::from_secs(45),
            capacity: 10_000,
            launch_failures: Chance::default(),
            boot_failures: Chance::default(),
        }
    }
}

/// A probability, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Chance(f64);

impl Chance {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Chance {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not between 0 and 1"))
        }
    }
}

impl From<Chance> for f64 {
    fn from(chance: Chance) -> f64 {
        chance.0
    }
}
