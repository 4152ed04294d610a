//! Which configuration file is this? For `trunkline config check PATH`.

use std::path::Path;

/// Kinds of configuration files this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `scale-config.yml` and its relatives.
    ScaleConfig,
}

/// Recognises a file of this crate by its name and, where the name says nothing, by its first key.
pub fn config_file(path: &Path, text: &str) -> Option<FileKind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    if extension != "yml" && extension != "yaml" {
        return None;
    }
    let stem = path.file_stem()?.to_str()?.to_ascii_lowercase();
    let has_key = text.lines().any(|line| line.trim_start_matches('\u{feff}').starts_with("runner_types:"));
    (has_key || stem.ends_with("scale-config") || stem.ends_with("scale_config"))
        .then_some(FileKind::ScaleConfig)
}
