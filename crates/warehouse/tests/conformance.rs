//! Both engines give the same rows for every query.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test, with a message when it is skipped")]

mod support;

use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, fmt::Debug};
use trunkline_model::{BranchName, RepoName, Sha};
use trunkline_warehouse::{Rows, Warehouse, WarehouseConfig, schema::TABLES, testing};

/// All answers of a warehouse, by name of the question.
async fn answers(warehouse: &Warehouse, shas: &[Sha]) -> BTreeMap<&'static str, String> {
    let repo: RepoName = "pytorch/pytorch".parse().unwrap();
    let odd: RepoName = "no/such".parse().unwrap();
    let main: BranchName = "main".parse().unwrap();
    let start = testing::Shape::small().start;
    let end = start + SignedDuration::from_hours(48);
    let first = warehouse.commits(&repo, &main, None, 7).await.unwrap();
    assert_eq!(first.len(), 7);
    let text = |rows: &dyn Debug| format!("{rows:#?}");
    let jobs = warehouse.commit_jobs(&repo, &shas[0]).await.unwrap();
    let cell = warehouse.cell_jobs(&repo, &shas[1], &jobs[3].full_name).await.unwrap();
    BTreeMap::from([
        ("grid_jobs", text(&warehouse.grid_jobs(&repo, shas).await.unwrap())),
        ("grid_jobs none", text(&warehouse.grid_jobs(&repo, &[]).await.unwrap())),
        ("commits", text(&first)),
        ("commits next", text(&warehouse.commits(&repo, &main, Some(&first[6].sha), 50).await.unwrap())),
        ("commits odd", text(&warehouse.commits(&odd, &main, Some(&first[6].sha), 50).await.unwrap())),
        ("commit", text(&warehouse.commit(&repo, &shas[2]).await.unwrap())),
        ("commit_jobs", text(&jobs)),
        ("cell_jobs", text(&cell)),
        ("queue_now", text(&warehouse.queue_now(Some(&repo), start).await.unwrap())),
        (
            "queue_now all",
            text(&warehouse.queue_now(None, start + SignedDuration::from_hours(1)).await.unwrap()),
        ),
        ("label_queue_stats", text(&warehouse.label_queue_stats(Some(&repo), start, end).await.unwrap())),
        ("label_queue_stats none", text(&warehouse.label_queue_stats(None, end, end).await.unwrap())),
        ("counts", text(&warehouse.counts().await.unwrap())),
        ("repos", text(&warehouse.repos().await.unwrap())),
        ("branches", text(&warehouse.branches(&repo).await.unwrap())),
    ])
}

/// Loads everything, then all of it once more in reverse.
async fn load(warehouse: &Warehouse, batches: &[Rows]) {
    for rows in batches.iter().chain(batches.iter().rev()) {
        warehouse.load(rows).await.unwrap();
    }
}

fn same(duckdb: &BTreeMap<&'static str, String>, clickhouse: &BTreeMap<&'static str, String>) {
    for (name, expected) in duckdb {
        let given = &clickhouse[name];
        if let Some((n, (a, b))) = expected.lines().zip(given.lines()).enumerate().find(|(_, (a, b))| a != b)
        {
            panic!("`{name}` differs in line {n}:\n  DuckDB     {a}\n  ClickHouse {b}");
        }
        assert_eq!(expected.len(), given.len(), "`{name}` has more rows in one engine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_answer_alike() {
    let batches = testing::untidy(&testing::Shape::small(), 42);
    let shas: Vec<Sha> =
        batches.iter().flat_map(|rows| &rows.pushes).map(|push| push.after.clone()).collect();
    let duckdb = Warehouse::open_memory(WarehouseConfig::default()).await.unwrap();
    load(&duckdb, &batches).await;
    let expected = answers(&duckdb, &shas).await;
    for name in
        ["grid_jobs", "commit_jobs", "cell_jobs", "queue_now", "label_queue_stats", "commits next", "commit"]
    {
        assert!(expected[name].len() > 100, "`{name}` compares something: {}", expected[name]);
    }

    let Some(server) = support::Server::start("trunkline_conformance") else { return };
    let client = reqwest::Client::default();
    let clickhouse =
        Warehouse::open_clickhouse(client.clone(), &server.url, WarehouseConfig::default()).await.unwrap();
    clickhouse.prune(Timestamp::MAX).await.unwrap();
    load(&clickhouse, &batches).await;
    same(&expected, &answers(&clickhouse, &shas).await);

    // Opening again migrates nothing and keeps the rows; retention removes alike.
    let clickhouse =
        Warehouse::open_clickhouse(client, &server.url, WarehouseConfig::default()).await.unwrap();
    clickhouse.health().await.unwrap();
    assert!(clickhouse.storage_bytes().await.unwrap() > 0);
    let middle = testing::Shape::small().start + SignedDuration::from_hours(1);
    duckdb.prune(middle).await.unwrap();
    clickhouse.prune(middle).await.unwrap();
    let left = duckdb.counts().await.unwrap();
    assert!(left.iter().all(|table| table.rows > 0 && table.oldest_at >= Some(middle)), "{left:?}");
    assert_eq!(left, clickhouse.counts().await.unwrap());
    assert_eq!(left.len(), TABLES.len());
}
