use super::*;
use crate::{Rows, Warehouse, WarehouseConfig, schema::TABLES, testing};
use jiff::SignedDuration;
use trunkline_model::{Job, JobStatus};

async fn memory() -> Warehouse {
    Warehouse::open_memory(WarehouseConfig::default()).await.unwrap()
}

fn jobs(jobs: &[&Job]) -> Rows {
    Rows { jobs: jobs.iter().map(|&job| job.clone()).collect(), ..Rows::default() }
}

fn one_job() -> Job {
    let shape = testing::Shape { commits: 1, jobs_per_commit: 1, ..testing::Shape::small() };
    testing::Generator::new(shape, 1).all().jobs.remove(0)
}

#[tokio::test]
async fn crate_and_library_are_of_one_version() {
    let library = memory().await.engine().version().await.unwrap();
    let manifest = include_str!("../../../../Cargo.toml");
    let (_, rest) = manifest.split_once("\nduckdb = { version = \"=1.").unwrap();
    // The crate's second number holds DuckDB's version: 10506 is 1.5.6.
    let packed: u32 = rest.split(['.', '"']).next().unwrap().parse().unwrap();
    assert_eq!(library, format!("v{}.{}.{}", packed / 10_000, packed / 100 % 100, packed % 100));
}

#[tokio::test]
async fn the_tables_are_as_described() {
    let warehouse = memory().await;
    for table in TABLES {
        let text = format!(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = '{}' ORDER BY column_index",
            table.name
        );
        let query: &'static Query = Box::leak(Box::new(Query { name: "columns", text: text.leak() }));
        let batches = warehouse.engine().query(query, Params::new()).await.unwrap();
        let answer = crate::read::Answer { query: "columns", batch: &batches[0] };
        let names = answer.texts("column_name").unwrap();
        let found: Vec<_> = answer.rows().map(|row| names.get(row)).collect();
        let described: Vec<_> = table.columns.iter().map(|&(name, _)| name).collect();
        assert_eq!(found, described, "{}", table.name);
    }
}

#[tokio::test]
async fn a_late_version_changes_nothing_and_a_replay_adds_nothing() {
    let warehouse = memory().await;
    let done = one_job();
    let queued = Job {
        status: JobStatus::Queued,
        conclusion: None,
        started_at: Some(done.created_at),
        completed_at: None,
        ..done.clone()
    };
    let written = async |rows: Rows| warehouse.load(&rows).await.unwrap().written;
    assert_eq!(written(jobs(&[&queued])).await, 1);
    assert_eq!(written(jobs(&[&queued])).await, 0);
    assert_eq!(written(jobs(&[&done, &queued])).await, 1);
    assert_eq!(written(jobs(&[&queued, &done])).await, 0);
    let found = warehouse.commit_jobs(&done.repo, &done.head_sha).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].status, &found[0].steps), (JobStatus::Completed, &done.steps));

    // The same version may learn something.
    let named = Job { runner_name: Some("other".into()), ..done.clone() };
    assert_eq!(written(jobs(&[&named])).await, 1);
    let found = warehouse.commit_jobs(&done.repo, &done.head_sha).await.unwrap();
    assert_eq!(found[0].runner_name.as_deref(), Some("other"));
    assert_eq!(found[0].queue_seconds(), done.queue_seconds());
}

#[tokio::test]
async fn rows_survive_a_process_that_just_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/warehouse.duckdb");
    let shape = testing::Shape::small();
    let rows = testing::Generator::new(shape.clone(), 3).all();
    let warehouse = Warehouse::open_duckdb(&path, WarehouseConfig::default()).await.unwrap();
    warehouse.load(&rows).await.unwrap();
    // A copy of the files as they are while the process runs is what a crash leaves.
    let copy = folder.path().join("copy.duckdb");
    std::fs::copy(&path, &copy).unwrap();
    let log = |path: &std::path::Path| path.with_extension("duckdb.wal");
    if log(&path).exists() {
        std::fs::copy(log(&path), log(&copy)).unwrap();
    }
    let copied = Warehouse::open_duckdb(&copy, WarehouseConfig::default()).await.unwrap();
    assert_eq!(copied.counts().await.unwrap(), warehouse.counts().await.unwrap());
    copied.health().await.unwrap();

    // And an orderly end and start.
    let before = warehouse.counts().await.unwrap();
    drop(warehouse);
    let again = Warehouse::open_duckdb(&path, WarehouseConfig::default()).await.unwrap();
    assert_eq!(again.counts().await.unwrap(), before);
    assert!(again.storage_bytes().await.unwrap() > 0);
    assert_eq!(again.load(&rows).await.unwrap().written, 0);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("warehouse.duckdb");
    let warehouse = Warehouse::open_duckdb(&path, WarehouseConfig::default()).await.unwrap();
    warehouse.engine().execute("INSERT INTO schema_version VALUES (99)").await.unwrap();
    assert!(warehouse.health().await.is_err());
    drop(warehouse);
    let error = Warehouse::open_duckdb(&path, WarehouseConfig::default()).await.unwrap_err();
    assert!(matches!(error, Error::NewerSchema { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_failed_statement_leaves_the_writer_working() {
    let warehouse = memory().await;
    assert!(warehouse.engine().execute("BEGIN; DELETE FROM jobs; SELECT nonsense").await.is_err());
    let job = one_job();
    assert_eq!(warehouse.load(&jobs(&[&job])).await.unwrap().written, 1);
    assert_eq!(warehouse.load(&jobs(&[&job])).await.unwrap().written, 0);
}

#[tokio::test]
async fn the_grid_leaves_out_what_the_configuration_names() {
    let warehouse = memory().await;
    let shape = testing::Shape { commits: 2, ..testing::Shape::small() };
    let rows = testing::Generator::new(shape.clone(), 5).all();
    warehouse.load(&rows).await.unwrap();
    let shas: Vec<_> = rows.pushes.iter().map(|push| push.after.clone()).collect();
    let grid = warehouse.grid_jobs(&shape.repo, &shas).await.unwrap();
    assert!(grid.iter().all(|job| !job.full_name.starts_with("Upload test stats /")), "workflow");
    assert!(grid.iter().all(|job| !job.full_name.starts_with("periodic /")), "event `workflow_run`");
    let expected = rows
        .jobs
        .iter()
        .filter(|job| !matches!(job.workflow_name.as_str(), "periodic" | "Upload test stats"));
    assert_eq!(grid.len(), expected.count());
    assert!(grid.is_sorted_by_key(|job| job.id));
    assert!(warehouse.grid_jobs(&shape.repo, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn pages_of_a_branch_join_without_gap_or_overlap() {
    let warehouse = memory().await;
    let shape = testing::Shape::small();
    let rows = testing::Generator::new(shape.clone(), 9).all();
    warehouse.load(&rows).await.unwrap();
    let main = "main".parse().unwrap();
    let all = warehouse.commits(&shape.repo, &main, None, 1_000).await.unwrap();
    assert_eq!(all.len(), rows.pushes.iter().map(|push| push.commits.len()).sum::<usize>());
    assert!(
        all.iter().any(|commit| commit.pr.is_some())
            && all.iter().any(|commit| commit.author == "Ada Lovelace")
    );
    let mut joined = Vec::new();
    loop {
        let before = joined.last().map(|commit: &crate::CommitRow| commit.sha.clone());
        let page = warehouse.commits(&shape.repo, &main, before.as_ref(), 5).await.unwrap();
        if page.is_empty() {
            break;
        }
        joined.extend(page);
    }
    assert_eq!(joined, all);
    let newest = rows.pushes.last().unwrap();
    assert_eq!(all[0].sha, newest.after);
    let unknown = "f".repeat(40).parse().unwrap();
    assert!(warehouse.commits(&shape.repo, &main, Some(&unknown), 5).await.unwrap().is_empty());
}

#[tokio::test]
async fn old_rows_go_and_the_rest_stays() {
    let warehouse = memory().await;
    let shape = testing::Shape::small();
    warehouse.load(&testing::Generator::new(shape.clone(), 2).all()).await.unwrap();
    warehouse.prune(shape.start + SignedDuration::from_hours(1)).await.unwrap();
    let counts = warehouse.counts().await.unwrap();
    let pushes = counts.iter().find(|count| count.table == "pushes").unwrap();
    assert_eq!(pushes.rows, 8);
}
