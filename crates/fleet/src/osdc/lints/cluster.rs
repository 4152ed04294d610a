//! What clusters say against each other and against the definitions.

use super::Finding;
use crate::{
    osdc::{
        clusters::Clusters,
        definition::{Cap, Definition},
        offer::{has_scheduler, module_of, offers},
    },
    yaml::Place,
};
use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
};
use trunkline_model::{Problem, Severity};

fn warning(rule: &'static str, path: String, message: String, expected: &str, fix: &str) -> Finding {
    let severity = Severity::Warning;
    Finding { rule, severity, path, message, expected: expected.into(), fix: fix.into() }
}

/// Characters of the longest prefix that a cluster puts before the definition's name.
pub(super) fn longest_prefix(definition: &Definition, clusters: &Clusters) -> usize {
    let module = module_of(definition, clusters);
    let offering = clusters.clusters.iter().filter(|cluster| cluster.modules.contains(&module));
    let prefixes = offering.filter_map(|cluster| cluster.settings(&module).runner_name_prefix);
    prefixes.map(|prefix| prefix.chars().count()).max().unwrap_or(0)
}

/// Caps for clusters that do not exist.
pub(super) fn check_definition<'a>(
    definition: &'a Definition,
    clusters: &'a Clusters,
) -> impl Iterator<Item = Finding> + 'a {
    let caps = match &definition.max_runners {
        Some(Cap::ByCluster(caps)) => Some(caps),
        _ => None,
    };
    let named = caps.into_iter().flat_map(BTreeMap::keys).filter(|name| *name != "default");
    let missing = named.filter(|name| !clusters.clusters.iter().any(|cluster| cluster.id == **name));
    missing.map(|name| {
        let path = format!("runner.max_runners.{name}");
        let message = format!("there is no cluster `{name}`");
        warning("osdc.cap.cluster", path, message, "a cluster of the clusters file, or `default`", "")
    })
}

/// Labels that share machines, each with a cap of its own, promise more than one of them can use.
pub(super) fn joint_gpus(definitions: &[Definition], clusters: Option<&Clusters>) -> Vec<Problem> {
    let default = "default".to_owned();
    let ids: Vec<&String> = match clusters {
        Some(clusters) => clusters.clusters.iter().map(|cluster| &cluster.id).collect(),
        None => vec![&default],
    };
    let mut pools: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
    for definition in definitions.iter().filter(|d| d.gpu > 0 && d.max_runners.is_some()) {
        pools.entry(&definition.instance_type).or_default().push(definition);
    }
    let mut problems = vec![];
    for (machine, members) in pools.into_iter().filter(|(_, members)| members.len() > 1) {
        let slots = |definition: &Definition, cluster: &str| {
            let cap = definition.max_runners.as_ref().and_then(|cap| cap.of(cluster)).unwrap_or(0);
            u64::from(cap) * u64::from(definition.gpu)
        };
        let offered = |cluster: &str, definition: &Definition| {
            let Some(clusters) = clusters else { return true };
            let module = module_of(definition, clusters);
            clusters.clusters.iter().any(|own| own.id == cluster && own.modules.contains(&module))
        };
        let worst = ids
            .iter()
            .map(|cluster| {
                let here = members.iter().filter(|definition| offered(cluster, definition));
                let slots: Vec<u64> = here.map(|definition| slots(definition, cluster)).collect();
                (slots.iter().sum::<u64>(), slots.iter().max().copied().unwrap_or(0), *cluster)
            })
            .max();
        let Some((sum, most, cluster)) = worst.filter(|(sum, most, _)| sum > most) else { continue };
        let first = members[0];
        let names: Vec<&str> = members.iter().map(|definition| definition.name.as_str()).collect();
        let message = format!(
            "{} labels share `{machine}` machines: their caps allow {sum} GPUs together (cluster {cluster}), though no one \
             of them uses more than {most}: {}",
            names.len(),
            names.join(", ")
        );
        let fix = "give the labels one joint pool; jobs beyond it are assigned and then wait";
        let expected = "caps that fit the GPUs that are there";
        let finding = warning("osdc.gpu.joint", "runner.max_runners".into(), message, expected, fix);
        problems.push(finding.at(&first.file, Place { line: first.line, column: first.column }));
    }
    problems
}

/// Everything about the clusters themselves.
pub(super) fn check(clusters: &Clusters, definitions: &[Definition]) -> Vec<Problem> {
    let mut problems = overlaps(clusters);
    for cluster in &clusters.clusters {
        let path = |rest: &str| format!("clusters.{}.{rest}", cluster.id);
        for (key, section, place) in &cluster.sections {
            if !deploys(&cluster.modules, section) {
                let message = format!("settings of `{section}`, which this cluster does not deploy");
                let fix = "remove them, or add the module";
                let expected = "settings of modules in `modules`";
                let found = warning("osdc.section.unused", path(key), message, expected, fix);
                problems.push(found.at(&clusters.file, *place));
            }
        }
        for module in cluster.runner_modules() {
            let settings = cluster.settings(module);
            let place = cluster.runners.get(module).map_or(cluster.place, |own| own.place);
            if let Some(scheduler) =
                settings.scheduler_name.as_deref().filter(|name| !has_scheduler(cluster, name))
            {
                let message =
                    format!("`{scheduler}` is not deployed here: pods that name it would wait forever");
                let fix = "add its module, or remove the key";
                let at = path(&format!("{module}.scheduler_name"));
                let found = warning("osdc.scheduler.missing", at, message, "a scheduler that runs", fix);
                problems.push(found.at(&clusters.file, place));
            }
            let group = settings.runner_group.as_deref().filter(|group| *group != "default");
            if let Some(group) = group.filter(|_| settings.is_repository_scoped()) {
                let message = format!("`{group}` is not used: runners of a repository are all in `default`");
                let fix = "use the organisation's address, or remove the group";
                let at = path(&format!("{module}.runner_group"));
                let found = warning("osdc.group.repository", at, message, "an organisation's address", fix);
                problems.push(found.at(&clusters.file, place));
            }
        }
    }
    problems.extend(shared_groups(clusters, definitions));
    problems
}

/// Whether a section belongs to a deployed module; parts of the base need no module.
fn deploys(modules: &[String], section: &str) -> bool {
    matches!(section, "harbor" | "node-compactor") || modules.iter().any(|module| module == section)
}

/// Two clusters that offer one label in one group take each other's sessions.
fn shared_groups(clusters: &Clusters, definitions: &[Definition]) -> Vec<Problem> {
    let mut seen: HashMap<(String, String, String), String> = HashMap::new();
    let mut told: BTreeMap<(String, String), (String, usize)> = BTreeMap::new();
    for offer in offers(clusters, definitions) {
        let cluster = clusters.clusters.iter().find(|cluster| cluster.id == offer.cluster);
        let url =
            cluster.and_then(|cluster| cluster.settings(&offer.module).github_config_url).unwrap_or_default();
        let key = (url, offer.runner_group.clone(), offer.label.clone());
        if let Some(other) = seen.get(&key) {
            told.entry((offer.cluster, other.clone())).or_insert((offer.runner_group, 0)).1 += 1;
        } else {
            seen.insert(key, offer.cluster);
        }
    }
    let place =
        |id: &str| clusters.clusters.iter().find(|c| c.id == id).map_or_else(Place::default, |c| c.place);
    let found = told.into_iter().map(|((cluster, other), (group, labels))| {
        let message = format!("{labels} labels are offered in the runner group `{group}` by `{other}` too");
        let mut finding = warning(
            "osdc.group.shared",
            format!("clusters.{cluster}"),
            message,
            "a runner group of its own for each cluster",
            "set another `runner_group`",
        );
        finding.severity = Severity::Error;
        finding.at(&clusters.file, place(&cluster))
    });
    found.collect()
}

/// First and last address of an IPv4 network such as `10.0.0.0/16`.
pub(in crate::osdc) fn network(text: &str) -> Option<(u32, u32)> {
    let (address, bits) = text.split_once('/')?;
    let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let hosts = u32::MAX.checked_shr(bits).unwrap_or(0);
    Some((address & !hosts, address | hosts))
}

fn overlaps(clusters: &Clusters) -> Vec<Problem> {
    let networks: Vec<_> = clusters
        .clusters
        .iter()
        .filter_map(|cluster| {
            let text = cluster.vpc_cidr.as_deref()?;
            Some((cluster, text, network(text)?))
        })
        .collect();
    let mut problems = vec![];
    for (i, (cluster, text, own)) in networks.iter().enumerate() {
        for (other, their, range) in &networks[..i] {
            if own.0 <= range.1 && range.0 <= own.1 {
                let message = format!("{text} overlaps {their} of `{}`", other.id);
                let expected = "networks that do not overlap, so that clusters can be connected";
                let path = format!("clusters.{}.base.vpc_cidr", cluster.id);
                let found = warning("osdc.network.overlap", path, message, expected, "");
                problems.push(found.at(&clusters.file, cluster.cidr_place.unwrap_or(cluster.place)));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::network;
    use proptest::prelude::*;

    #[test]
    fn networks_have_a_first_and_a_last_address() {
        assert_eq!(network("10.4.0.0/16"), Some((0x0a04_0000, 0x0a04_ffff)));
        assert_eq!(network("10.4.7.9/32"), Some((0x0a04_0709, 0x0a04_0709)));
        assert_eq!(network("0.0.0.0/0"), Some((0, u32::MAX)));
        for bad in ["", "10.4.0.0", "10.4.0.0/33", "10.4.0/16", "::/0", "10.4.0.0/-1"] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_network_holds_its_address(address: u32, bits in 0_u32..=32) {
            let text = format!("{}/{bits}", std::net::Ipv4Addr::from(address));
            let (first, last) = network(&text).expect("a network");
            prop_assert!(first <= address && address <= last);
            prop_assert_eq!(u64::from(last) - u64::from(first) + 1, 1_u64 << (32 - bits));
        }
    }
}
