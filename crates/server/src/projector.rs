//! From the event log to warehouse rows: cursor `warehouse`, in batches, at least once, so every load is idempotent.
//!
//! Rows are loaded first, then the cursor moves: a crash between the two loads the same rows again, which changes nothing. A
//! payload that cannot be read is counted, logged and passed over, never waited for. After a load, commits whose rows changed
//! are forgotten by the grid and told to watching pages.

mod read;
#[cfg(test)]
mod tests;

use crate::{app::Shared, error::chain, loops::LoopRun};
use read::{Reading, read};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use trunkline_model::Rng;
use trunkline_store::{Batch, CursorMove, Event};
use trunkline_warehouse::Rows;

/// The projector's place in the event log.
pub const CURSOR: &str = "warehouse";
/// Its name in `/api/v1/loops`.
pub const LOOP: &str = "projector";

/// Events per step: what a step holds in memory, bodies and rows, grows with them.
const EVENTS_PER_STEP: usize = 250;
/// Bodies per step, roughly: events are read a few at a time until there are so many bytes.
const BYTES_PER_STEP: usize = 8 << 20;
const EVENTS_PER_READ: usize = 50;
/// A step waits so long for company: one load of many events costs little more than one of a few.
const GATHER: Duration = Duration::from_millis(50);
/// Waits after a step that failed, doubled each time.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// The loop that takes the event log into the warehouse. Clones are the same loop; run one per store.
#[derive(Debug, Clone)]
pub struct Projector(Shared);

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Events read from the log.
    pub events: usize,
    /// Rows given to the warehouse.
    pub rows: usize,
    /// Events passed over because they cannot be read.
    pub unreadable: usize,
    /// Whether there may be more.
    pub more: bool,
}

/// A step that could not be done; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event log or the cursor.
    #[error("use the store")]
    Store(#[from] trunkline_store::Error),
    /// The load.
    #[error("load rows into the warehouse")]
    Warehouse(#[from] trunkline_warehouse::Error),
    /// The reading thread.
    #[error("read payloads")]
    Worker(#[from] tokio::task::JoinError),
}

impl Projector {
    pub(crate) fn new(app: Shared) -> Self {
        Self(app)
    }

    /// Takes the next events into the warehouse.
    ///
    /// # Errors
    /// When store or warehouse do not answer; nothing is lost, the same events come again.
    pub async fn step(&self) -> Result<Step, Error> {
        let app = &self.0;
        let from = app.store.cursor(CURSOR).await?;
        let (events, more) = self.next_events(from).await?;
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            app.progress.reached(from, true);
            return Ok(Step::default());
        };
        let to = last.seq;
        app.progress.pending(first.received_at);
        app.progress.set_newest(to, last.received_at);
        let count = events.len();
        let (events, reading) = tokio::task::spawn_blocking(move || {
            let reading = read(&events);
            (events, reading)
        })
        .await?;
        let mut unreadable = reading.unreadable.len();
        for (seq, why) in &reading.unreadable {
            tracing::warn!(event.seq = seq, why, "payload cannot be read; passed over");
        }
        if let Err(error) = app.warehouse.load(&reading.rows).await {
            unreadable += self.load_one_by_one(&events, error).await?;
        }
        let cursor = CursorMove { name: CURSOR.into(), from, to };
        match app.store.commit(Batch { cursor: Some(cursor), ..Batch::default() }).await {
            // Somebody else projects the same log: what was loaded twice is the same.
            Err(trunkline_store::Error::Conflict { .. }) => {
                tracing::warn!("another projector moves the same cursor; run one per store");
            }
            other => drop(other?),
        }
        let Reading { rows, changed, repos, .. } = reading;
        repos.iter().for_each(|repo| app.directory.saw(repo));
        for (repo, shas) in changed {
            app.changed(&repo, shas.into_iter().collect(), to);
        }
        app.progress.reached(to, to >= app.last_seq());
        app.metrics.projected_events.inc_by(count as u64);
        app.metrics.projected_rows.inc_by(rows.len() as u64);
        app.metrics.unreadable_events.inc_by(unreadable as u64);
        Ok(Step { events: count, rows: rows.len(), unreadable, more })
    }

    /// The events after a place in the log that make a step, and whether there may be more.
    async fn next_events(&self, from: i64) -> Result<(Vec<Event>, bool), Error> {
        let (mut events, mut bytes, mut after) = (Vec::new(), 0, from);
        while events.len() < EVENTS_PER_STEP && bytes < BYTES_PER_STEP {
            let read = self.0.store.events(after, EVENTS_PER_READ).await?;
            let last = read.len() < EVENTS_PER_READ;
            after = read.last().map_or(after, |event| event.seq);
            bytes += read.iter().map(|event| event.body.len()).sum::<usize>();
            events.extend(read);
            if last {
                return Ok((events, false));
            }
        }
        Ok((events, true))
    }

    /// After a batch failed: loads each event by itself, so that one with a value that no row can hold does not block the
    /// others. Any other failure is a reason to wait.
    async fn load_one_by_one(
        &self,
        events: &[Event],
        failure: trunkline_warehouse::Error,
    ) -> Result<usize, Error> {
        use trunkline_warehouse::Error as E;
        let is_the_rows = |error: &E| matches!(error, E::Value(_) | E::Columns(_));
        if !is_the_rows(&failure) {
            return Err(failure.into());
        }
        let mut refused = 0;
        for event in events {
            let rows: Rows = read(std::slice::from_ref(event)).rows;
            match self.0.warehouse.load(&rows).await {
                Ok(_) => {}
                Err(error) if is_the_rows(&error) => {
                    refused += 1;
                    tracing::warn!(
                        event.seq = event.seq,
                        error = chain(&error),
                        "event does not fit into rows; passed over"
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(refused)
    }

    /// Takes in everything that is in the log now.
    ///
    /// # Errors
    /// As [`Projector::step`].
    pub async fn catch_up(&self) -> Result<Step, Error> {
        let mut all = Step::default();
        loop {
            let step = self.step().await?;
            all.events += step.events;
            all.rows += step.rows;
            all.unreadable += step.unreadable;
            if !step.more {
                return Ok(all);
            }
        }
    }

    /// Takes in what comes, until shutdown; a step under way is finished.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut news = self.0.store.subscribe();
        let mut rng = Rng::from_os();
        let mut failures = 0_u32;
        while !shutdown.is_cancelled() {
            let start = Instant::now();
            // Level-triggered: what arrives during the step is seen by `changed` afterwards.
            news.borrow_and_update();
            let pause = match self.step().await {
                Ok(step) => {
                    failures = 0;
                    self.report(&step, start);
                    if step.more { Some(Duration::ZERO) } else { None }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let doubled = BACK_OFF.0.saturating_mul(1 << failures.min(10));
                    let pause = doubled.min(BACK_OFF.1).mul_f64(0.5 + rng.unit() / 2.0);
                    self.failed(&error, failures, start);
                    Some(pause)
                }
            };
            // Cancel-safe: nothing is under way while waiting.
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = wait(pause, &mut news) => {}
            }
        }
    }

    fn report(&self, step: &Step, start: Instant) {
        if step.events == 0 {
            return;
        }
        let why = match step.unreadable {
            0 => format!("{} events gave {} rows", step.events, step.rows),
            unreadable => {
                format!("{} events gave {} rows; {unreadable} cannot be read", step.events, step.rows)
            }
        };
        let run = LoopRun {
            duration: start.elapsed(),
            decided: step.events as u64,
            done: (step.events - step.unreadable.min(step.events)) as u64,
            refused: step.unreadable as u64,
            why,
        };
        self.0.loops.report(LOOP, run);
    }

    fn failed(&self, error: &Error, failures: u32, start: Instant) {
        let why = chain(error);
        // Once, then now and then: an outage must not fill the log.
        if failures.is_power_of_two() {
            tracing::error!(failures, error = why, "projector step failed; it is tried again");
        }
        self.0
            .loops
            .report(LOOP, LoopRun { duration: start.elapsed(), refused: 1, why, ..LoopRun::default() });
    }
}

async fn wait(pause: Option<Duration>, news: &mut tokio::sync::watch::Receiver<i64>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => {
            if news.changed().await.is_err() {
                // The store has gone; only shutdown can follow.
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GATHER).await;
        }
    }
}
