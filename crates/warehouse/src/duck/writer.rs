//! The one thread that writes.

use super::duck;
use crate::{Error, schema::Table};
use arrow::record_batch::RecordBatch;
use duckdb::Connection;
use std::{
    collections::HashSet,
    thread::{Builder, JoinHandle},
};
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait for the thread; further callers wait for room.
const QUEUE: usize = 16;

/// What the thread does.
pub(super) enum Job {
    Execute(String),
    Insert(&'static Table, RecordBatch),
}

type Reply = oneshot::Sender<Result<u64, Error>>;

/// Handle of the thread. Dropping it lets the thread finish what is queued, and waits for that.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<(Job, Reply)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, Error> {
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let thread = Builder::new()
            .name("warehouse-writer".into())
            .spawn(move || work(&connection, receiver))
            .map_err(|source| Error::Folder { path: "thread `warehouse-writer`".into(), source })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has the thread do something; gives the number of rows changed. Done even when the caller stops waiting.
    pub(super) async fn run(&self, job: Job) -> Result<u64, Error> {
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(Error::Stopped)?;
        jobs.send((job, reply)).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(connection: &Connection, mut jobs: mpsc::Receiver<(Job, Reply)>) {
    let mut staged = HashSet::new();
    while let Some((job, reply)) = jobs.blocking_recv() {
        let result = match job {
            Job::Execute(sql) => connection.execute_batch(&sql).map(|()| 0).map_err(duck("run a statement")),
            Job::Insert(table, rows) => {
                insert(connection, &mut staged, table, rows).map_err(duck("load rows"))
            }
        };
        if result.is_err() {
            // Outside a transaction this is an error of its own, of no interest.
            let _ = connection.execute_batch("ROLLBACK");
            staged.clear();
        }
        let _ = reply.send(result);
    }
}

/// Stages rows, removes what they replace and adds what is new: one transaction.
///
/// A stored row gives way to one of higher version, or of equal version and other content. The join is cheap without an
/// index: ids grow with time, so the engine skips the blocks whose ids lie outside those of the staged rows.
fn insert(
    connection: &Connection,
    staged: &mut HashSet<&'static str>,
    table: &'static Table,
    rows: RecordBatch,
) -> Result<u64, duckdb::Error> {
    let name = table.name;
    if staged.insert(name) {
        connection
            .execute_batch(&format!("CREATE OR REPLACE TEMP TABLE stage_{name} AS FROM {name} LIMIT 0"))?;
    }
    let same_key =
        table.key.iter().map(|key| format!("old.{key} = new.{key}")).collect::<Vec<_>>().join(" AND ");
    connection.execute_batch("BEGIN")?;
    {
        let mut appender = connection.appender(&format!("stage_{name}"))?;
        appender.append_record_batch(rows)?;
        appender.flush()?;
    }
    connection.execute(
        &format!(
            "DELETE FROM {name} WHERE rowid IN (SELECT old.rowid FROM {name} AS old JOIN stage_{name} AS new ON {same_key} \
             WHERE new.version > old.version OR (new.version = old.version AND new.digest <> old.digest))"
        ),
        [],
    )?;
    let written = connection.execute(
        &format!(
            "INSERT INTO {name} SELECT new.* FROM stage_{name} AS new ANTI JOIN {name} AS old ON {same_key}"
        ),
        [],
    )?;
    connection.execute_batch(&format!("TRUNCATE stage_{name}; COMMIT"))?;
    Ok(written as u64)
}
