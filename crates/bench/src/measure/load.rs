//! Job rows into DuckDB, in batches as the projector makes them, with the memory that `serve` gives the engine.

use crate::report::{Report, Target};
use anyhow::Result;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use trunkline_bench::program::Installation;
use trunkline_model::{RepoName, Sha};
use trunkline_warehouse::{Rows, Warehouse, WarehouseConfig, testing};

/// The default of `[storage] analytics_memory_mib`.
const MEMORY_MIB: u32 = 96;
/// A third of the made-up jobs is of workflows that the grid leaves out: 1,500 are shown.
const JOBS_PER_COMMIT: usize = 2_250;
/// Commits per batch: 15,750 jobs.
const BATCH: usize = 7;
/// Rows loaded one by one for comparison.
const SINGLES: usize = 200;

/// A folder with a full warehouse.
#[derive(Debug)]
pub(crate) struct Data {
    /// An installation whose data folder has it.
    pub(crate) place: Installation,
    /// The repository.
    pub(crate) repo: RepoName,
    /// Commits, oldest first.
    pub(crate) shas: Vec<Sha>,
}

impl Data {
    /// Opens the warehouse; nobody else may have it open.
    pub(crate) async fn warehouse(&self) -> Result<Warehouse> {
        open(&self.place.data().join("analytics.duckdb")).await
    }
}

async fn open(path: &Path) -> Result<Warehouse> {
    let mut config = WarehouseConfig::default();
    config.duckdb.memory_limit_mb = MEMORY_MIB;
    Ok(Warehouse::open_duckdb(path, config).await?)
}

pub(crate) async fn run(report: &mut Report, program: &Path, commits: usize) -> Result<Data> {
    let place = Installation::new(program, "")?;
    std::fs::create_dir_all(place.data())?;
    let path: PathBuf = place.data().join("analytics.duckdb");
    let warehouse = open(&path).await?;
    let shape = testing::Shape { jobs_per_commit: JOBS_PER_COMMIT, ..testing::Shape::large(commits) };
    let mut generator = testing::Generator::new(shape.clone(), 1);
    let (mut shas, mut jobs, mut loading, mut last) = (Vec::new(), 0, Duration::ZERO, Rows::default());
    loop {
        let mut batch = Rows::default();
        for rows in std::iter::from_fn(|| generator.next_commit()).take(BATCH) {
            shas.extend(rows.pushes.iter().map(|push| push.after.clone()));
            batch.pushes.extend(rows.pushes);
            batch.runs.extend(rows.runs);
            batch.jobs.extend(rows.jobs);
        }
        if batch.is_empty() {
            break;
        }
        jobs += batch.jobs.len();
        let start = Instant::now();
        warehouse.load(&batch).await?;
        loading += start.elapsed();
        last = batch;
    }
    let rate = jobs as f64 / loading.as_secs_f64();
    let start = Instant::now();
    warehouse.load(&last).await?;
    let again = last.jobs.len() as f64 / start.elapsed().as_secs_f64();
    report.add("warehouse: jobs stored", jobs as f64, "rows");
    report.budget("warehouse: load into DuckDB", rate, "jobs/s", Target::AtLeast(50_000.0));
    report.add("warehouse: the same rows again", again, "jobs/s");
    report.add("warehouse: on disk", warehouse.storage_bytes().await? as f64 / 1e6, "MB");
    let single = one_by_one(&path.with_file_name("single.duckdb"), last).await?;
    report.add("baseline: one transaction per row", single, "jobs/s");
    report.add("load against that baseline", rate / single, "×");
    Ok(Data { place, repo: shape.repo, shas })
}

async fn one_by_one(path: &Path, rows: Rows) -> Result<f64> {
    let warehouse = open(path).await?;
    let start = Instant::now();
    for job in rows.jobs.into_iter().take(SINGLES) {
        warehouse.load(&Rows { jobs: vec![job], ..Rows::default() }).await?;
    }
    Ok(SINGLES as f64 / start.elapsed().as_secs_f64())
}
