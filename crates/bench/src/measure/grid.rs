//! The grid endpoint over HTTP: 50 commits of 1,500 jobs among all that is stored.

use super::{Times, load::Data};
use crate::report::{Report, Target};
use anyhow::{Result, ensure};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trunkline_bench::http::{Answer, Connection};
use trunkline_github::webhook::signature::Secrets;
use trunkline_model::{SharedClock, SystemClock};
use trunkline_server::{App, AppState, ServerConfig, serve};
use trunkline_store::Store;
use trunkline_warehouse::Warehouse;

const COMMITS: usize = 50;
const SAMPLES: usize = 60;

pub(crate) async fn run(report: &mut Report, data: &Data) -> Result<()> {
    let warehouse = data.warehouse().await?;
    let folder = tempfile::tempdir()?;
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Store::open_sqlite(folder.path().join("state.sqlite"), &clock).await?;
    let path = format!("/api/v1/repos/{}/grid?per_page={COMMITS}", data.repo);

    // Nothing in memory yet: what the first visitor after a start waits for.
    let mut times = Vec::new();
    for _ in 0..SAMPLES / 3 {
        let server = Server::start(&warehouse, &store, &clock).await?;
        times.push(server.timed(&path, "zstd").await?.0);
        server.stop().await?;
    }
    note(report, "cold", times);

    let server = Server::start(&warehouse, &store, &clock).await?;
    server.timed(&path, "zstd").await?;
    for (name, changed) in [("all commits changed", COMMITS), ("3 commits changed", 3), ("unchanged", 0)] {
        let mut times = Vec::new();
        for _ in 0..SAMPLES {
            if changed > 0 {
                let shas = data.shas.iter().rev().take(changed).cloned().collect();
                server.app.commits_changed(&data.repo, shas);
            }
            times.push(server.timed(&path, "zstd").await?.0);
        }
        note(report, name, times);
    }
    for encoding in ["gzip", "zstd", "identity"] {
        let (_, answer) = server.timed(&path, encoding).await?;
        let kilobytes = answer.body.len() as f64 / 1e3;
        let name = format!("grid: size, {encoding}");
        if encoding == "identity" || answer.header("content-encoding") != Some(encoding) {
            report.add(name, kilobytes, "kB");
        } else {
            report.budget(name, kilobytes, "kB", Target::AtMost(150.0));
        }
    }
    server.stop().await
}

fn note(report: &mut Report, name: &str, times: Vec<Duration>) {
    let times = Times::new(times);
    report.add(format!("grid, {name}: p50"), times.percentile_ms(50.0), "ms");
    report.budget(format!("grid, {name}: p95"), times.percentile_ms(95.0), "ms", Target::AtMost(50.0));
}

struct Server {
    app: App,
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(warehouse: &Warehouse, store: &Store, clock: &SharedClock) -> Result<Self> {
        let (store, warehouse, clock) = (store.clone(), warehouse.clone(), Arc::clone(clock));
        let config = ServerConfig::new(Secrets::default());
        let app = App::new(AppState { store, warehouse, fleet: None, clock, config });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, stop) = (listener.local_addr()?, CancellationToken::new());
        let serving = tokio::spawn(serve(listener, app.router(), stop.clone()));
        Ok(Self { app, address, stop, serving })
    }

    /// How long an answer takes, connecting included, as a browser's first request has it.
    async fn timed(&self, path: &str, encoding: &str) -> Result<(Duration, Answer)> {
        let start = Instant::now();
        let mut connection = Connection::open(self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\naccept-encoding: {encoding}\r\n\r\n");
        let answer = connection.ask(request.as_bytes()).await?;
        let took = start.elapsed();
        ensure!(answer.status == 200, "{path}: {}", answer.head);
        ensure!(answer.body.len() > 10_000, "{path}: only {} bytes", answer.body.len());
        Ok((took, answer))
    }

    async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.serving.await??)
    }
}
