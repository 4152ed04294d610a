//! Tags: the fleet's memory at Amazon. The first group is that of PyTorch's autoscaler, so that either can take a
//! fleet over from the other; ours start with `trunkline:`.
//!
//! A machine with a runner has `trunkline:runner`. A spare machine has `trunkline:spare` and no runner. A machine
//! with neither was started by the other autoscaler: there the runner's name is the machine's id.

use crate::api::{Filter, instances::Instance};
use crate::provider::Ec2Config;
use jiff::Timestamp;
use std::collections::BTreeMap;
use trunkline_fleet::provider::{LaunchSpec, MachineSpec, Owner};
use trunkline_model::RunnerName;

pub(crate) const APPLICATION: &str = "Application";
pub(crate) const APPLICATION_VALUE: &str = "github-action-runner";
pub(crate) const ENVIRONMENT: &str = "Environment";
pub(crate) const RUNNER_TYPE: &str = "RunnerType";
pub(crate) const DEPLOY: &str = "ApplicationDeployDatetime";
pub(crate) const RUNNER_ID: &str = "GithubRunnerID";
pub(crate) const FINISHED: &str = "EphemeralRunnerFinished";
pub(crate) const REPLACED: &str = "EBSVolumeReplacementRequestTm";
const MANAGEMENT: &str = "InstanceManagement";

/// Name of the runner a machine is for.
pub(crate) const RUNNER: &str = "trunkline:runner";
/// SSM path of its JIT configuration. The machine reads it from its metadata.
pub(crate) const CONFIG: &str = "trunkline:config";
/// What a spare machine is: see [`Spare`].
pub(crate) const SPARE: &str = "trunkline:spare";
/// When a machine became spare, in Unix seconds.
pub(crate) const SPARE_SINCE: &str = "trunkline:spare-since";

/// Kinds of spare machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spare {
    /// Boots and waits for a configuration.
    Ready,
    /// To be stopped once it has booted, or stopped.
    Stopped,
    /// Its root disk is being replaced.
    Refreshing,
}

impl Spare {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Refreshing => "refreshing",
        }
    }
}

/// Whose machine it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// A runner's.
    Runner(RunnerName),
    /// Nobody's yet.
    Spare(Spare),
    /// A person's: never touched.
    Pet,
}

pub(crate) fn role(instance: &Instance) -> Option<Role> {
    let bypass = instance.tag("ghr:bypass-removal") == Some("true");
    if instance.tag(MANAGEMENT) == Some("pet") || bypass {
        return Some(Role::Pet);
    }
    if let Some(name) = instance.tag(RUNNER) {
        return name.parse().ok().map(Role::Runner);
    }
    match instance.tag(SPARE) {
        Some("ready") => Some(Role::Spare(Spare::Ready)),
        Some("stopped") => Some(Role::Spare(Spare::Stopped)),
        Some(_) => Some(Role::Spare(Spare::Refreshing)),
        None => instance.id.parse().ok().map(Role::Runner),
    }
}

/// Filters for the machines of a fleet.
pub(crate) fn of_fleet(config: &Ec2Config) -> Vec<Filter> {
    vec![
        Filter::tag(APPLICATION, [APPLICATION_VALUE]),
        Filter::tag(ENVIRONMENT, [config.environment.as_str()]),
    ]
}

/// Whether a machine is one of the fleet.
pub(crate) fn is_of_fleet(config: &Ec2Config, instance: &Instance) -> bool {
    instance.tag(APPLICATION) == Some(APPLICATION_VALUE)
        && instance.tag(ENVIRONMENT) == Some(config.environment.as_str())
}

/// Tags that all machines of a type have.
pub(crate) fn of_type(
    config: &Ec2Config,
    runner_type: &str,
    machine: &MachineSpec,
) -> BTreeMap<String, String> {
    let mut tags = config.tags.clone();
    tags.extend(machine.tags.clone());
    let mut set = |key: &str, value: &str| tags.insert(key.to_owned(), value.to_owned());
    set("Name", &format!("{}-action-runner", config.environment));
    set(APPLICATION, APPLICATION_VALUE);
    set(ENVIRONMENT, &config.environment);
    set(MANAGEMENT, "dynamic");
    set(RUNNER_TYPE, runner_type);
    if let Some(deploy) = &config.deploy {
        set(DEPLOY, deploy);
    }
    match &machine.owner {
        Some(Owner::Organization(name)) => drop(set("Org", name)),
        Some(Owner::Repository(name)) => drop(set("Repo", name.as_str())),
        None => {}
    }
    tags
}

/// Tags of one runner's machine, beside those of its type.
pub(crate) fn of_runner(order: &LaunchSpec, path: &str) -> BTreeMap<String, String> {
    let mut tags =
        BTreeMap::from([(RUNNER.to_owned(), order.name.to_string()), (CONFIG.to_owned(), path.to_owned())]);
    if let Some(id) = order.runner_id {
        tags.insert(RUNNER_ID.to_owned(), id.to_string());
    }
    tags
}

/// Tags of a spare machine, beside those of its type.
pub(crate) fn of_spare(kind: Spare, since: Timestamp) -> BTreeMap<String, String> {
    [(SPARE.to_owned(), kind.as_str().to_owned()), (SPARE_SINCE.to_owned(), since.as_second().to_string())]
        .into()
}

/// Since when a machine is spare.
pub(crate) fn spare_since(instance: &Instance) -> Option<Timestamp> {
    let tagged =
        instance.tag(SPARE_SINCE).and_then(|second| Timestamp::from_second(second.parse().ok()?).ok());
    tagged.or(instance.launched_at)
}
