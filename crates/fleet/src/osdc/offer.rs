//! The labels that clusters really offer: definitions times clusters, with overrides applied.

use super::{
    clusters::{Cluster, Clusters},
    definition::Definition,
};
use serde::Serialize;

/// One label in one cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Offer {
    /// As in `runs-on`.
    pub label: String,
    /// The cluster.
    pub cluster: String,
    /// Module that brings it.
    pub module: String,
    /// Runner group its runners register in.
    pub runner_group: String,
    /// Most runners at once; absent is unlimited. 0: the scale set exists and jobs addressed to it wait.
    pub max_runners: Option<u32>,
    /// Warm pairs.
    pub proactive_capacity: u32,
    /// Effective CPUs.
    pub vcpu: u32,
    /// Effective memory, MiB.
    pub memory_mib: u64,
    /// Effective GPUs.
    pub gpu: u32,
    /// Share of the fresh queue this cluster takes.
    pub fresh_multiplier: f64,
    /// Scheduler for its pods, when the cluster has one.
    pub scheduler_name: Option<String>,
}

/// The module whose runners a definition describes: a variant named after its GPU where a cluster has one.
pub fn module_of(definition: &Definition, clusters: &Clusters) -> String {
    let gpu = definition.name.split('-').find(|part| matches!(*part, "h100" | "b200"));
    let variant = gpu.map(|gpu| format!("arc-runners-{gpu}"));
    let known = |module: &String| clusters.clusters.iter().any(|cluster| cluster.modules.contains(module));
    variant.filter(known).unwrap_or_else(|| "arc-runners".into())
}

/// All offers, by cluster in order of the file, then by definition. O(clusters × definitions).
pub fn offers(clusters: &Clusters, definitions: &[Definition]) -> Vec<Offer> {
    let modules: Vec<String> = definitions.iter().map(|definition| module_of(definition, clusters)).collect();
    let mut offers = vec![];
    for cluster in &clusters.clusters {
        for (definition, module) in definitions.iter().zip(&modules) {
            if cluster.runner_modules().any(|own| own == module) {
                offers.push(offer(cluster, module, definition));
            }
        }
    }
    offers
}

/// A scheduler is only there when its module is.
pub(super) fn has_scheduler(cluster: &Cluster, scheduler: &str) -> bool {
    scheduler == "default-scheduler" || cluster.modules.iter().any(|module| module == scheduler)
}

fn offer(cluster: &Cluster, module: &str, definition: &Definition) -> Offer {
    let settings = cluster.settings(module);
    let group = if settings.is_repository_scoped() {
        "default".to_owned()
    } else {
        let own =
            settings.runner_group.as_deref().or(definition.runner_group.as_deref()).unwrap_or("default");
        if definition.release { format!("{own}-release-runners") } else { own.to_owned() }
    };
    let cap = definition.max_runners.as_ref().and_then(|cap| cap.of(&cluster.id));
    let limit = cluster.proactive_capacity_max.unwrap_or(u32::MAX);
    let paused = cluster.pause_runners;
    let scheduler = definition.scheduler_name.clone().or(settings.scheduler_name.clone());
    Offer {
        label: format!("{}{}", settings.runner_name_prefix.as_deref().unwrap_or_default(), definition.name),
        cluster: cluster.id.clone(),
        module: module.into(),
        runner_group: group,
        max_runners: if paused { Some(0) } else { cap },
        proactive_capacity: if paused { 0 } else { definition.proactive_capacity.min(limit) },
        vcpu: definition.vcpu,
        memory_mib: definition.memory_mib,
        gpu: definition.gpu,
        fresh_multiplier: definition
            .fresh_multiplier
            .or(settings.capacity_aware_fresh_multiplier)
            .unwrap_or(1.0),
        scheduler_name: scheduler.filter(|scheduler| has_scheduler(cluster, scheduler)),
    }
}
