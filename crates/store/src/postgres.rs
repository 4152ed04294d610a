//! PostgreSQL: one task that gathers appends into shared transactions, a pool for the rest.

mod read;
mod tls;
mod write;

use crate::{Appended, Error, codec::Packed, error::describe};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use std::time::Duration;
use tls::{Address, Mode};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

const MIGRATIONS: &[&str] =
    &[include_str!("postgres/schema.sql"), "CREATE INDEX records_age ON records(kind, updated_at)"];
/// Advisory locks: one for the order of events, one for migrations.
const APPEND_LOCK: i64 = 0x7472_756e_6b01;
const MIGRATE_LOCK: i64 = 0x7472_756e_6b02;
const GROUP: usize = 256;

type Answer = oneshot::Sender<Result<Vec<Appended>, Error>>;

/// The backend for several replicas.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Pool,
    appender: mpsc::Sender<(Vec<Packed>, Answer)>,
    pub(crate) last: watch::Sender<i64>,
}

impl Postgres {
    pub(crate) async fn open(url: &str) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let (config, settings) =
            (address.config.clone(), ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let manager = match address.client().await? {
            None => Manager::from_config(config, NoTls, settings),
            Some(tls) => Manager::from_config(config, MakeRustlsConnect::new(tls), settings),
        };
        let pool =
            Pool::builder(manager).max_size(8).build().map_err(|e| Error::Unavailable(e.to_string()))?;
        migrate(&pool).await?;
        warn_of_plain_text(&pool, &address).await?;
        let (appender, queue) = mpsc::channel(1024);
        let store = Self { pool, appender, last: watch::channel(0).0 };
        store.wake(store.last_seq().await?);
        tokio::spawn(run_appender(store.pool.clone(), queue, store.last.clone()));
        tokio::spawn(run_poll(store.pool.clone(), store.last.clone(), store.appender.downgrade()));
        Ok(store)
    }

    async fn client(&self) -> Result<Object, Error> {
        client(&self.pool).await
    }

    fn wake(&self, seq: i64) {
        wake(&self.last, seq);
    }

    pub(crate) async fn append(&self, events: Vec<Packed>) -> Result<Vec<Appended>, Error> {
        let stopped = || Error::Unavailable("the appender has stopped".into());
        let (tx, rx) = oneshot::channel();
        self.appender.send((events, tx)).await.map_err(|_| stopped())?;
        rx.await.map_err(|_| stopped())?
    }
}

fn wake(last: &watch::Sender<i64>, seq: i64) {
    last.send_if_modified(|old| {
        let news = seq > *old;
        *old = seq.max(*old);
        news
    });
}

async fn client(pool: &Pool) -> Result<Object, Error> {
    match pool.get().await {
        Ok(c) => Ok(c),
        Err(deadpool_postgres::PoolError::Backend(e)) => Err(Error::Unavailable(describe(&e))),
        Err(e) => Err(Error::Unavailable(e.to_string())),
    }
}

/// Says so when what goes to another machine can be read on the way.
async fn warn_of_plain_text(pool: &Pool, address: &Address) -> Result<(), Error> {
    let remote = address.remote_hosts();
    if remote.is_empty() || address.mode >= Mode::Require {
        return Ok(());
    }
    let sql = "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)";
    let encrypted: bool = client(pool).await?.query_one(sql, &[]).await?.get(0);
    if !encrypted {
        tracing::warn!(
            hosts = remote.join(","),
            "the connection to PostgreSQL is not encrypted, its password and data can be read on the way: set up TLS at the \
             server and add `sslmode=verify-full` to the address"
        );
    }
    Ok(())
}

async fn migrate(pool: &Pool) -> Result<(), Error> {
    let mut c = client(pool).await?;
    let tx = c.transaction().await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATE_LOCK]).await?;
    tx.batch_execute("CREATE TABLE IF NOT EXISTS trunkline_schema(version BIGINT PRIMARY KEY)").await?;
    let found: i64 =
        tx.query_one("SELECT coalesce(max(version), 0) FROM trunkline_schema", &[]).await?.get(0);
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    for (version, sql) in (1_i64..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        tx.batch_execute(sql).await?;
        tx.execute("INSERT INTO trunkline_schema VALUES ($1)", &[&version]).await?;
    }
    Ok(tx.commit().await?)
}

async fn run_appender(
    pool: Pool,
    mut queue: mpsc::Receiver<(Vec<Packed>, Answer)>,
    last: watch::Sender<i64>,
) {
    let mut group = Vec::new();
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let mut events = Vec::new();
        let mut answers = Vec::new();
        for (mut some, answer) in group.drain(..) {
            answers.push((some.len(), answer));
            events.append(&mut some);
        }
        match append_group(&pool, &events).await {
            Ok(mut appended) => {
                wake(&last, appended.iter().map(|a| a.seq).max().unwrap_or(0));
                for (n, answer) in answers {
                    let rest = appended.split_off(n);
                    drop(answer.send(Ok(std::mem::replace(&mut appended, rest))));
                }
            }
            Err(e) if answers.len() == 1 => {
                if let Some((_, answer)) = answers.pop() {
                    drop(answer.send(Err(e)));
                }
            }
            Err(_) => {
                // One bad event must not fail its neighbours: each once more alone.
                for (n, answer) in answers {
                    let rest = events.split_off(n);
                    let own = std::mem::replace(&mut events, rest);
                    let alone = append_group(&pool, &own).await;
                    if let Ok(appended) = &alone {
                        wake(&last, appended.iter().map(|a| a.seq).max().unwrap_or(0));
                    }
                    drop(answer.send(alone));
                }
            }
        }
    }
}

async fn append_group(pool: &Pool, events: &[Packed]) -> Result<Vec<Appended>, Error> {
    let mut c = client(pool).await?;
    let tx = c.transaction().await?;
    let appended = write::append(&tx, events).await?;
    tx.commit().await?;
    Ok(appended)
}

/// Sees what other replicas append; ends when the store is dropped.
async fn run_poll(pool: Pool, last: watch::Sender<i64>, alive: mpsc::WeakSender<(Vec<Packed>, Answer)>) {
    while alive.upgrade().is_some() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Ok(seq) = read::last_seq(&pool).await {
            wake(&last, seq);
        }
    }
}
