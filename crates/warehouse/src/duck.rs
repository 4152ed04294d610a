//! DuckDB: one file, one writer thread, readers of their own.

mod writer;

use crate::{
    DuckDbConfig, Engine, Error,
    params::{Dialect, Params, Rendered},
    queries::Query,
    schema::Table,
};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use duckdb::{Config, Connection};
use jiff::Timestamp;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::Semaphore, task::spawn_blocking};
use writer::{Job, Writer};

const DIALECT: Dialect = Dialect { placeholder: |_| "?".into(), time: |time| format!("TIMESTAMP '{time}'") };

/// An embedded DuckDB.
#[derive(Debug)]
pub struct DuckDb {
    writer: Writer,
    readers: Arc<Readers>,
    permits: Arc<Semaphore>,
}

/// Idle read connections, and one to make more from.
#[derive(Debug)]
struct Readers {
    source: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
}

impl DuckDb {
    /// Opens, or makes, the file; in memory when there is none.
    pub async fn open(path: Option<PathBuf>, config: DuckDbConfig) -> Result<Self, Error> {
        let permits = Arc::new(Semaphore::new(usize::from(config.readers.max(1))));
        let connection =
            spawn_blocking(move || connect(path, &config)).await.map_err(|_| Error::Stopped)??;
        let source = connection.try_clone().map_err(duck("open a reader"))?;
        let readers = Arc::new(Readers { source: Mutex::new(source), idle: Mutex::new(Vec::new()) });
        Ok(Self { writer: Writer::start(connection)?, readers, permits })
    }
}

fn connect(path: Option<PathBuf>, settings: &DuckDbConfig) -> Result<Connection, Error> {
    let mut config = Config::default()
        .max_memory(&format!("{}MB", settings.memory_limit_mb.max(32)))
        .and_then(|config| config.threads(i64::from(settings.threads.max(1))))
        // Nothing is fetched from the network, and no file but the database's own is touched by SQL.
        .and_then(|config| config.with("autoinstall_known_extensions", "false"))
        .and_then(|config| config.with("autoload_known_extensions", "false"))
        .map_err(duck("configure"))?;
    let temp = settings.temp_dir.clone().or_else(|| path.as_ref().map(|path| path.with_extension("tmp")));
    if let Some(temp) = temp {
        config = config.with("temp_directory", temp.to_string_lossy()).map_err(duck("configure"))?;
    }
    let Some(path) = path else {
        return Connection::open_in_memory_with_flags(config).map_err(duck("open"));
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::Folder { path: folder.display().to_string(), source })?;
    }
    Connection::open_with_flags(path, config).map_err(duck("open"))
}

/// Names what was being done.
fn duck(doing: &'static str) -> impl Fn(duckdb::Error) -> Error {
    move |source| Error::DuckDb { doing, source }
}

impl Readers {
    fn read(&self, rendered: &Rendered) -> Result<Vec<RecordBatch>, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
                source.try_clone().map_err(duck("open a reader"))?
            }
        };
        let answer = run(&connection, rendered);
        if answer.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer.map_err(duck("run a query"))
    }
}

fn run(connection: &Connection, rendered: &Rendered) -> Result<Vec<RecordBatch>, duckdb::Error> {
    let mut statement = connection.prepare(&rendered.sql)?;
    let batches = statement.query_arrow(duckdb::params_from_iter(rendered.texts.iter()))?;
    Ok(batches.collect())
}

#[async_trait]
impl Engine for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    async fn version(&self) -> Result<String, Error> {
        let readers = Arc::clone(&self.readers);
        let version = move || {
            let source = readers.source.lock().unwrap_or_else(PoisonError::into_inner);
            source.query_row("SELECT version()", [], |row| row.get(0)).map_err(duck("ask for the version"))
        };
        spawn_blocking(version).await.map_err(|_| Error::Stopped)?
    }

    async fn execute(&self, sql: &str) -> Result<(), Error> {
        self.writer.run(Job::Execute(sql.to_owned())).await.map(|_| ())
    }

    async fn query(&self, query: &'static Query, params: Params) -> Result<Vec<RecordBatch>, Error> {
        let rendered = params.render(query, &DIALECT)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Stopped)?;
        let readers = Arc::clone(&self.readers);
        let read = move || {
            let answer = readers.read(&rendered);
            drop(permit);
            answer
        };
        spawn_blocking(read).await.map_err(|_| Error::Stopped)?
    }

    async fn insert(&self, table: &'static Table, rows: RecordBatch) -> Result<u64, Error> {
        self.writer.run(Job::Insert(table, rows)).await
    }

    async fn prune(&self, table: &'static Table, before: Timestamp) -> Result<(), Error> {
        let time = (DIALECT.time)(&crate::params::micros_text(before));
        self.execute(&format!("DELETE FROM {} WHERE {} < {time}", table.name, table.time)).await
    }
}

#[cfg(test)]
mod tests;
