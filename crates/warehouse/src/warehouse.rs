//! The handle.

use crate::{
    BranchRow, CommitRow, Engine, Error, GridJob, JobRow, LabelQueue, LabelQueueStats, LoadStats, Rows,
    TableCount, WarehouseConfig, clickhouse::ClickHouse, duck::DuckDb, load, migrations, queries, schema,
};
use jiff::Timestamp;
use reqwest::Client;
use std::{path::Path, sync::Arc};
use trunkline_model::{BranchName, RepoName, Sha};
use url::Url;

/// The warehouse: loads observations, answers queries. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Warehouse {
    engine: Arc<dyn Engine>,
    config: Arc<WarehouseConfig>,
}

impl Warehouse {
    /// Opens, or makes, a DuckDB file.
    pub async fn open_duckdb(path: impl AsRef<Path>, config: WarehouseConfig) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        Self::with_engine(Arc::new(DuckDb::open(Some(path), config.duckdb.clone()).await?), config).await
    }

    /// Makes a DuckDB in memory, for tests and short looks.
    pub async fn open_memory(config: WarehouseConfig) -> Result<Self, Error> {
        Self::with_engine(Arc::new(DuckDb::open(None, config.duckdb.clone()).await?), config).await
    }

    /// Connects to a ClickHouse server: `http://user:password@host:8123/database`.
    ///
    /// The client comes from `trunkline_github::http`, the one home of HTTP clients.
    pub async fn open_clickhouse(client: Client, url: &Url, config: WarehouseConfig) -> Result<Self, Error> {
        Self::with_engine(Arc::new(ClickHouse::connect(client, url).await?), config).await
    }

    /// Uses an engine of the caller's; brings its schema up to date.
    pub async fn with_engine(engine: Arc<dyn Engine>, config: WarehouseConfig) -> Result<Self, Error> {
        migrations::migrate(engine.as_ref()).await?;
        Ok(Self { engine, config: Arc::new(config) })
    }

    /// The engine below.
    pub fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    /// Loads observations. Idempotent: of each key the newest version stays, whatever order they arrive in.
    pub async fn load(&self, rows: &Rows) -> Result<LoadStats, Error> {
        let mut stats = LoadStats::default();
        for part in load::encode(rows)? {
            stats.received += part.received;
            stats.written += self.engine.insert(part.table, part.batch).await?;
        }
        tracing::debug!(received = stats.received, written = stats.written, "loaded rows");
        Ok(stats)
    }

    /// Jobs of some commits for the grid, by job id, without what the configuration excludes.
    pub async fn grid_jobs(&self, repo: &RepoName, shas: &[Sha]) -> Result<Vec<GridJob>, Error> {
        queries::grid::grid_jobs(self.engine(), repo, shas, &self.config.grid).await
    }

    /// Commits of a branch, newest first, below `before`; none when `before` is not on the branch.
    pub async fn commits(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        before: Option<&Sha>,
        limit: u32,
    ) -> Result<Vec<CommitRow>, Error> {
        queries::commits::page(self.engine(), repo, branch, before, limit).await
    }

    /// One commit, if a push brought it.
    pub async fn commit(&self, repo: &RepoName, sha: &Sha) -> Result<Option<CommitRow>, Error> {
        queries::commits::one(self.engine(), repo, sha).await
    }

    /// All jobs of a commit with all details, by name and id.
    pub async fn commit_jobs(&self, repo: &RepoName, sha: &Sha) -> Result<Vec<JobRow>, Error> {
        queries::jobs::commit_jobs(self.engine(), repo, sha, None).await
    }

    /// All runs of one cell.
    pub async fn cell_jobs(&self, repo: &RepoName, sha: &Sha, full_name: &str) -> Result<Vec<JobRow>, Error> {
        queries::jobs::commit_jobs(self.engine(), repo, sha, Some(full_name)).await
    }

    /// Who waits for a runner now, per label, the longest queue first. Jobs created before `since` do not count.
    pub async fn queue_now(
        &self,
        repo: Option<&RepoName>,
        since: Timestamp,
    ) -> Result<Vec<LabelQueue>, Error> {
        queries::queue::now(self.engine(), repo, since).await
    }

    /// How long jobs created in a window waited, per label.
    pub async fn label_queue_stats(
        &self,
        repo: Option<&RepoName>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LabelQueueStats>, Error> {
        queries::queue::stats(self.engine(), repo, from, to).await
    }

    /// Rows of each table, by name.
    pub async fn counts(&self) -> Result<Vec<TableCount>, Error> {
        queries::counts::counts(self.engine()).await
    }

    /// Repositories something is known of.
    pub async fn repos(&self) -> Result<Vec<RepoName>, Error> {
        queries::branches::repos(self.engine()).await
    }

    /// Branches of a repository, the busiest first.
    pub async fn branches(&self, repo: &RepoName) -> Result<Vec<BranchRow>, Error> {
        queries::branches::branches(self.engine(), repo).await
    }

    /// Estimated bytes on disk.
    pub async fn storage_bytes(&self) -> Result<u64, Error> {
        queries::counts::storage_bytes(self.engine()).await
    }

    /// Retention: removes what is older than `before`. Call it with the configured number of days before now.
    pub async fn prune(&self, before: Timestamp) -> Result<(), Error> {
        for table in schema::TABLES {
            self.engine.prune(table, before).await?;
        }
        Ok(())
    }

    /// Whether the engine answers and the schema is the one this program knows.
    pub async fn health(&self) -> Result<(), Error> {
        match migrations::version(self.engine()).await? {
            found if found == migrations::LATEST => Ok(()),
            found => Err(Error::NewerSchema { found, known: migrations::LATEST }),
        }
    }
}
