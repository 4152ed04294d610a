//! The narrow interface both engines fill.

use crate::{Error, params::Params, queries::Query, schema::Table};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use jiff::Timestamp;
use std::fmt::Debug;

/// An analytics engine.
#[async_trait]
pub trait Engine: Send + Sync + Debug {
    /// `duckdb` or `clickhouse`.
    fn name(&self) -> &'static str;

    /// Version of the engine.
    async fn version(&self) -> Result<String, Error>;

    /// Runs a statement that answers nothing. For migrations: there are no parameters.
    async fn execute(&self, sql: &str) -> Result<(), Error>;

    /// Runs a query.
    async fn query(&self, query: &'static Query, params: Params) -> Result<Vec<RecordBatch>, Error>;

    /// Stores rows; at most one per key. A stored row of higher version stays. Gives how many rows changed
    /// (an engine that sorts versions out later counts every row).
    async fn insert(&self, table: &'static Table, rows: RecordBatch) -> Result<u64, Error>;

    /// Removes the rows of a table that are older than `before`.
    async fn prune(&self, table: &'static Table, before: Timestamp) -> Result<(), Error>;
}
