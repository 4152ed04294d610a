//! Log in, rows out.

use super::Step;
use crate::testing::{Server, event, server, server_on};
use arrow::array::{RecordBatch, UInt64Array};
use jiff::Timestamp;
use std::sync::Arc;
use trunkline_model::{Conclusion, Job, JobId, JobStatus, RunId, Sha};
use trunkline_store::NewEvent;
use trunkline_warehouse::{
    Engine, Error, Warehouse, WarehouseConfig, duck::DuckDb, params::Params, queries::Query, schema::Table,
};

fn sha() -> Sha {
    "a".repeat(40).parse().unwrap()
}

fn job(id: u64, conclusion: Option<Conclusion>) -> Job {
    let at: Timestamp = "2026-03-04T05:00:00Z".parse().unwrap();
    Job {
        repo: "acme/engine".parse().unwrap(),
        id: JobId(id),
        run_id: RunId(7),
        run_attempt: 1,
        name: "test (default, 1, 2, linux.large)".into(),
        workflow_name: "pull".into(),
        head_sha: sha(),
        head_branch: Some("main".into()),
        status: if conclusion.is_some() { JobStatus::Completed } else { JobStatus::InProgress },
        conclusion,
        labels: vec!["linux.large".parse().unwrap()],
        runner_id: Some(1),
        runner_name: Some("r1".into()),
        runner_group_id: None,
        runner_group_name: None,
        created_at: at,
        started_at: Some(at),
        completed_at: conclusion.map(|_| at),
        gate_updated_at: None,
        html_url: String::new(),
        steps: vec![],
    }
}

fn polled(key: &str, job: &Job) -> NewEvent {
    event("poll", "job", key, serde_json::to_vec(job).unwrap())
}

async fn rows(server: &Server) -> u64 {
    server.warehouse.counts().await.unwrap().iter().find(|table| table.table == "jobs").unwrap().rows
}

#[tokio::test]
async fn events_become_rows_once_and_bad_ones_never_block() {
    let server = server().await;
    let events = vec![
        polled("1", &job(1, None)),
        event("github", "workflow_job", "2", "{\"action\":\"queued\"}"),
        event("github", "something_new", "3", "{}"),
        event("poll", "job", "4", "not json"),
        event("operator", "anything", "5", "\u{0}"),
        polled("6", &job(1, Some(Conclusion::Success))),
        polled("7", &job(2, Some(Conclusion::Failure))),
    ];
    server.store.append(events).await.unwrap();
    let projector = server.app.projector();
    let step = projector.catch_up().await.unwrap();
    assert_eq!(step, Step { events: 7, rows: 3, unreadable: 2, more: false });
    assert_eq!(rows(&server).await, 2);
    assert_eq!(server.store.cursor(super::CURSOR).await.unwrap(), 7);
    assert_eq!(projector.step().await.unwrap(), Step::default());
}

/// DuckDB that refuses batches with job 13 in them.
#[derive(Debug)]
struct Picky(DuckDb);

#[async_trait::async_trait]
impl Engine for Picky {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    async fn version(&self) -> Result<String, Error> {
        self.0.version().await
    }
    async fn execute(&self, sql: &str) -> Result<(), Error> {
        self.0.execute(sql).await
    }
    async fn query(&self, query: &'static Query, params: Params) -> Result<Vec<RecordBatch>, Error> {
        self.0.query(query, params).await
    }
    async fn insert(&self, table: &'static Table, rows: RecordBatch) -> Result<u64, Error> {
        let ids =
            rows.column_by_name("id").and_then(|ids| ids.as_any().downcast_ref::<UInt64Array>().cloned());
        if ids.is_some_and(|ids| ids.values().contains(&13)) {
            return Err(Error::Value("13".into()));
        }
        self.0.insert(table, rows).await
    }
    async fn prune(&self, table: &'static Table, before: Timestamp) -> Result<(), Error> {
        self.0.prune(table, before).await
    }
}

#[tokio::test]
async fn a_value_that_fits_no_row_is_passed_over() {
    let engine = Picky(DuckDb::open(None, WarehouseConfig::default().duckdb).await.unwrap());
    let warehouse = Warehouse::with_engine(Arc::new(engine), WarehouseConfig::default()).await.unwrap();
    let server = server_on(warehouse, |_| {}).await;
    let events = vec![polled("1", &job(1, None)), polled("2", &job(13, None)), polled("3", &job(2, None))];
    server.store.append(events).await.unwrap();
    let step = server.app.projector().catch_up().await.unwrap();
    assert_eq!((step.events, step.unreadable), (3, 1));
    assert_eq!(rows(&server).await, 2);
    assert_eq!(server.store.cursor(super::CURSOR).await.unwrap(), 3);
}

#[tokio::test]
async fn deliveries_become_rows_of_the_grid() {
    let server = server().await;
    let commit = serde_json::json!({
        "id": sha(), "message": "Fix it (#12)", "timestamp": "2026-03-04T05:00:00Z", "url": "https://github.com/acme/engine",
        "author": {"name": "Ada", "email": "a@example.org", "username": "ada"}
    });
    let push = serde_json::json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": sha(), "forced": false, "commits": [commit],
        "head_commit": commit, "pusher": {"name": "ada"}, "repository": {"full_name": "acme/engine"}
    });
    let queued = serde_json::json!({
        "action": "queued", "repository": {"full_name": "acme/engine"},
        "workflow_job": {
            "id": 5, "run_id": 6, "run_attempt": 1, "name": "build", "workflow_name": "pull", "head_sha": sha(), "status": "queued",
            "labels": ["linux.large"], "created_at": "2026-03-04T05:00:00Z", "started_at": "2026-03-04T05:00:00Z"
        }
    });
    for (event, id, payload) in [("push", "delivery-1", &push), ("workflow_job", "delivery-2", &queued)] {
        let answer = server.deliver(event, id, &serde_json::to_vec(payload).unwrap()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    assert_eq!(server.app.projector().catch_up().await.unwrap().unreadable, 0);
    let grid = server.get("/api/v1/repos/acme/engine/grid").await.json();
    assert_eq!(
        (&grid["columns"][0]["name"], &grid["commits"][0]["cells"]),
        (&"pull / build".into(), &"Q".into())
    );
    assert_eq!(
        (&grid["commits"][0]["pr"], &grid["intake_lag_seconds"], &grid["last_seq"]),
        (&12.into(), &0.0.into(), &2.into())
    );
}

#[tokio::test]
async fn a_replay_from_the_start_changes_nothing() {
    let server = server().await;
    server
        .store
        .append(vec![polled("1", &job(1, None)), polled("2", &job(1, Some(Conclusion::Success)))])
        .await
        .unwrap();
    server.app.projector().catch_up().await.unwrap();
    let before = server.warehouse.commit_jobs(&"acme/engine".parse().unwrap(), &sha()).await.unwrap();
    let back = trunkline_store::CursorMove { name: super::CURSOR.into(), from: 2, to: 0 };
    server.store.commit(trunkline_store::Batch { cursor: Some(back), ..Default::default() }).await.unwrap();
    assert_eq!(server.app.projector().catch_up().await.unwrap().events, 2);
    assert_eq!(server.warehouse.commit_jobs(&"acme/engine".parse().unwrap(), &sha()).await.unwrap(), before);
}

#[tokio::test]
async fn the_loop_follows_the_log_and_tells_watchers() {
    let server = server().await;
    let mut watcher = server.app.parts().live.subscribe(None).unwrap();
    let stop = server.stop.clone();
    let run = tokio::spawn({
        let app = server.app.clone();
        async move { app.run(stop).await }
    });
    server.store.append(vec![polled("1", &job(1, None))]).await.unwrap();
    let message = loop {
        let message = watcher.receiver.recv().await.unwrap();
        if message.event == "commits" {
            break message;
        }
    };
    assert_eq!(message.data, format!(r#"{{"repo":"acme/engine","shas":["{}"],"seq":1}}"#, sha()));
    assert_eq!(server.app.loops().all()[0].why, "1 events gave 1 rows");
    server.stop.cancel();
    run.await.unwrap();
}

#[tokio::test]
async fn a_long_log_is_taken_in_steps() {
    let server = server().await;
    let events = (1..=620).map(|id| polled(&id.to_string(), &job(id, None)));
    server.store.append(events.collect()).await.unwrap();
    let first = server.app.projector().step().await.unwrap();
    assert_eq!((first.events, first.more), (super::EVENTS_PER_STEP, true));
    let rest = server.app.projector().catch_up().await.unwrap();
    assert_eq!((rest.events, rest.more, rows(&server).await), (620 - super::EVENTS_PER_STEP, false, 620));
}
