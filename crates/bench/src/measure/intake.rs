//! Webhooks into the durable log, through the real program over HTTP, the load generator on the same machine.
//!
//! Throughput is a closed loop: every connection sends again as soon as it is answered. Latency is an open loop: deliveries
//! are due at random times, and a time counts from when the delivery was due, so a stall is seen by everybody it delays.

use super::Times;
use crate::{
    mix::Mix,
    report::{Report, Target},
};
use anyhow::{Context, Result, ensure};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep_until};
use trunkline_bench::{
    deliveries::{delivery_id, request},
    http::Connection,
    program::{Installation, Program},
};
use trunkline_model::{Rng, SharedClock, SystemClock};
use trunkline_store::{NewEvent, Store};

const CONNECTIONS: u32 = 64;
const PER_SECOND: f64 = 1_000.0;
const BASELINE_TIME: Duration = Duration::from_secs(4);

/// What a run of deliveries came to.
struct Run {
    count: u64,
    elapsed: Duration,
    times: Times,
}

/// Who sends.
struct Senders {
    mix: Mix,
    next: AtomicU64,
}

pub(crate) async fn run(report: &mut Report, program: &Path, seconds: u32) -> Result<()> {
    let time = Duration::from_secs(u64::from(seconds));
    for (name, even) in [("intake", false), ("intake, all examples alike", true)] {
        let senders = Arc::new(Senders { mix: Mix::new(even)?, next: AtomicU64::new(0) });
        let place = Installation::new(program, "")?;
        let running = place.start()?;
        // Warm: caches, prepared statements, the allocator.
        closed(&senders, running.address(), Duration::from_secs(2)).await?;
        let latency = open(&senders, running.address(), time).await?;
        let throughput = closed(&senders, running.address(), time).await?;
        let catching_up = Instant::now();
        caught_up(&running, senders.next.load(Ordering::Relaxed)).await?;
        let behind = catching_up.elapsed();
        let (now, peak) = running.memory_mib()?;
        let rate = throughput.count as f64 / throughput.elapsed.as_secs_f64();
        let p99 = latency.times.percentile_ms(99.0);
        let megabytes = (now * 1024.0 * 1024.0) / 1e6;
        report.add(format!("{name}: mean body"), senders.mix.mean_bytes(), "bytes");
        if even {
            report.add(format!("{name}: throughput, durable"), rate, "deliveries/s");
            report.add(format!("{name}: p99 at 1,000/s"), p99, "ms");
        } else {
            report.budget(
                format!("{name}: throughput, durable"),
                rate,
                "deliveries/s",
                Target::AtLeast(2_000.0),
            );
            report.budget(format!("{name}: p99 at 1,000/s"), p99, "ms", Target::AtMost(25.0));
            let serial = one_fsync_each(&senders.mix).await?;
            report.add("baseline: one fsync per delivery, no HTTP", serial, "deliveries/s");
            report.add("intake against that baseline", rate / serial, "×");
        }
        report.add(format!("{name}: p50 at 1,000/s"), latency.times.percentile_ms(50.0), "ms");
        report.add(format!("{name}: worst at 1,000/s"), latency.times.percentile_ms(100.0), "ms");
        report.add(format!("{name}: p99 at full load"), throughput.times.percentile_ms(99.0), "ms");
        report.add(format!("{name}: time until pages had caught up"), behind.as_secs_f64(), "s");
        report.budget(format!("{name}: memory at the end"), megabytes, "MB", Target::AtMost(250.0));
        report.add(format!("{name}: most memory"), peak * 1024.0 * 1024.0 / 1e6, "MB");
        running.stop()?;
    }
    Ok(())
}

/// Every connection sends as quickly as it is answered.
async fn closed(senders: &Arc<Senders>, address: SocketAddr, time: Duration) -> Result<Run> {
    all(senders, address, move |senders, mut connection, mut rng| async move {
        let (start, mut times) = (Instant::now(), Vec::new());
        while start.elapsed() < time {
            let sent = Instant::now();
            senders.send(&mut connection, &mut rng).await?;
            times.push(sent.elapsed());
        }
        Ok(times)
    })
    .await
}

/// Deliveries are due at random times, [`PER_SECOND`] in the mean.
async fn open(senders: &Arc<Senders>, address: SocketAddr, time: Duration) -> Result<Run> {
    let gap = f64::from(CONNECTIONS) / PER_SECOND;
    all(senders, address, move |senders, mut connection, mut rng| async move {
        let (start, mut times) = (Instant::now(), Vec::new());
        let mut due = start + Duration::from_secs_f64(rng.exponential(gap));
        while due < start + time {
            sleep_until(due.into()).await;
            senders.send(&mut connection, &mut rng).await?;
            times.push(due.elapsed());
            due += Duration::from_secs_f64(rng.exponential(gap));
        }
        Ok(times)
    })
    .await
}

async fn all<F>(
    senders: &Arc<Senders>,
    address: SocketAddr,
    work: impl Fn(Arc<Senders>, Connection, Rng) -> F,
) -> Result<Run>
where
    F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
{
    let (mut rng, mut tasks, start) = (Rng::from_seed(1), JoinSet::new(), Instant::now());
    for _ in 0..CONNECTIONS {
        tasks.spawn(work(Arc::clone(senders), Connection::open(address).await?, rng.fork()));
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(Run { count: times.len() as u64, elapsed: start.elapsed(), times: Times::new(times) })
}

impl Senders {
    async fn send(&self, connection: &mut Connection, rng: &mut Rng) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (event, body) = self.mix.draw(rng, number).context("examples")?;
        let answer = connection.ask(&request(event, &delivery_id(1, number), &body)).await?;
        ensure!(answer.status == 202, "answered {}: {}", answer.status, answer.json());
        Ok(())
    }
}

/// Waits until the warehouse has everything, and makes sure that nothing is missing.
async fn caught_up(running: &Program, count: u64) -> Result<()> {
    let mut connection = Connection::open(running.address()).await?;
    loop {
        let status = connection.get("/api/v1/status").await?.json();
        if status["intake"]["lag_seconds"] == 0.0 {
            ensure!(status["intake"]["last_seq"] == count, "{count} were sent: {status}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same bodies into a log of its own, each with a transaction and an fsync, nothing else to do.
async fn one_fsync_each(mix: &Mix) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Store::open_sqlite(folder.path().join("state.sqlite"), &clock).await?;
    let (mut rng, mut count, start) = (Rng::from_seed(1), 0_u64, Instant::now());
    while start.elapsed() < BASELINE_TIME {
        let (event, body) = mix.draw(&mut rng, count).context("examples")?;
        let event = NewEvent {
            source: "github".into(),
            kind: event.into(),
            dedupe_key: Some(delivery_id(2, count)),
            received_at: clock.now(),
            headers: std::collections::BTreeMap::new(),
            body: body.into(),
        };
        store.append(vec![event]).await?;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}
