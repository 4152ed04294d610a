//! Measures the grid endpoint over HTTP on made-up jobs: `grid_bench [COMMITS]`, 1,500 jobs each (667 commits make a million).
//!
//! Prints figures for people. The budget is 50 ms and 150 KB for 50 commits on two cores.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use trunkline_github::webhook::signature::Secrets;
use trunkline_model::{SharedClock, SystemClock};
use trunkline_server::{App, AppState, ServerConfig, serve};
use trunkline_store::Store;
use trunkline_warehouse::{Rows, Warehouse, WarehouseConfig, testing};

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

#[expect(clippy::print_stdout, reason = "a program for people")]
#[tokio::main]
async fn main() -> Anyhow<()> {
    let commits = std::env::args().nth(1).map_or(Ok(667), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let clock: SharedClock = Arc::new(SystemClock);
    let warehouse =
        Warehouse::open_duckdb(folder.path().join("bench.duckdb"), WarehouseConfig::default()).await?;
    let shape = testing::Shape::large(commits);
    let mut generator = testing::Generator::new(shape.clone(), 1);
    let (mut shas, mut jobs) = (Vec::new(), 0);
    loop {
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
        warehouse.load(&batch).await?;
    }
    println!("loaded     {jobs} jobs");
    let store = Store::open_sqlite(folder.path().join("bench.sqlite"), &clock).await?;
    let config = ServerConfig::new(Secrets::default());
    let app = App::new(AppState { store, warehouse, fleet: None, clock, config });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, app.router(), stop.clone()));
    let path = format!("/api/v1/repos/{}/grid?per_page=50", shape.repo);
    let newest: Vec<_> = shas.iter().rev().take(50).cloned().collect();
    ask(address, &path, "identity").await?;
    for (name, changed) in [("all 50 commits changed", 50), ("3 commits changed", 3), ("nothing changed", 0)]
    {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..40 {
            if changed > 0 {
                app.commits_changed(&shape.repo, newest.iter().take(changed).cloned().collect());
            }
            let start = Instant::now();
            bytes = ask(address, &path, "zstd").await?;
            times.push(start.elapsed());
        }
        times.sort();
        let at = |percent: usize| -> Duration { times[(times.len() - 1) * percent / 100] };
        println!(
            "grid       {name}: p50 {:.1?}, p95 {:.1?}, worst {:.1?}, {bytes} bytes zstd",
            at(50),
            at(95),
            at(100)
        );
    }
    println!(
        "sizes      {} bytes gzip, {} bytes plain",
        ask(address, &path, "gzip").await?,
        ask(address, &path, "identity").await?
    );
    stop.cancel();
    server.await??;
    Ok(())
}

/// The size of the answer's body.
async fn ask(address: std::net::SocketAddr, path: &str, encoding: &str) -> Anyhow<usize> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAccept-Encoding: {encoding}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no answer")?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(String::from_utf8_lossy(&answer).into_owned().into());
    }
    Ok(answer.len() - head - 4)
}
