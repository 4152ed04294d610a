//! `trunkline label explain LABEL`: everything the configuration says about a label.

use super::{is_automatic, is_github_hosted};
use crate::{
    nearest::nearest,
    scale_config::{Ami, AmiExperiment, Arch, Os, RunnerType, ScaleConfig},
};
use serde::Serialize;
use std::fmt;
use trunkline_model::Label;

/// What a label is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A runner type, or a variant of one: we launch for it.
    RunnerType,
    /// It stands in the file, but an error there keeps it from being served.
    Broken,
    /// A label that GitHub adds to runners by itself; it chooses nothing.
    Automatic,
    /// One of GitHub's hosted runners.
    GitHubHosted,
    /// An extra label of runner types; it is registered, but chooses nothing.
    ExtraLabel,
    /// Nothing we know.
    Unknown,
}

/// The facts about a runner type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeFacts {
    /// The type, as written.
    pub name: String,
    /// The type it is a variant of, or itself.
    pub base: String,
    /// The variant.
    pub variant: Option<String>,
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Machine type at the provider.
    pub instance_type: String,
    /// Operating system.
    pub os: Os,
    /// Architecture, from the name.
    pub arch: Arch,
    /// `nvidia` when the name says so.
    pub gpu: Option<&'static str>,
    /// Root disk.
    pub disk_size_gb: Option<u32>,
    /// One job per runner.
    pub is_ephemeral: bool,
    /// Floor; absent is the fleet's default.
    pub min_available: Option<u32>,
    /// Cap; absent is unlimited.
    pub max_available: Option<u32>,
    /// Image.
    pub ami: Option<Ami>,
    /// Image on trial.
    pub ami_experiment: Option<AmiExperiment>,
    /// Labels its runners register with.
    pub registration_labels: Vec<Label>,
}

impl TypeFacts {
    fn of(config: &ScaleConfig, kind: &RunnerType) -> Self {
        Self {
            name: kind.name.clone(),
            base: kind.base.clone(),
            variant: kind.variant.clone(),
            file: config.file().into(),
            line: kind.line,
            instance_type: kind.instance_type.clone(),
            os: kind.os,
            arch: kind.arch(),
            gpu: kind.has_nvidia_gpu().then_some("nvidia"),
            disk_size_gb: kind.disk_size_gb,
            is_ephemeral: kind.is_ephemeral,
            min_available: kind.min_available,
            max_available: kind.max_available,
            ami: kind.ami.clone(),
            ami_experiment: kind.ami_experiment.clone(),
            registration_labels: kind.registration_labels(),
        }
    }
}

/// What a label means, and by which rule. `Display` is the text for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The label, as asked.
    pub label: Label,
    /// What it is.
    pub verdict: Verdict,
    /// Id of the rule that says so.
    pub rule: &'static str,
    /// One sentence.
    pub why: String,
    /// The type, for a type.
    pub runner_type: Option<TypeFacts>,
    /// Known names close to an unknown label, nearest first.
    pub nearest: Vec<String>,
}

/// Explains one label.
pub fn explain(config: &ScaleConfig, label: &Label) -> Explanation {
    let mut explanation = Explanation {
        label: label.clone(),
        verdict: Verdict::Unknown,
        rule: "label.unknown",
        why: String::new(),
        runner_type: None,
        nearest: vec![],
    };
    if let Some(kind) = config.get(label.as_str()) {
        let exact = kind.name == label.as_str();
        explanation.verdict = Verdict::RunnerType;
        explanation.rule = match (&kind.variant, exact) {
            (Some(_), _) => "label.variant",
            (None, true) => "label.type",
            (None, false) => "label.type.case",
        };
        explanation.why = match (&kind.variant, exact) {
            (Some(variant), _) => format!("it is the name of variant `{variant}` of type `{}`", kind.base),
            (None, true) => "it is the name of a runner type".into(),
            (None, false) => {
                format!("it is the name of runner type `{}`; case does not matter to GitHub", kind.name)
            }
        };
        explanation.runner_type = Some(TypeFacts::of(config, kind));
        return explanation;
    }
    let same = |name: &str| name.to_lowercase() == label.key();
    let carriers: Vec<&str> = config
        .types()
        .iter()
        .filter(|kind| kind.labels.iter().any(|extra| extra.same(label)))
        .map(|kind| kind.name.as_str())
        .collect();
    if config.dropped().iter().any(|name| same(name)) {
        explanation.verdict = Verdict::Broken;
        explanation.rule = "label.broken";
        explanation.why = format!(
            "it stands in {} with an error, so nothing is launched for it; see `trunkline config check`",
            config.file()
        );
    } else if is_automatic(label) {
        explanation.verdict = Verdict::Automatic;
        explanation.rule = "label.automatic";
        explanation.why = "every self-hosted runner may have it; it does not choose a runner type".into();
    } else if is_github_hosted(label) {
        explanation.verdict = Verdict::GitHubHosted;
        explanation.rule = "label.github_hosted";
        explanation.why = "GitHub's hosted runners serve it; we launch nothing".into();
    } else if let Some(first) = carriers.first() {
        explanation.verdict = Verdict::ExtraLabel;
        explanation.rule = "label.extra";
        explanation.why = format!(
            "runners of {} type(s) such as `{first}` register with it, but only a type's name makes us launch",
            carriers.len()
        );
    } else {
        explanation.why =
            format!("no runner type of {} has this name; jobs that ask for it wait", config.file());
        let names = config.types().iter().map(|kind| kind.name.as_str());
        explanation.nearest = nearest(label.as_str(), names, 3).into_iter().map(String::from).collect();
    }
    explanation
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.verdict {
            Verdict::RunnerType => "served by us",
            Verdict::Broken => "not served: its entry has an error",
            Verdict::Automatic => "ignored: GitHub's own label",
            Verdict::GitHubHosted => "served by GitHub",
            Verdict::ExtraLabel => "registered, but launches nothing",
            Verdict::Unknown => "unknown",
        };
        writeln!(f, "{}: {what}", self.label)?;
        writeln!(f, "  why         {} ({})", self.why, self.rule)?;
        if let Some(kind) = &self.runner_type {
            kind.fmt(f)?;
        }
        if !self.nearest.is_empty() {
            writeln!(f, "  close to    {}", self.nearest.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for TypeFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |variant: &String| format!(", variant `{variant}` of {}", self.base);
        let variant = self.variant.as_ref().map_or_else(String::new, of);
        writeln!(f, "  type        {}{variant}", self.name)?;
        writeln!(f, "  defined in  {}:{}", self.file, self.line)?;
        let (os, arch) = (self.os.as_str(), self.arch.as_str());
        let gpu = self.gpu.map_or_else(String::new, |gpu| format!(", {gpu} GPU"));
        writeln!(
            f,
            "  machine     {}, {os}, {arch}{gpu} (architecture and GPU by name)",
            self.instance_type
        )?;
        let disk = self.disk_size_gb.map_or_else(|| "as the image has it".into(), |gb| format!("{gb} GB"));
        writeln!(f, "  disk        {disk}")?;
        if let Some(ami) = &self.ami {
            writeln!(f, "  image       {ami}")?;
        }
        if let Some(trial) = &self.ami_experiment {
            writeln!(f, "  experiment  {} for {} % of launches", trial.ami, trial.fraction * 100.0)?;
        }
        let ephemeral = if self.is_ephemeral { "one job each" } else { "one job each (asked for more)" };
        let min = self.min_available.map_or_else(|| "default".into(), |n| n.to_string());
        let max = self.max_available.map_or_else(|| "unlimited".into(), |n| n.to_string());
        writeln!(f, "  runners     {ephemeral}; at least {min}, at most {max}")?;
        let labels: Vec<&str> = self.registration_labels.iter().map(Label::as_str).collect();
        writeln!(f, "  registers   {}", labels.join(", "))
    }
}
