//! Settings of the warehouse.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Settings of the warehouse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarehouseConfig {
    /// The embedded engine.
    pub duckdb: DuckDbConfig,
    /// What the grid leaves out.
    pub grid: GridExclusions,
}

/// Limits of the embedded engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DuckDbConfig {
    /// Memory for caches and intermediate results; what does not fit goes to the temporary folder.
    pub memory_limit_mb: u32,
    /// Threads per query.
    pub threads: u8,
    /// Queries at a time.
    pub readers: u8,
    /// Folder for what does not fit into memory; by default beside the database file.
    pub temp_dir: Option<PathBuf>,
}

impl Default for DuckDbConfig {
    fn default() -> Self {
        Self { memory_limit_mb: 128, threads: 2, readers: 4, temp_dir: None }
    }
}

/// What the grid leaves out. The defaults are those of PyTorch's HUD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GridExclusions {
    /// Job names, without the workflow.
    pub names: Vec<String>,
    /// Workflow names.
    pub workflows: Vec<String>,
    /// Triggering events whose runs are attached to a commit they do not test.
    pub events: Vec<String>,
}

impl Default for GridExclusions {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            names: list(&["ciflow_should_run", "generate-test-matrix"]),
            workflows: list(&[
                "Upload test stats",
                "Upload test stats while running",
                "Validate and merge PR",
                "Upload torch dynamo performance stats",
                "Revert merged PR",
            ]),
            events: list(&["workflow_run", "repository_dispatch"]),
        }
    }
}
