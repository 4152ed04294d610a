//! Loads made-up jobs into a DuckDB file and asks for a page of the grid: `bench [COMMITS]`, 1,500 jobs each.
//!
//! Prints figures for people; the budgets are in the crate's README.

use std::time::{Duration, Instant};
use trunkline_model::Sha;
use trunkline_warehouse::{Rows, Warehouse, WarehouseConfig, testing};

#[expect(clippy::print_stdout, reason = "a program for people")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let commits = std::env::args().nth(1).map_or(Ok(667), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.duckdb");
    let warehouse = Warehouse::open_duckdb(&path, WarehouseConfig::default()).await?;
    let shape = testing::Shape::large(commits);
    let mut generator = testing::Generator::new(shape.clone(), 1);
    let (mut shas, mut jobs, mut loading) = (Vec::<Sha>::new(), 0, Duration::ZERO);
    let mut last = Rows::default();
    loop {
        // Some 15,000 jobs a batch.
        let mut batch = Rows::default();
        for rows in std::iter::from_fn(|| generator.next_commit()).take(10) {
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
    println!("load       {jobs} jobs in {loading:.2?}: {:.0} jobs/s", jobs as f64 / loading.as_secs_f64());
    let start = Instant::now();
    let stats = warehouse.load(&last).await?;
    println!("replay     {} rows in {:.2?}, {} written", stats.received, start.elapsed(), stats.written);
    println!("on disk    {:.1} MB", warehouse.storage_bytes().await? as f64 / 1e6);

    for (name, page) in
        [("newest", &shas[shas.len().saturating_sub(50)..]), ("oldest", &shas[..50.min(shas.len())])]
    {
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..11 {
            let start = Instant::now();
            rows = warehouse.grid_jobs(&shape.repo, page).await?.len();
            times.push(start.elapsed());
        }
        times.sort();
        println!(
            "grid       {rows} rows of the {name} 50 commits: median {:.1?}, worst {:.1?}",
            times[5], times[10]
        );
    }
    let main = "main".parse()?;
    for (name, before) in [("first", None), ("deep", shas.get(shas.len() / 2))] {
        let start = Instant::now();
        let rows = warehouse.commits(&shape.repo, &main, before, 50).await?.len();
        println!("commits    {rows} rows, {name} page: {:.1?}", start.elapsed());
    }
    let start = Instant::now();
    let rows = warehouse.commit_jobs(&shape.repo, &shas[shas.len() / 2]).await?.len();
    println!("commit     {rows} jobs: {:.1?}", start.elapsed());
    let start = Instant::now();
    let labels = warehouse.queue_now(Some(&shape.repo), shape.start).await?.len();
    println!("queue      {labels} labels: {:.1?}", start.elapsed());
    let start = Instant::now();
    let to = shape.start + jiff::SignedDuration::from_hours(24);
    let labels = warehouse.label_queue_stats(None, shape.start, to).await?.len();
    println!("waits      {labels} labels of a day: {:.1?}", start.elapsed());
    let start = Instant::now();
    warehouse.counts().await?;
    println!("counts     {:.1?}", start.elapsed());
    Ok(())
}
