//! `scale-config.yml`: which runner types exist and what they are made of.
//!
//! The format is the one of PyTorch's autoscaler, read unchanged: every key, variants and their names. One bad
//! type is reported and left out, the others are served; the file as a whole is refused only when it is no
//! YAML or has no `runner_types`. [`parse`] reports every problem at once, with its place.

mod check;
pub mod generated;
mod read;
pub(crate) mod values;
mod variants;

pub use check::{FileKind, config_file};
pub use read::parse;

use serde::Serialize;
use std::collections::HashMap;
use trunkline_model::Label;

/// A read scale configuration.
#[derive(Debug, Clone, Default)]
pub struct ScaleConfig {
    file: String,
    types: Vec<RunnerType>,
    by_key: HashMap<String, usize>,
    dropped: Vec<String>,
}

/// One runner type, or a variant of one with the variant's keys laid over it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunnerType {
    /// The label a job asks for.
    pub name: String,
    /// The type it was written as; the same as `name` without a variant.
    pub base: String,
    /// Name of the variant that made it.
    pub variant: Option<String>,
    /// Line of the file, from 1: of the variant, or of the type.
    pub line: usize,
    /// Machine type at the provider.
    pub instance_type: String,
    /// Operating system.
    pub os: Os,
    /// Root disk in GB; the image's own size when absent.
    pub disk_size_gb: Option<u32>,
    /// Whether a runner takes one job only. Trunkline's runners always do.
    pub is_ephemeral: bool,
    /// Runners that scale-down leaves; absent means the fleet's default. Zero is zero.
    pub min_available: Option<u32>,
    /// Most runners at once; absent is unlimited.
    pub max_available: Option<u32>,
    /// Further labels its runners register with. They do not make a job match.
    pub labels: Vec<Label>,
    /// Image, when not the provider's default.
    pub ami: Option<Ami>,
    /// Another image for a part of the launches.
    pub ami_experiment: Option<AmiExperiment>,
}

/// Operating system of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

impl Os {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

/// A machine image: name filter and the account that owns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ami {
    /// Name filter.
    pub name: String,
    /// Account; the provider's own images when absent.
    pub owner: Option<String>,
}

impl std::fmt::Display for Ami {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.owner.as_ref().map_or(Ok(()), |owner| write!(f, "|{owner}"))
    }
}

/// A trial of another image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AmiExperiment {
    /// The image on trial.
    pub ami: Ami,
    /// Part of the launches that use it, 0 to 1; 1 is all.
    pub fraction: f64,
}

/// Processor architecture, as the name says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86.
    X64,
    /// 64-bit ARM.
    Arm64,
}

impl Arch {
    /// GitHub's word in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
        }
    }
}

impl RunnerType {
    /// Architecture: the format has no key for it, `.arm64` in the name says it.
    pub fn arch(&self) -> Arch {
        if self.name.to_lowercase().contains(".arm64") { Arch::Arm64 } else { Arch::X64 }
    }

    /// Whether it has an NVIDIA GPU: `.nvidia.gpu` in the name says it.
    pub fn has_nvidia_gpu(&self) -> bool {
        self.name.to_lowercase().contains(".nvidia.gpu")
    }

    /// Labels a runner of this type registers with: its name, its extra labels, and the ones GitHub would add
    /// to a runner by itself (a JIT registration carries only what it asks for).
    pub fn registration_labels(&self) -> Vec<Label> {
        let automatic = ["self-hosted", self.os.as_str(), self.arch().as_str()];
        let mut labels: Vec<Label> = vec![];
        let all = std::iter::once(self.name.parse().ok())
            .chain(self.labels.iter().cloned().map(Some))
            .chain(automatic.iter().map(|label| label.parse().ok()));
        for label in all.flatten() {
            if !labels.iter().any(|known| known.same(&label)) {
                labels.push(label);
            }
        }
        labels
    }
}

impl ScaleConfig {
    pub(crate) fn new(file: &str, types: Vec<RunnerType>, dropped: Vec<String>) -> Self {
        let by_key = types.iter().enumerate().map(|(i, t)| (t.name.to_lowercase(), i)).collect();
        Self { file: file.into(), types, by_key, dropped }
    }

    /// The file it was read from, as the user named it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// All types and variants, in order of the file.
    pub fn types(&self) -> &[RunnerType] {
        &self.types
    }

    /// The type of that name; case does not matter.
    pub fn get(&self, name: &str) -> Option<&RunnerType> {
        self.by_key.get(&name.to_lowercase()).and_then(|&i| self.types.get(i))
    }

    /// Names that stand in the file but cannot be served because of an error in them.
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }
}

#[cfg(test)]
mod tests;
