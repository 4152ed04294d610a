//! SQLite: one writer thread that shares commits, a few readers.

pub(crate) mod read;
mod schema;
pub(crate) mod write;

use crate::{Error, codec::blocking};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

const QUEUE: usize = 1024;
const GROUP: usize = 256;
const READERS: usize = 4;
/// Page caches in KiB. Readers read on or look up single rows: a large cache of each would only be memory.
const WRITER_CACHE: u32 = 16_000;
const READER_CACHE: u32 = 2_000;

type Deliver = Box<dyn FnOnce(Option<String>) + Send>;
type Work = Box<dyn FnOnce(&Connection) -> (bool, Deliver) + Send>;

/// The embedded backend.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    writer: mpsc::Sender<Work>,
    path: Arc<PathBuf>,
    readers: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    pub(crate) last: watch::Receiver<i64>,
}

fn connect(path: &Path, cache_kib: u32) -> Result<Connection, Error> {
    let c = Connection::open(path)?;
    c.busy_timeout(std::time::Duration::from_secs(10))?;
    c.set_prepared_statement_cache_capacity(64);
    c.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")?;
    c.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    Ok(c)
}

impl Sqlite {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, Error> {
        let at = path.clone();
        let (writer, last) = blocking(move || {
            let mut c = connect(&at, WRITER_CACHE)?;
            schema::migrate(&mut c)?;
            let (tx, rx) = mpsc::channel(QUEUE);
            let (wake, last) = watch::channel(last_seq(&c)?);
            std::thread::Builder::new()
                .name("store-writer".into())
                .spawn(move || run_writer(&c, rx, &wake))
                .map_err(|e| Error::Unavailable(e.to_string()))?;
            Ok((tx, last))
        })
        .await?;
        Ok(Self {
            writer,
            path: Arc::new(path),
            readers: Arc::default(),
            permits: Arc::new(Semaphore::new(READERS)),
            last,
        })
    }

    /// Runs `f` in a savepoint of the next shared transaction; answers when that is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let stopped = || Error::Unavailable("the writer has stopped".into());
        let (tx, rx) = oneshot::channel();
        let work: Work = Box::new(move |c| {
            let answer = f(c);
            let keep = answer.is_ok();
            (
                keep,
                Box::new(move |failed| drop(tx.send(failed.map_or(answer, |m| Err(Error::Unavailable(m)))))),
            )
        });
        self.writer.send(work).await.map_err(|_| stopped())?;
        rx.await.map_err(|_| stopped())?
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|e| Error::Unavailable(e.to_string()))?;
        let (path, readers) = (Arc::clone(&self.path), Arc::clone(&self.readers));
        blocking(move || {
            let _permit = permit;
            let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let c = idle.map_or_else(|| connect(&path, READER_CACHE), Ok)?;
            let answer = f(&c);
            readers.lock().unwrap_or_else(PoisonError::into_inner).push(c);
            answer
        })
        .await
    }
}

pub(crate) fn last_seq(c: &Connection) -> Result<i64, Error> {
    // The counter of AUTOINCREMENT outlives pruned rows.
    Ok(c.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'")?
        .query_row([], |r| r.get(0))?)
}

fn run_writer(c: &Connection, mut queue: mpsc::Receiver<Work>, wake: &watch::Sender<i64>) {
    let mut group = Vec::new();
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        let mut delivers = Vec::with_capacity(group.len());
        let failed = run_group(c, group.drain(..), &mut delivers).err().map(|e| e.to_string());
        if let Some(error) = &failed {
            tracing::error!(error, "state could not be written");
            if !c.is_autocommit() {
                drop(c.execute_batch("ROLLBACK"));
            }
        } else if let Ok(seq) = last_seq(c) {
            wake.send_if_modified(|old| std::mem::replace(old, seq) != seq);
        }
        for deliver in delivers {
            deliver(failed.clone());
        }
        group.clear();
    }
}

fn run_group(
    c: &Connection,
    group: impl Iterator<Item = Work>,
    delivers: &mut Vec<Deliver>,
) -> Result<(), Error> {
    let step = |sql: &str| -> Result<(), Error> { Ok(c.prepare_cached(sql)?.execute([]).map(drop)?) };
    step("BEGIN IMMEDIATE")?;
    for work in group {
        step("SAVEPOINT one")?;
        let (keep, deliver) = work(c);
        delivers.push(deliver);
        if !keep {
            step("ROLLBACK TO one")?;
        }
        step("RELEASE one")?;
    }
    step("COMMIT")
}
