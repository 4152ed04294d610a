//! A real PostgreSQL for tests of this and other crates.
//!
//! `TRUNKLINE_TEST_POSTGRES_URL` names a server to use; otherwise each process starts one of its own from the installed
//! programs, and that ends with the process. With `TRUNKLINE_REQUIRE_POSTGRES` set, none to be found is a failure and not
//! a reason to skip.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio_postgres::{NoTls, error::SqlState};

const SCRIPT: &str = include_str!("testing/postgres.sh");

/// An empty database of the test's own; it is dropped with this value.
#[derive(Debug)]
pub struct Database {
    /// Where [`crate::Store::open_postgres`] finds it.
    pub url: String,
    name: String,
    server: &'static Server,
}

#[derive(Debug)]
struct Server {
    url: String,
    /// Holds the pipe whose end stops the server.
    guard: Option<Child>,
}

/// A new database; nothing, with a message, when there is no PostgreSQL.
///
/// # Panics
/// When a PostgreSQL is there, or required, and does not work.
pub async fn database() -> Option<Database> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = server().await?;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("trunkline_test_{}_{number}", std::process::id());
        match admin(&server.url, &format!("CREATE DATABASE {name}")).await {
            Ok(()) => return Some(Database { url: with_database(&server.url, &name), name, server }),
            Err(e) if e.code() == Some(&SqlState::DUPLICATE_DATABASE) => {}
            Err(e) => panic!("no database for the test: {e:?}"),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server of ours goes as a whole.
        if self.server.guard.is_some() {
            return;
        }
        let (url, sql) = (&self.server.url, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        std::thread::scope(|s| {
            s.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                if let Err(e) = runtime.map(|r| r.block_on(admin(url, &sql))) {
                    tracing::warn!(error = %e, "test database left behind");
                }
            });
        });
    }
}

async fn admin(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let done = client.batch_execute(sql).await;
    drop(client);
    drop(connection.await);
    done
}

/// The address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(b, q)| (b, Some(q)));
    let host = base.find("://").map_or(0, |i| i + 3);
    let end = base[host..].find('/').map_or(base.len(), |i| host + i);
    query.map_or_else(|| format!("{}/{name}", &base[..end]), |q| format!("{}/{name}?{q}", &base[..end]))
}

async fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    tokio::task::spawn_blocking(|| SERVER.get_or_init(find_or_start).as_ref())
        .await
        .expect("PostgreSQL for the test")
}

fn find_or_start() -> Option<Server> {
    if let Ok(url) = env::var("TRUNKLINE_TEST_POSTGRES_URL") {
        return Some(Server { url, guard: None });
    }
    let Some(programs) = programs() else {
        assert!(
            env::var_os("TRUNKLINE_REQUIRE_POSTGRES").is_none(),
            "PostgreSQL is required and not installed"
        );
        skip("no PostgreSQL programs here; install them or set TRUNKLINE_TEST_POSTGRES_URL");
        return None;
    };
    let mut last = String::new();
    // Somebody else may take the port between our look and the start.
    for attempt in 0..3 {
        match start(&programs, attempt) {
            Ok(server) => return Some(server),
            Err(log) => last = log,
        }
    }
    panic!("PostgreSQL in {} does not start:\n{last}", programs.display())
}

#[expect(clippy::print_stderr, reason = "a skipped test says so where its reader looks")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// The newest programs installed.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = debian
        .filter_map(|d| Some((d.file_name().to_str()?.parse::<u32>().ok()?, d.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = || env::split_paths(&path).find(|d| d.join("initdb").exists() && d.join("pg_ctl").exists());
    found.pop().map(|(_, bin)| bin).or_else(in_path)
}

fn start(programs: &Path, attempt: u32) -> Result<Server, String> {
    let text = |e: std::io::Error| e.to_string();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).map_err(text)?.port();
    let dir = env::temp_dir().join(format!("trunkline-pg-{}-{attempt}", std::process::id()));
    let mut guard = Command::new("sh")
        .args(["-c", SCRIPT, "postgres.sh"])
        .args([programs.as_os_str(), dir.as_os_str(), port.to_string().as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Out of reach of what ends a test's process group, to clean up after it.
        .process_group(0)
        .spawn()
        .map_err(text)?;
    let mut said = BufReader::new(guard.stdout.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).map_err(text)?;
    if line == "ready\n" {
        return Ok(Server {
            url: format!("postgres://trunkline@127.0.0.1:{port}/postgres"),
            guard: Some(guard),
        });
    }
    said.read_to_string(&mut line).map_err(text)?;
    guard.wait().map_err(text)?;
    Err(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_another_database() {
        assert_eq!(with_database("postgres://u@h:5/a?x=/y", "b"), "postgres://u@h:5/b?x=/y");
        assert_eq!(with_database("postgres://u@h", "b"), "postgres://u@h/b");
    }
}
