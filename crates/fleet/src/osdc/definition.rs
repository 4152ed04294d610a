//! One runner definition: a file per label with the single key `runner`.

use crate::{
    scale_config::values::{Field, Report, is_name},
    yaml::{self, Node, Place, Value},
};
use serde::Serialize;
use std::collections::BTreeMap;
use trunkline_model::{Problem, Severity};

/// The keys of a definition.
const KEYS: [&str; 16] = [
    "name",
    "instance_type",
    "node_fleet",
    "vcpu",
    "memory",
    "disk_size",
    "gpu",
    "max_runners",
    "proactive_capacity",
    "hud_failure_base_capacity",
    "max_burst_capacity",
    "runner_class",
    "runner_group",
    "imex_channels",
    "fresh_multiplier",
    "scheduler_name",
];
const REQUIRED: [&str; 6] = ["name", "instance_type", "vcpu", "memory", "disk_size", "gpu"];
/// The pool of the control plane: no job may run there.
pub const RESERVED_FLEET: &str = "c7i-runner";
/// Bound of whole numbers that have none of their own.
const MANY: i64 = 1_000_000;

/// A cap on concurrent runners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cap {
    /// The same everywhere.
    Everywhere(u32),
    /// By cluster; `default` for those that are not named.
    ByCluster(BTreeMap<String, u32>),
}

impl Cap {
    /// The cap in one cluster.
    pub fn of(&self, cluster: &str) -> Option<u32> {
        match self {
            Self::Everywhere(cap) => Some(*cap),
            Self::ByCluster(caps) => caps.get(cluster).or_else(|| caps.get("default")).copied(),
        }
    }
}

/// What a runner of one label is. Quantities are requests and limits of the job's container at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Definition {
    /// File it stands in.
    pub file: String,
    /// Line of the name, from 1.
    pub line: usize,
    /// Column of the name, from 1.
    pub column: usize,
    /// The label without provider prefix.
    pub name: String,
    /// Reference machine.
    pub instance_type: String,
    /// Node fleet, when it is not the family of the machine.
    pub node_fleet: Option<String>,
    /// CPUs.
    pub vcpu: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Disk, GiB.
    pub disk_gib: u32,
    /// GPUs.
    pub gpu: u32,
    /// Most runners at once; absent is unlimited.
    pub max_runners: Option<Cap>,
    /// Warm placeholder pairs.
    pub proactive_capacity: u32,
    /// Pairs to keep when the queue is not known.
    pub hud_failure_base_capacity: u32,
    /// Most pairs to add in one cycle.
    pub max_burst_capacity: Option<u32>,
    /// Release class: own machines, own runner group.
    pub release: bool,
    /// Runner group, unless the cluster says another.
    pub runner_group: Option<String>,
    /// NVIDIA_IMEX_CHANNELS.
    pub imex_channels: Option<u32>,
    /// Share of the fresh queue.
    pub fresh_multiplier: Option<f64>,
    /// Scheduler for its pods.
    pub scheduler_name: Option<String>,
}

impl Definition {
    /// The node fleet its pods run on: the one it names, or the machine's family.
    pub fn fleet(&self) -> &str {
        let family = self.instance_type.split('.').next().unwrap_or(&self.instance_type);
        self.node_fleet.as_deref().unwrap_or(family)
    }

    /// Memory in GiB, rounded down.
    pub fn memory_gib(&self) -> u64 {
        self.memory_mib / 1024
    }
}

/// Reads one definition; absent when a value of it is missing or wrong. Problems come in order of place.
pub fn parse(file: &str, text: &str) -> (Option<Definition>, Vec<Problem>) {
    let (root, problems) = yaml::parse(file, text);
    let mut report = Report { file, problems };
    let definition = root.and_then(|root| read_root(&mut report, &root));
    let mut problems = report.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    (definition, problems)
}

fn read_root(report: &mut Report<'_>, root: &Node) -> Option<Definition> {
    let expected = "a mapping with the key `runner`";
    let Value::Mapping(pairs) = &root.value else {
        report.add(Severity::Error, root.place, "", format!("found {}", root.describe()), expected, "");
        return None;
    };
    let mut found = None;
    for (key, node) in pairs {
        match key.text() {
            Some("runner") => found = Some((key, node)),
            Some(name) => report.unknown_key(key, name, name, &["runner"]),
            None => {}
        }
    }
    let Some((key, node)) = found else {
        report.add(Severity::Error, root.place, "", "`runner` is missing".into(), expected, "");
        return None;
    };
    let Value::Mapping(pairs) = &node.value else {
        let message = format!("found {}", node.describe());
        report.add(Severity::Error, node.place, "runner", message, "a mapping of the runner's keys", "");
        return None;
    };
    let mut fields: BTreeMap<&str, Field<'_>> = BTreeMap::new();
    for (key, node) in pairs {
        let Some(name) = key.text() else { continue };
        let path = format!("runner.{name}");
        if KEYS.contains(&name) {
            fields.insert(name, Field { node, path });
        } else {
            report.unknown_key(key, &path, name, &KEYS);
        }
    }
    for missing in REQUIRED.iter().filter(|required| !fields.contains_key(**required)) {
        let message = format!("`{missing}` is missing");
        report.add(Severity::Error, key.place, "runner", message, &format!("the key `{missing}`"), "");
    }
    build(report, &fields, key.place)
}

/// A read value: `Ok(None)` is an absent key, `Err` a present one that does not fit and was reported.
type Read<T> = Result<Option<T>, ()>;

struct Keys<'r, 'f, 'a> {
    report: &'r mut Report<'a>,
    fields: &'r BTreeMap<&'f str, Field<'f>>,
}

impl Keys<'_, '_, '_> {
    fn read<T>(&mut self, key: &str, read: impl FnOnce(&mut Report<'_>, &Field<'_>) -> Option<T>) -> Read<T> {
        match self.fields.get(key) {
            Some(field) => read(self.report, field).map(Some).ok_or(()),
            None => Ok(None),
        }
    }

    fn whole(&mut self, key: &str, range: (i64, i64), expected: &str) -> Read<u32> {
        self.read(key, |report, field| report.whole(field, range, expected))
            .map(|number| number.and_then(|number| u32::try_from(number).ok()))
    }

    fn name(&mut self, key: &str, expected: &str) -> Read<String> {
        self.read(key, |report, field| {
            let text = report.text(field, expected)?;
            if is_name(text) {
                return Some(text.to_owned());
            }
            report.wrong(field, expected, "");
            None
        })
    }
}

fn build(report: &mut Report<'_>, fields: &BTreeMap<&str, Field<'_>>, place: Place) -> Option<Definition> {
    let place = fields.get("name").map_or(place, |field| field.node.place);
    let file = report.file.to_owned();
    let mut keys = Keys { report, fields };
    // All keys are read before the first bad one ends it, so that every problem is told.
    let name = keys.name("name", "the label without provider prefix, such as `l-x86iamx-8-16`");
    let instance_type = keys.read("instance_type", |report, field| report.instance_type(field));
    let node_fleet = keys.read("node_fleet", fleet);
    let vcpu = keys.whole("vcpu", (1, 4096), "a whole number of CPUs from 1 on");
    let memory = keys.read("memory", memory);
    let disk = keys.read("disk_size", disk);
    let gpu = keys.whole("gpu", (0, 64), "a whole number of GPUs from 0 on");
    let max_runners = keys.read("max_runners", cap);
    let proactive = keys.whole("proactive_capacity", (0, MANY), "a whole number from 0 on");
    let base = keys.whole("hud_failure_base_capacity", (0, 1000), "a whole number from 0 to 1000");
    let burst = keys.whole("max_burst_capacity", (1, MANY), "a whole number from 1 on");
    let class = keys.read("runner_class", class);
    let group = keys.name("runner_group", "the name of a runner group");
    let imex = keys.whole("imex_channels", (0, 65_535), "a whole number from 0 on");
    let fresh = keys.read("fresh_multiplier", multiplier);
    let scheduler = keys.name("scheduler_name", "the name of a scheduler");
    Some(Definition {
        file,
        line: place.line,
        column: place.column,
        name: name.ok()??,
        instance_type: instance_type.ok()??,
        node_fleet: node_fleet.ok()?,
        vcpu: vcpu.ok()??,
        memory_mib: memory.ok()??,
        disk_gib: disk.ok()??,
        gpu: gpu.ok()??,
        max_runners: max_runners.ok()?,
        proactive_capacity: proactive.ok()?.unwrap_or(0),
        hud_failure_base_capacity: base.ok()?.unwrap_or(0),
        max_burst_capacity: burst.ok()?,
        release: class.ok()?.unwrap_or(false),
        runner_group: group.ok()?,
        imex_channels: imex.ok()?,
        fresh_multiplier: fresh.ok()?,
        scheduler_name: scheduler.ok()?,
    })
}

/// A DNS-1123 label that is not the control plane's own pool.
fn fleet(report: &mut Report<'_>, field: &Field<'_>) -> Option<String> {
    let expected = "a node fleet: at most 63 of a-z, 0-9 and `-`, not at the ends";
    let text = report.text(field, expected)?;
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = (1..=63).contains(&text.len())
        && text.bytes().all(|b| inner(b) || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if !fits {
        report.wrong(field, expected, "");
        return None;
    }
    if text == RESERVED_FLEET {
        report.wrong(field, "a fleet of worker nodes: this one is the control plane's", "name another fleet");
        return None;
    }
    Some(text.into())
}

/// A Kubernetes quantity with a binary suffix, in MiB.
fn memory(report: &mut Report<'_>, field: &Field<'_>) -> Option<u64> {
    let expected = "memory such as `16Gi` or `512Mi`";
    let text = report.text(field, expected)?;
    let factor = [("Mi", 1), ("Gi", 1024), ("Ti", 1024 * 1024)];
    let found = factor.into_iter().find_map(|(suffix, factor)| {
        let number: u64 = text.strip_suffix(suffix)?.parse().ok()?;
        number.checked_mul(factor).filter(|mib| *mib > 0)
    });
    if found.is_none() {
        let fix = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            format!("write `{text}Gi`")
        } else {
            String::new()
        };
        report.wrong(field, expected, &fix);
    }
    found
}

/// GiB, as a number or as a quantity.
fn disk(report: &mut Report<'_>, field: &Field<'_>) -> Option<u32> {
    let expected = "a size in GiB from 1 to 65536, such as `200`";
    let text = report.text(field, expected)?;
    let size = text.strip_suffix("Gi").unwrap_or(text).parse().ok().filter(|gib| (1..=65_536).contains(gib));
    if size.is_none() {
        report.wrong(field, expected, "");
    }
    size
}

fn class(report: &mut Report<'_>, field: &Field<'_>) -> Option<bool> {
    let expected = "`release`, or an empty text";
    if field.node.is_null() {
        return Some(false);
    }
    match report.text(field, expected)? {
        "" => Some(false),
        "release" => Some(true),
        _ => {
            report.wrong(field, expected, "");
            None
        }
    }
}

/// A factor above 0.
pub(super) fn multiplier(report: &mut Report<'_>, field: &Field<'_>) -> Option<f64> {
    let expected = "a number above 0, at most 100";
    let text = report.text(field, expected)?;
    let number = text.parse::<f64>().ok().filter(|n| *n > 0.0 && *n <= 100.0);
    if number.is_none() {
        report.wrong(field, expected, "");
    }
    number
}

fn cap(report: &mut Report<'_>, field: &Field<'_>) -> Option<Cap> {
    let expected = "a whole number of runners from 1 on";
    let range = (1, MANY);
    let Value::Mapping(pairs) = &field.node.value else {
        let cap = report.whole(field, range, expected)?;
        return u32::try_from(cap).ok().map(Cap::Everywhere);
    };
    let mut caps = BTreeMap::new();
    let mut good = true;
    for (key, node) in pairs {
        let Some(name) = key.text() else { continue };
        let inner = Field { node, path: format!("{}.{name}", field.path) };
        match report.whole(&inner, range, expected).and_then(|cap| u32::try_from(cap).ok()) {
            Some(cap) => {
                caps.insert(name.to_owned(), cap);
            }
            None => good = false,
        }
    }
    if !caps.contains_key("default") {
        let message = "`default` is missing: clusters that are not named would have no cap".into();
        report.add(Severity::Error, field.node.place, &field.path, message, "the key `default`", "");
        good = false;
    }
    good.then_some(Cap::ByCluster(caps))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "runner:\n  name: l-x86iamx-8-16\n  instance_type: c7i.2xlarge\n  node_fleet: c7i-2xl\n  \
                        disk_size: 50\n  vcpu: 8\n  memory: 16Gi\n  gpu: 0\n  max_burst_capacity: 250\n";

    #[test]
    fn a_definition_is_read() {
        let (definition, problems) = parse("d.yaml", GOOD);
        assert_eq!(problems, []);
        let definition = definition.expect("a definition");
        assert_eq!((definition.vcpu, definition.memory_gib(), definition.gpu), (8, 16, 0));
        assert_eq!((definition.fleet(), definition.line, definition.release), ("c7i-2xl", 2, false));
    }

    #[test]
    fn caps_by_cluster_fall_back_to_the_default() {
        let text = format!("{GOOD}  max_runners:\n    default: 2\n    west: 12\n");
        let cap = parse("d.yaml", &text).0.and_then(|d| d.max_runners).expect("a cap");
        assert_eq!((cap.of("west"), cap.of("east")), (Some(12), Some(2)));
    }

    #[test]
    fn all_problems_are_told_with_their_places() {
        let text = "runner:\n  name: l x\n  instance_type: [a]\n  node_fleet: c7i-runner\n  disk_size: 0\n  vcpu: \"8\"\n  \
                    memory: 16\n  gpu: -1\n  max_runners: {west: 0}\n  hud_failure_base_capacity: 1001\n  \
                    runner_class: debug\n  fresh_multiplier: 0\n  max_runnners: 3\n";
        let (definition, problems) = parse("d.yaml", text);
        assert!(definition.is_none());
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let told = |text: &str| {
            parse("d.yaml", text).1.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(
            [told("[]"), told("other: 1"), told("runner: 7"), told("runner: {max_runners: {a: 1}}")]
                .join("\n--\n")
        );
    }
}
