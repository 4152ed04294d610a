//! `clusters.yaml`: which clusters there are, and what each says about its runners.
//!
//! Only keys that decide about runners are read; the sections of other modules (`buildkit`, `harbor`, ...) are taken
//! as they are. A key that is no section of any known module is an error, so that a typing mistake is found.

use super::definition::multiplier;
use crate::{
    nearest::nearest,
    scale_config::values::{Field, Report, is_name},
    yaml::{self, Node, Place, Value},
};
use serde::Serialize;
use std::collections::BTreeMap;
use trunkline_model::{Problem, Severity};

/// Keys of a cluster beside the sections of its modules.
const CLUSTER_KEYS: [&str; 19] = [
    "region",
    "cluster_name",
    "recycle_karpenter_nodes",
    "proactive_capacity_max",
    "pause_runners",
    "state_bucket",
    "access_config",
    "base",
    "coredns",
    "modules",
    "node_compactor",
    "additional_orgs",
    "base_node_count",
    "base_node_instance_type",
    "base_node_max_unavailable_percentage",
    "base_node_ami_version",
    "eks_version",
    "single_nat_gateway",
    "alloy_chart_version",
];
/// Modules a cluster can have; `nodepools-X` and `arc-runners-X` are variants of two of them.
const MODULES: [&str; 17] = [
    "karpenter",
    "arc",
    "hf-cache",
    "nodepools",
    "bin-pack-scheduler",
    "arc-runners",
    "keda",
    "buildkit",
    "zombie-cleanup",
    "harbor-cache-recovery",
    "monitoring",
    "logging",
    "agent-sandbox",
    "pypi-cache",
    "cache-enforcer",
    "harbor",
    "node-compactor",
];
const RUNNER_KEYS: [&str; 6] = [
    "github_config_url",
    "github_secret_name",
    "runner_name_prefix",
    "runner_group",
    "scheduler_name",
    "capacity_aware_fresh_multiplier",
];

/// All clusters of the file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Clusters {
    /// The file as the user named it.
    pub file: String,
    /// In order of the file.
    pub clusters: Vec<Cluster>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// Its key in the file.
    pub id: String,
    /// Where it stands, from 1.
    #[serde(skip)]
    pub(crate) place: Place,
    /// The cloud's region.
    pub region: String,
    /// Addresses of its network, as written.
    pub vpc_cidr: Option<String>,
    /// Where `vpc_cidr` stands.
    #[serde(skip)]
    pub(crate) cidr_place: Option<Place>,
    /// Most warm pairs per label.
    pub proactive_capacity_max: Option<u32>,
    /// Every cap is 0.
    pub pause_runners: bool,
    /// Modules in the order they are deployed.
    pub modules: Vec<String>,
    /// Sections with settings: the key as written, the module's name, the place.
    #[serde(skip)]
    pub(crate) sections: Vec<(String, String, Place)>,
    /// Settings of `arc-runners` and its variants, by module; a variant takes over what it does not say itself.
    pub runners: BTreeMap<String, RunnerSettings>,
}

/// What a cluster says about the runners of one module.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RunnerSettings {
    /// Where the section stands.
    #[serde(skip)]
    pub(crate) place: Place,
    /// Organisation or repository that runners register with.
    pub github_config_url: Option<String>,
    /// Prefix of every label, such as `mt-`.
    pub runner_name_prefix: Option<String>,
    /// Runner group.
    pub runner_group: Option<String>,
    /// Scheduler for pods.
    pub scheduler_name: Option<String>,
    /// Share of the fresh queue.
    pub capacity_aware_fresh_multiplier: Option<f64>,
}

impl RunnerSettings {
    fn over(&self, base: &Self) -> Self {
        let pick = |own: &Option<String>, base: &Option<String>| own.clone().or_else(|| base.clone());
        Self {
            place: self.place,
            github_config_url: pick(&self.github_config_url, &base.github_config_url),
            runner_name_prefix: pick(&self.runner_name_prefix, &base.runner_name_prefix),
            runner_group: pick(&self.runner_group, &base.runner_group),
            scheduler_name: pick(&self.scheduler_name, &base.scheduler_name),
            capacity_aware_fresh_multiplier: self
                .capacity_aware_fresh_multiplier
                .or(base.capacity_aware_fresh_multiplier),
        }
    }

    /// Whether runners register with one repository; then there are no runner groups.
    pub fn is_repository_scoped(&self) -> bool {
        let path =
            self.github_config_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        path.is_some_and(|path| {
            path.trim_end_matches('/').split('/').count() > 2 && !path.contains("/enterprises/")
        })
    }
}

impl Cluster {
    /// Settings of a module of runners.
    pub fn settings(&self, module: &str) -> RunnerSettings {
        let base = self.runners.get("arc-runners").cloned().unwrap_or_default();
        match self.runners.get(module) {
            Some(own) => own.over(&base),
            None => base,
        }
    }

    /// The modules of this cluster that bring runners.
    pub fn runner_modules(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(String::as_str).filter(|module| base_module(module) == "arc-runners")
    }
}

/// `arc-runners-h100` is a variant of `arc-runners`.
fn base_module(name: &str) -> &str {
    ["arc-runners", "nodepools"]
        .into_iter()
        .find(|base| name.strip_prefix(base).is_some_and(|rest| rest.starts_with('-')))
        .unwrap_or(name)
}

/// Reads the file; absent when it is unusable as a whole. A cluster that has an error is left out.
pub fn parse(file: &str, text: &str) -> (Option<Clusters>, Vec<Problem>) {
    let (root, problems) = yaml::parse(file, text);
    let mut report = Report { file, problems };
    let clusters = root.and_then(|root| read_root(&mut report, &root));
    let mut problems = report.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    (clusters, problems)
}

fn mapping<'n>(report: &mut Report<'_>, node: &'n Node, path: &str) -> Option<&'n [(Node, Node)]> {
    if let Value::Mapping(pairs) = &node.value {
        return Some(pairs);
    }
    report.add(Severity::Error, node.place, path, format!("found {}", node.describe()), "a mapping", "");
    None
}

fn read_root(report: &mut Report<'_>, root: &Node) -> Option<Clusters> {
    let pairs = mapping(report, root, "")?;
    let mut defaults = Section::default();
    let mut clusters = None;
    for (key, node) in pairs {
        match key.text() {
            Some("defaults") => defaults = section(report, node, "defaults").unwrap_or_default(),
            Some("clusters") => clusters = mapping(report, node, "clusters"),
            Some(name) => report.unknown_key(key, name, name, &["defaults", "clusters"]),
            None => {}
        }
    }
    let Some(pairs) = clusters else {
        let message = "`clusters` is missing".to_owned();
        report.add(Severity::Error, root.place, "", message, "a mapping from cluster to its settings", "");
        return None;
    };
    let mut found = vec![];
    for (key, node) in pairs {
        let Some(id) = key.text() else { continue };
        let path = format!("clusters.{id}");
        if let Some(own) = section(report, node, &path) {
            found.extend(own.cluster(report, id, key.place, &defaults));
        }
    }
    Some(Clusters { file: report.file.into(), clusters: found })
}

/// What stands under one cluster, or under `defaults`.
#[derive(Default)]
struct Section {
    good: bool,
    region: Option<String>,
    vpc_cidr: Option<(String, Place)>,
    proactive_capacity_max: Option<u32>,
    pause_runners: Option<bool>,
    modules: Option<Vec<String>>,
    sections: Vec<(String, String, Place)>,
    runners: BTreeMap<String, RunnerSettings>,
}

impl Section {
    fn cluster(self, report: &mut Report<'_>, id: &str, place: Place, defaults: &Self) -> Option<Cluster> {
        let path = format!("clusters.{id}");
        if self.region.is_none() {
            let message = "`region` is missing".to_owned();
            report.add(Severity::Error, place, &path, message, "the key `region`", "");
        }
        let modules = self.modules.or_else(|| defaults.modules.clone());
        if modules.is_none() {
            let message = "`modules` is missing: nothing would be deployed".to_owned();
            report.add(Severity::Error, place, &path, message, "a list of modules", "");
        }
        let mut runners = self.runners;
        for (module, base) in &defaults.runners {
            let own = runners.get(module).map_or_else(|| base.clone(), |own| own.over(base));
            runners.insert(module.clone(), own);
        }
        let (vpc_cidr, cidr_place) = self.vpc_cidr.unzip();
        if !self.good {
            return None;
        }
        Some(Cluster {
            id: id.into(),
            place,
            region: self.region?,
            vpc_cidr,
            cidr_place,
            proactive_capacity_max: self.proactive_capacity_max.or(defaults.proactive_capacity_max),
            pause_runners: self.pause_runners.or(defaults.pause_runners).unwrap_or(false),
            modules: modules?,
            sections: self.sections,
            runners,
        })
    }
}

fn section(report: &mut Report<'_>, node: &Node, path: &str) -> Option<Section> {
    let mut section = Section { good: true, ..Section::default() };
    for (key, node) in mapping(report, node, path)? {
        let Some(name) = key.text() else { continue };
        let field = Field { node, path: format!("{path}.{name}") };
        let before = report.problems.len();
        match name {
            "region" => {
                section.region = report.text(&field, "a region such as `us-east-1`").map(String::from);
            }
            "proactive_capacity_max" => {
                let number = report.whole(&field, (0, 1_000_000), "a whole number from 0 on");
                section.proactive_capacity_max = number.and_then(|n| u32::try_from(n).ok());
            }
            "pause_runners" => section.pause_runners = report.boolean(&field),
            "modules" => section.modules = modules(report, &field),
            "base" => section.vpc_cidr = cidr(report, &field),
            _ if base_module(name) == "arc-runners" => {
                if let Some(settings) = runners(report, &field, key.place) {
                    section.runners.insert(name.into(), settings);
                }
            }
            _ => {
                let dashed = name.replace('_', "-");
                if MODULES.contains(&base_module(&dashed)) {
                    section.sections.push((name.into(), dashed, key.place));
                } else if !CLUSTER_KEYS.contains(&name) {
                    let known: Vec<&str> = CLUSTER_KEYS.iter().chain(&MODULES).copied().collect();
                    report.unknown_key(key, &field.path, name, &known);
                }
            }
        }
        // An unknown key harms nobody; a value that cannot be read does.
        let unread = |p: &Problem| p.severity == Severity::Error && !p.message.starts_with("unknown key");
        section.good &= !report.problems[before..].iter().any(unread);
    }
    Some(section)
}

fn modules(report: &mut Report<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let Value::Sequence(items) = &field.node.value else {
        report.wrong(field, "a list of modules", "");
        return None;
    };
    let mut modules: Vec<String> = vec![];
    for (i, node) in items.iter().enumerate() {
        let item = Field { node, path: format!("{}[{i}]", field.path) };
        let Some(name) = report.text(&item, "the name of a module") else { continue };
        if modules.iter().any(|known| known == name) {
            let message = format!("`{name}` stands here again");
            report.add(Severity::Warning, node.place, &item.path, message, "each module once", "remove it");
        }
        if !MODULES.contains(&base_module(name)) {
            let fix = nearest(name, MODULES, 1)
                .first()
                .map_or_else(String::new, |m| format!("did you mean `{m}`?"));
            let message = format!("`{name}` is no module of this layout");
            report.add(Severity::Warning, node.place, &item.path, message, "a module that exists", &fix);
        }
        modules.push(name.into());
    }
    Some(modules)
}

fn cidr(report: &mut Report<'_>, field: &Field<'_>) -> Option<(String, Place)> {
    let pairs = mapping(report, field.node, &field.path)?;
    let (_, node) = pairs.iter().find(|(key, _)| key.text() == Some("vpc_cidr"))?;
    let inner = Field { node, path: format!("{}.vpc_cidr", field.path) };
    let expected = "a network such as `10.0.0.0/16`";
    let text = report.text(&inner, expected)?;
    if super::lints::network(text).is_none() {
        report.wrong(&inner, expected, "");
        return None;
    }
    Some((text.into(), node.place))
}

fn runners(report: &mut Report<'_>, field: &Field<'_>, place: Place) -> Option<RunnerSettings> {
    let mut settings = RunnerSettings { place, ..RunnerSettings::default() };
    for (key, node) in mapping(report, field.node, &field.path)? {
        let Some(name) = key.text() else { continue };
        let inner = Field { node, path: format!("{}.{name}", field.path) };
        match name {
            "github_config_url" => settings.github_config_url = url(report, &inner),
            "github_secret_name" => drop(report.text(&inner, "the name of a secret")),
            "runner_name_prefix" => {
                settings.runner_name_prefix = report.text(&inner, "a prefix such as `mt-`").map(String::from);
                if settings
                    .runner_name_prefix
                    .as_deref()
                    .is_some_and(|text| !text.is_empty() && !is_name(text))
                {
                    report.wrong(&inner, "a prefix of letters, digits, `.` and `-`", "");
                }
            }
            "runner_group" => {
                settings.runner_group = report.text(&inner, "the name of a runner group").map(String::from);
            }
            "scheduler_name" => {
                settings.scheduler_name = report.text(&inner, "the name of a scheduler").map(String::from);
            }
            "capacity_aware_fresh_multiplier" => {
                settings.capacity_aware_fresh_multiplier = multiplier(report, &inner);
            }
            _ => report.unknown_key(key, &inner.path, name, &RUNNER_KEYS),
        }
    }
    Some(settings)
}

fn url(report: &mut Report<'_>, field: &Field<'_>) -> Option<String> {
    let expected = "the https address of an organisation, such as `https://github.com/example`";
    let text = report.text(field, expected)?;
    let owner = text.strip_prefix("https://").and_then(|rest| rest.split_once('/')).map(|(_, owner)| owner);
    if owner.is_some_and(|owner| !owner.trim_matches('/').is_empty()) {
        return Some(text.into());
    }
    report.wrong(field, expected, "");
    None
}
