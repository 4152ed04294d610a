//! Which configuration file is this? For `trunkline config check PATH`.

use std::path::Path;

/// Kinds of configuration files this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `scale-config.yml` and its relatives.
    ScaleConfig,
    /// A runner definition of a Kubernetes fleet.
    RunnerDefinition,
    /// `clusters.yaml` of a Kubernetes fleet.
    Clusters,
}

/// Recognises a file of this crate by its name and, where the name says nothing, by its top-level key.
pub fn config_file(path: &Path, text: &str) -> Option<FileKind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    if extension != "yml" && extension != "yaml" {
        return None;
    }
    let stem = path.file_stem()?.to_str()?.to_ascii_lowercase();
    let has_key = |key: &str| text.lines().any(|line| line.trim_start_matches('\u{feff}').starts_with(key));
    if has_key("runner_types:") || stem.ends_with("scale-config") || stem.ends_with("scale_config") {
        return Some(FileKind::ScaleConfig);
    }
    if has_key("runner:") {
        return Some(FileKind::RunnerDefinition);
    }
    has_key("clusters:").then_some(FileKind::Clusters)
}
