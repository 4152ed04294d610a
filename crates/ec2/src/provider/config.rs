//! Settings of the provider, and what is wrong with them.

use crate::api::launch::TemplateRef;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use trunkline_fleet::{
    provider::{Image, LaunchSpec, MachineSpec},
    scale_config::{Arch, Os},
};

/// One fleet in one region. Another region is another provider.
#[derive(Debug, Clone)]
pub struct Ec2Config {
    /// Name of the provider, such as `ec2-us-east-1`.
    pub name: String,
    /// The fleet: value of the tag `Environment`. Machines with another value are never touched.
    pub environment: String,
    /// Value of the tag `ApplicationDeployDatetime`; machines with another value are not used again.
    pub deploy: Option<String>,
    /// Subnets, and with them zones.
    pub subnets: Vec<String>,
    /// Security groups of the machines.
    pub security_groups: Vec<String>,
    /// Whether machines get a public address; the subnet decides when absent.
    pub public_address: Option<bool>,
    /// Whether machines get an IPv6 address.
    pub ipv6: bool,
    /// Instance profile of the machines.
    pub instance_profile: Option<String>,
    /// Launch templates by [kind](kind_of), such as `linux-x64`, `linux-x64-nvidia` or `windows-x64`. Without one,
    /// everything comes from here.
    pub templates: BTreeMap<String, TemplateRef>,
    /// Images by [kind](kind_of), for machines that name none.
    pub images: BTreeMap<String, Image>,
    /// Machines by runner type, for orders that name none and for spare machines.
    pub machines: BTreeMap<String, MachineSpec>,
    /// Network hops of metadata answers: 1 keeps containers of a job away from the machine's role, 2 lets them in.
    pub metadata_hops: u8,
    /// Further tags of machines and disks, such as `Project`.
    pub tags: BTreeMap<String, String>,
    /// How a machine starts its runner.
    pub start: StartConfig,
    /// Where JIT configurations wait for their machines: start of the SSM paths.
    pub secret_prefix: String,
    /// Key that encrypts them; the account's default key when absent.
    pub secret_key: Option<String>,
    /// JIT configurations that nobody fetched are deleted after this time.
    pub secret_keep: SignedDuration,
    /// Most machines at once, spare ones included.
    pub max_machines: Option<u32>,
    /// Most places that are tried for one order.
    pub max_attempts: usize,
    /// A place without capacity is left alone this long.
    pub cool_down: SignedDuration,
    /// Which call orders spot machines.
    pub spot_api: SpotApi,
    /// Keep machines of finished runners for the next ones, on a clean root disk.
    pub reuse: Option<Reuse>,
    /// Machines kept ready.
    pub spares: Vec<SpareGoal>,
}

/// How a machine starts its runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartConfig {
    /// Folder of the runner in Linux images.
    pub linux_folder: String,
    /// User that runs it on Linux.
    pub linux_user: String,
    /// Folder of the runner in Windows images.
    pub windows_folder: String,
    /// Shell commands before a Linux runner starts, such as mounting a cache.
    pub linux_prepare: String,
    /// A machine that gets no configuration ends itself after this many minutes.
    pub wait_minutes: u32,
}

impl Default for StartConfig {
    fn default() -> Self {
        Self {
            linux_folder: "/opt/actions-runner".into(),
            linux_user: "runner".into(),
            windows_folder: r"C:\actions-runner".into(),
            linux_prepare: String::new(),
            wait_minutes: 10,
        }
    }
}

/// Which call orders spot machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpotApi {
    /// `CreateFleet`: Amazon chooses among types and zones by price and capacity.
    #[default]
    CreateFleet,
    /// `RunInstances`, one place after the other.
    RunInstances,
}

/// Rules for using machines again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reuse {
    /// A spare machine without work is ended after this time.
    pub keep: SignedDuration,
    /// A machine older than this is not used again.
    pub max_age: SignedDuration,
    /// Most spare machines of one type from reuse.
    pub max_spares: usize,
}

/// Spare machines of one runner type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpareGoal {
    /// The type.
    pub runner_type: String,
    /// Running and waiting for a configuration.
    pub running: usize,
    /// Booted once and stopped: costs its disk only.
    pub stopped: usize,
}

impl Ec2Config {
    /// Usual settings of a fleet.
    pub fn new(environment: impl Into<String>, subnets: Vec<String>) -> Self {
        Self {
            name: "ec2".into(),
            environment: environment.into(),
            deploy: None,
            subnets,
            security_groups: vec![],
            public_address: None,
            ipv6: false,
            instance_profile: None,
            templates: BTreeMap::new(),
            images: BTreeMap::new(),
            machines: BTreeMap::new(),
            metadata_hops: 1,
            tags: BTreeMap::new(),
            start: StartConfig::default(),
            secret_prefix: "/trunkline".into(),
            secret_key: None,
            secret_keep: SignedDuration::from_mins(30),
            max_machines: None,
            max_attempts: 24,
            cool_down: SignedDuration::from_secs(60),
            spot_api: SpotApi::default(),
            reuse: None,
            spares: vec![],
        }
    }

    /// What is wrong, all at once; nothing when it can be used.
    pub fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        let mut check = |fits: bool, problem: String| {
            if !fits {
                found.push(problem);
            }
        };
        let environment = &self.environment;
        check(
            plain(environment, "-_.") && environment.len() <= 64,
            format!("environment `{environment}`: expected 1 to 64 letters, digits, `-`, `_`, `.`"),
        );
        check(!self.subnets.is_empty(), "subnets: name at least one".into());
        let prefix = &self.secret_prefix;
        check(
            prefix.starts_with('/')
                && prefix[1..].split('/').all(|part| plain(part, "-_."))
                && !["/aws", "/ssm"].iter().any(|taken| prefix.to_lowercase().starts_with(taken)),
            format!(
                "secret_prefix `{prefix}`: expected a path such as `/trunkline`, not below `/aws` or `/ssm`"
            ),
        );
        check(
            (1..=64).contains(&self.metadata_hops),
            format!("metadata_hops {}: expected 1 to 64", self.metadata_hops),
        );
        let start = &self.start;
        for (key, value, also) in [
            ("linux_folder", &start.linux_folder, "-_./"),
            ("linux_user", &start.linux_user, "-_."),
            ("windows_folder", &start.windows_folder, "-_.:\\/"),
        ] {
            check(
                plain(value, also),
                format!("start.{key} `{value}`: expected letters, digits and any of `{also}`"),
            );
        }
        for key in self.tags.keys().chain(self.machines.values().flat_map(|machine| machine.tags.keys())) {
            check(
                plain(key, "+-=.,_:@") && !matches!(key.as_str(), "." | ".." | "_index"),
                format!(
                    "tag `{key}`: machines read their tags, so only letters, digits and `+-=.,_:@` may be in it"
                ),
            );
        }
        for goal in &self.spares {
            check(
                self.machines.contains_key(&goal.runner_type),
                format!("spares of `{}`: there is no machine for this type", goal.runner_type),
            );
        }
        found
    }

    /// The machine of an order.
    pub fn machine<'a>(&'a self, order: &'a LaunchSpec) -> Option<&'a MachineSpec> {
        if order.machine.instance_types.is_empty() {
            self.machines.get(&order.runner_type).filter(|machine| !machine.instance_types.is_empty())
        } else {
            Some(&order.machine)
        }
    }

    /// The launch template of a machine.
    pub fn template(&self, runner_type: &str, machine: &MachineSpec) -> Option<&TemplateRef> {
        let kind = kind_of(machine.os, machine.arch);
        let nvidia = runner_type.to_lowercase().contains(".nvidia.gpu");
        let special = nvidia.then(|| self.templates.get(&format!("{kind}-nvidia"))).flatten();
        special.or_else(|| self.templates.get(&kind))
    }

    /// Whether start scripts must run at every boot, not only the first.
    pub(crate) fn boots_again(&self) -> bool {
        self.spares.iter().any(|goal| goal.stopped > 0)
    }
}

/// System and architecture as a key: `linux-x64`, `linux-arm64`, `windows-x64`.
pub fn kind_of(os: Os, arch: Arch) -> String {
    format!("{}-{}", os.as_str(), arch.as_str())
}

fn plain(text: &str, also: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once() {
        let mut config = Ec2Config::new("ghci", vec!["subnet-1".into()]);
        assert_eq!(config.problems(), Vec::<String>::new());
        config.environment = "a b".into();
        config.subnets.clear();
        config.secret_prefix = "/aws/x".into();
        config.start.linux_user = "x; reboot".into();
        config.tags.insert("my/tag".into(), "x".into());
        config.spares.push(SpareGoal { runner_type: "linux.large".into(), running: 1, stopped: 0 });
        insta::assert_snapshot!(config.problems().join("\n"), @"
        environment `a b`: expected 1 to 64 letters, digits, `-`, `_`, `.`
        subnets: name at least one
        secret_prefix `/aws/x`: expected a path such as `/trunkline`, not below `/aws` or `/ssm`
        start.linux_user `x; reboot`: expected letters, digits and any of `-_.`
        tag `my/tag`: machines read their tags, so only letters, digits and `+-=.,_:@` may be in it
        spares of `linux.large`: there is no machine for this type
        ");
    }

    #[test]
    fn templates_go_by_system_architecture_and_gpu() {
        let mut config = Ec2Config::new("ghci", vec!["subnet-1".into()]);
        let template = |name: &str| TemplateRef { template: name.into(), version: "1".into() };
        config.templates.insert("linux-x64".into(), template("linux"));
        config.templates.insert("linux-x64-nvidia".into(), template("gpu"));
        let machine = MachineSpec::default();
        let name =
            |kind: &str, machine: &MachineSpec| config.template(kind, machine).map(|t| t.template.clone());
        assert_eq!(name("linux.large", &machine).as_deref(), Some("linux"));
        assert_eq!(name("linux.g5.4xlarge.nvidia.gpu", &machine).as_deref(), Some("gpu"));
        assert_eq!(name("x", &MachineSpec { os: Os::Windows, ..MachineSpec::default() }), None);
    }
}
