//! Which jobs a commit gets: the job list at a chosen size, with each job's builder, runner and usual duration.

use super::{
    config::{WorkloadConfig, seconds},
    matrices::{Matrix, WORKFLOWS},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use trunkline_model::{Label, Rng};

/// What a job does. It decides how long it takes, how it fails and what its log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Compiles the library.
    Build,
    /// Runs one shard of the tests.
    Test,
    /// Checks the source text.
    Lint,
    /// Builds the manual.
    Docs,
    /// Builds a package for users.
    Binary,
    /// Builds an image.
    Docker,
}

impl Kind {
    /// Median duration in seconds, before any scaling, and the spread of its logarithm.
    fn duration(self) -> (f64, f64) {
        match self {
            Self::Build => (2_100.0, 0.30),
            Self::Test => (2_700.0, 0.35),
            Self::Lint => (900.0, 0.30),
            Self::Docs => (1_500.0, 0.20),
            Self::Binary => (2_400.0, 0.30),
            Self::Docker => (1_200.0, 0.50),
        }
    }

    /// Names of the job's steps, as a workflow file would call them.
    pub fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Build => {
                &["Set up job", "Checkout", "Pull docker image", "Build", "Upload artifacts", "Complete job"]
            }
            Self::Test => &[
                "Set up job",
                "Checkout",
                "Download build artifacts",
                "Test",
                "Upload test reports",
                "Complete job",
            ],
            Self::Lint => &["Set up job", "Checkout", "Run linters", "Complete job"],
            Self::Docs => &["Set up job", "Checkout", "Build docs", "Complete job"],
            Self::Binary => &["Set up job", "Checkout", "Build wheel", "Upload artifacts", "Complete job"],
            Self::Docker => &["Set up job", "Checkout", "Build image", "Complete job"],
        }
    }

    /// The step that does the work, and fails when the job fails.
    pub fn main_step(self) -> &'static str {
        let steps = self.steps();
        match self {
            Self::Build | Self::Test => steps[3],
            Self::Lint | Self::Docs | Self::Binary | Self::Docker => steps[2],
        }
    }
}

/// One job of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobTemplate {
    /// Workflow.
    pub workflow: &'static str,
    /// Name, without the workflow.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// `runs-on`.
    pub labels: Vec<Label>,
    /// Whether GitHub's own runners serve it.
    pub hosted: bool,
    /// Position in the list of the job that must end well first.
    pub needs: Option<usize>,
    /// Group of jobs that is skipped as one, such as `linux-jammy-py3.10-gcc11 / test`.
    pub group: String,
    /// Test configuration, such as `default`; empty for other kinds.
    pub config: &'static str,
    /// Usual duration of this job in seconds, before scaling: every job has its own.
    median_seconds: f64,
    sigma: f64,
}

impl JobTemplate {
    /// The column it belongs to: `workflow / job`.
    pub fn full_name(&self) -> String {
        format!("{} / {}", self.workflow, self.name)
    }

    /// Draws how long it takes this time.
    pub fn draw_duration(&self, config: &WorkloadConfig, rng: &mut Rng) -> SignedDuration {
        let spread = (rng.normal().clamp(-2.5, 2.5) * self.sigma * config.spread).exp();
        seconds((self.median_seconds * spread * config.duration_scale).max(1.0))
    }

    /// The time limit of its workflow file: well above what it usually takes.
    pub fn limit(&self, config: &WorkloadConfig) -> SignedDuration {
        seconds(self.median_seconds * 4.0 * config.duration_scale)
    }
}

/// When a workflow runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// Workflow.
    pub workflow: &'static str,
    /// On every how many trunk commits.
    pub every: u32,
    /// Whether pull requests run it.
    pub on_pulls: bool,
}

/// The job list of the project at one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// All jobs; a job stands behind the one it needs.
    pub jobs: Vec<JobTemplate>,
    /// Workflows in order.
    pub workflows: Vec<Trigger>,
}

impl Catalogue {
    /// The list at the size that the configuration asks for.
    pub fn new(config: &WorkloadConfig) -> Self {
        let scale = config.jobs_scale.clamp(0.01, 8.0);
        let (mut jobs, mut workflows) = (Vec::new(), Vec::new());
        for workflow in WORKFLOWS {
            if scale < 0.1 && !matches!(workflow.name, "Lint" | "pull") {
                continue;
            }
            workflows.push(Trigger {
                workflow: workflow.name,
                every: workflow.every,
                on_pulls: workflow.on_pulls,
            });
            let all = workflow.matrices.len();
            let keep = ((all as f64 * scale).ceil() as usize).max(1);
            for copy in 0..keep.div_ceil(all) {
                for matrix in &workflow.matrices[..all.min(keep - copy * all)] {
                    add(&mut jobs, workflow.name, matrix, copy, scale);
                }
            }
        }
        Self { jobs, workflows }
    }

    /// Jobs of a workflow with their positions.
    pub fn of<'a>(&'a self, workflow: &'a str) -> impl Iterator<Item = (usize, &'a JobTemplate)> {
        self.jobs.iter().enumerate().filter(move |(_, job)| job.workflow == workflow)
    }

    /// Workflows that the `n`-th trunk commit runs.
    pub fn on_trunk(&self, n: u64) -> impl Iterator<Item = &'static str> + '_ {
        self.workflows.iter().filter(move |w| n.is_multiple_of(u64::from(w.every.max(1)))).map(|w| w.workflow)
    }

    /// Workflows that pull requests run.
    pub fn on_pulls(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.workflows.iter().filter(|w| w.on_pulls).map(|w| w.workflow)
    }

    /// Every label that some job asks for, and whether GitHub's own runners serve it; sorted.
    pub fn labels(&self) -> Vec<(Label, bool)> {
        let mut labels: Vec<_> =
            self.jobs.iter().flat_map(|j| j.labels.iter().map(|l| (l.clone(), j.hosted))).collect();
        labels.sort();
        labels.dedup();
        labels
    }
}

fn add(jobs: &mut Vec<JobTemplate>, workflow: &'static str, matrix: &Matrix, copy: usize, scale: f64) {
    // Sizes above 1 repeat the list under another name, as projects do with further Python versions.
    let name = if copy == 0 { matrix.name.to_owned() } else { format!("{}-v{}", matrix.name, copy + 1) };
    let builder = jobs.len();
    let step = if matrix.step.is_empty() { String::new() } else { format!(" / {}", matrix.step) };
    let full =
        if matrix.kind == Kind::Binary { format!("{name}-build{step}") } else { format!("{name}{step}") };
    jobs.push(template(workflow, full.clone(), matrix.kind, matrix.runner, None, full, ""));
    for (config, shards, runner) in matrix.tests {
        let shards = if scale < 0.1 { (*shards).min(2) } else { *shards };
        let group = if matrix.kind == Kind::Binary {
            format!("{name}-test / test")
        } else {
            format!("{name} / test")
        };
        for shard in 1..=shards {
            let test = if config.is_empty() {
                group.clone()
            } else {
                format!("{group} ({config}, {shard}, {shards}, {runner})")
            };
            jobs.push(template(workflow, test, Kind::Test, runner, Some(builder), group.clone(), config));
        }
    }
}

fn template(
    workflow: &'static str,
    name: String,
    kind: Kind,
    runner: &str,
    needs: Option<usize>,
    group: String,
    config: &'static str,
) -> JobTemplate {
    let (median, sigma) = kind.duration();
    // Every job has its own usual duration, the same in every run of the program.
    let own = (Rng::from_seed(fnv(&name)).normal().clamp(-2.0, 2.0) * 0.35).exp();
    JobTemplate {
        workflow,
        name,
        kind,
        labels: vec![runner.parse().expect("labels in the list are labels")],
        hosted: is_hosted(runner),
        needs,
        group,
        config,
        median_seconds: median * own,
        sigma,
    }
}

/// Whether GitHub serves the label with runners of its own.
pub fn is_hosted(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    ["ubuntu-", "macos-", "windows-"].iter().any(|prefix| label.starts_with(prefix))
}

/// A stable hash of a text (FNV-1a): chance that belongs to a name.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use trunkline_model::JobName;

    #[test]
    fn a_commit_at_full_size_has_about_300_jobs() {
        let catalogue = Catalogue::new(&WorkloadConfig::pytorch_like());
        let always: usize = catalogue.on_trunk(1).map(|w| catalogue.of(w).count()).sum();
        assert!((270..=330).contains(&always), "{always}");
        let demo = Catalogue::new(&WorkloadConfig::demo());
        let always: usize = demo.on_trunk(1).map(|w| demo.of(w).count()).sum();
        assert!((80..=170).contains(&always), "{always}");
        let tiny = Catalogue::new(&WorkloadConfig::tiny());
        assert!((4..=20).contains(&tiny.jobs.len()), "{}", tiny.jobs.len());
        let large = Catalogue::new(&WorkloadConfig { jobs_scale: 5.0, ..WorkloadConfig::pytorch_like() });
        assert!((1_400..2_000).contains(&large.jobs.len()), "{}", large.jobs.len());
    }

    #[test]
    fn names_are_unique_and_readable() {
        for scale in [0.04, 0.4, 1.0, 5.0] {
            let config = WorkloadConfig { jobs_scale: scale, ..WorkloadConfig::pytorch_like() };
            let catalogue = Catalogue::new(&config);
            let names: HashSet<_> = catalogue.jobs.iter().map(JobTemplate::full_name).collect();
            assert_eq!(names.len(), catalogue.jobs.len());
            for (at, job) in catalogue.jobs.iter().enumerate() {
                assert!(job.needs.is_none_or(|needs| needs < at));
                if !job.config.is_empty() {
                    let parsed = JobName::parse(&job.full_name());
                    assert_eq!(parsed.config.as_deref(), Some(job.config));
                    assert_eq!(parsed.runner.as_deref(), Some(job.labels[0].as_str()));
                }
            }
        }
    }

    #[test]
    fn every_label_is_hosted_or_in_the_example_configuration() {
        let text = include_str!("../../../../examples/torchlite/scale-config.yml");
        let catalogue = Catalogue::new(&WorkloadConfig::pytorch_like());
        for (label, hosted) in catalogue.labels() {
            let base = label.as_str().strip_prefix("wincanary.").unwrap_or(label.as_str());
            assert!(hosted || text.contains(&format!("\n  {base}:\n")), "{label} has no runner type");
        }
    }
}
