//! What a cloud needs to know of a machine beyond the runner's name.

use crate::scale_config::{Ami, Arch, Os, RunnerType};
use std::{collections::BTreeMap, fmt};
use trunkline_model::{RepoName, RunnerName};

/// The machine behind a runner. Providers without a choice of machines ignore it; clouds refuse an order whose
/// `instance_types` are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Machine types at the provider, best first.
    pub instance_types: Vec<String>,
    /// Operating system.
    pub os: Os,
    /// Processor architecture.
    pub arch: Arch,
    /// Root disk in GB; the image's own size when absent.
    pub disk_gb: Option<u32>,
    /// Image, when not the provider's default for system and architecture.
    pub image: Option<Image>,
    /// How it is paid for.
    pub capacity: Capacity,
    /// Where its runner is registered.
    pub owner: Option<Owner>,
    /// Zones it may run in; any when empty.
    pub zones: Vec<String>,
    /// Further tags.
    pub tags: BTreeMap<String, String>,
}

impl Default for MachineSpec {
    fn default() -> Self {
        Self {
            instance_types: vec![],
            os: Os::Linux,
            arch: Arch::X64,
            disk_gb: None,
            image: None,
            capacity: Capacity::default(),
            owner: None,
            zones: vec![],
            tags: BTreeMap::new(),
        }
    }
}

impl From<&RunnerType> for MachineSpec {
    /// The machine of a runner type, without the choice of an image experiment: that is the planner's.
    fn from(kind: &RunnerType) -> Self {
        Self {
            instance_types: vec![kind.instance_type.clone()],
            os: kind.os,
            arch: kind.arch(),
            disk_gb: kind.disk_size_gb,
            image: kind.ami.clone().map(Image::Named),
            ..Self::default()
        }
    }
}

impl MachineSpec {
    /// The machine for one runner of a type, with the type's image experiment decided by the runner's name: the same
    /// runner always gets the same image, and names are random, so their share is the configured one.
    pub fn of_runner(kind: &RunnerType, name: &RunnerName) -> Self {
        let mut machine = Self::from(kind);
        if let Some(trial) =
            kind.ami_experiment.as_ref().filter(|trial| share(name.as_str()) < trial.fraction)
        {
            machine.image = Some(Image::Named(trial.ami.clone()));
        }
        machine
    }
}

/// A number from 0 up to, not including, 1 that belongs to a text (FNV-1a, then mixed so that similar texts differ).
fn share(text: &str) -> f64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    f64::from(((mixed ^ (mixed >> 33)) >> 32) as u32) / f64::from(u32::MAX) * (1.0 - f64::EPSILON)
}

/// A machine image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// Exactly this one.
    Id(String),
    /// The newest one of that name (`*` stands for anything) and owner.
    Named(Ami),
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Named(ami) => ami.fmt(f),
        }
    }
}

/// How a machine is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Capacity {
    /// At the listed price, ours until we stop it.
    #[default]
    OnDemand,
    /// Cheaper, may be taken away.
    Spot {
        /// Whether an on-demand machine will do when there is none.
        fallback: bool,
    },
}

/// Where a runner is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// An organisation.
    Organization(String),
    /// A repository.
    Repository(RepoName),
}

/// Something a provider knows of a machine that the fleet should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The runner it is for; `None` when the machine has no runner.
    pub name: Option<RunnerName>,
    /// The provider's id.
    pub machine_id: String,
    /// What kind.
    pub kind: NoticeKind,
    /// The provider's reason, in its words.
    pub reason: String,
}

/// Kinds of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// It will be taken away within minutes.
    Interruption,
    /// The provider will restart or retire it.
    Maintenance,
    /// It ended, not by our order.
    Ended,
}

/// What a round of a provider's own housekeeping did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Left-over secrets that were deleted.
    pub secrets_deleted: usize,
    /// Left-over disks that were deleted.
    pub disks_deleted: usize,
    /// Machines that were stopped for good: spare ones too old, doubles of a name.
    pub machines_ended: usize,
    /// Spare machines that were started or put aside.
    pub spares_prepared: usize,
    /// What did not work; the next round tries again.
    pub troubles: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_on_trial_gets_its_share_of_the_runners() {
        let of = |fraction: f64| {
            let text = format!(
                "runner_types:\n  linux.large:\n    instance_type: c7i.large\n    os: linux\n    disk_size: 50\n    \
                 is_ephemeral: true\n    ami: old-*\n    ami_experiment: {{ami: new-*, percentage: {fraction}}}\n"
            );
            let config = crate::scale_config::parse("s.yml", &text).0.expect("a configuration");
            let kind = config.get("linux.large").expect("the type").clone();
            let on_trial = |i: u32| {
                let name = format!("trunkline-{i:016x}").parse().expect("a name");
                let machine = MachineSpec::of_runner(&kind, &name);
                assert_eq!(machine, MachineSpec::of_runner(&kind, &name), "the choice is kept");
                machine.image.is_some_and(|image| image.to_string() == "new-*")
            };
            (0..4_000).filter(|i| on_trial(*i)).count()
        };
        assert_eq!((of(0.0), of(1.0)), (0, 4_000));
        assert!((900..1_100).contains(&of(0.25)), "{}", of(0.25));
    }

    #[test]
    fn a_runner_type_says_its_machine() {
        let text = "runner_types:\n  linux.arm64.2xlarge:\n    instance_type: t4g.2xlarge\n    os: linux\n    \
                    disk_size: 150\n    is_ephemeral: true\n    ami: al2023-ami-*|123456789012\n";
        let (config, problems) = crate::scale_config::parse("scale-config.yml", text);
        let config = config.unwrap_or_else(|| panic!("{problems:?}"));
        let spec = MachineSpec::from(config.get("linux.arm64.2xlarge").unwrap());
        assert_eq!((spec.arch, spec.disk_gb), (Arch::Arm64, Some(150)));
        assert_eq!(spec.instance_types, ["t4g.2xlarge"]);
        assert_eq!(spec.image.unwrap().to_string(), "al2023-ami-*|123456789012");
        assert_eq!(spec.capacity, Capacity::OnDemand);
    }
}
