#![doc = include_str!("../README.md")]

pub mod clickhouse;
pub mod config;
pub mod duck;
mod encode;
pub mod engine;
pub mod error;
mod load;
pub mod migrations;
pub mod params;
pub mod queries;
mod read;
pub mod rows;
pub mod schema;
pub mod testing;
mod warehouse;

pub use config::{DuckDbConfig, GridExclusions, WarehouseConfig};
pub use engine::Engine;
pub use error::Error;
pub use queries::{
    branches::BranchRow,
    commits::CommitRow,
    counts::TableCount,
    grid::GridJob,
    jobs::JobRow,
    queue::{LabelQueue, LabelQueueStats},
};
pub use rows::{CheckRunRow, LoadStats, Rows};
pub use warehouse::Warehouse;
