//! Drives the fleet's steps: woken by new deliveries and by time; says what each turn did.

use crate::config::Fleet as Settings;
use std::{
    fmt::Display,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use trunkline_fleet::{
    Fleet,
    fleet::{LEASE_TTL, PruneStats},
};
use trunkline_server::{App, LoopRun};
use trunkline_store::Store;

/// Rounds of decisions and effects without a pause between them, while there is more to do than a step takes.
const ROUNDS: usize = 20;
/// Between two rounds of the provider's housekeeping.
const MAINTAIN: Duration = Duration::from_secs(60);

/// Runs until shutdown; the lease is kept meanwhile, however long a step takes, and given back at the end.
pub(super) async fn run(
    fleet: &Fleet,
    settings: &Settings,
    store: &Store,
    app: &App,
    shutdown: &CancellationToken,
) {
    tokio::select! {
        () = Box::pin(turns(fleet, settings, store, app, shutdown)) => {}
        () = Box::pin(keep_lease(fleet)) => {}
    }
    if let Err(error) = Box::pin(fleet.release()).await {
        tracing::warn!(%error, "could not give the fleet's lease back; another replica waits until it runs out");
    }
}

async fn keep_lease(fleet: &Fleet) {
    let often = Duration::try_from(LEASE_TTL).unwrap_or_default() / 4;
    loop {
        tokio::time::sleep(often).await;
        if let Err(error) = fleet.prolong().await {
            tracing::warn!(%error, "could not prolong the fleet's lease");
        }
    }
}

/// Steps never overlap, so every decision sees the one before.
async fn turns(fleet: &Fleet, settings: &Settings, store: &Store, app: &App, shutdown: &CancellationToken) {
    let reconcile_every = Duration::from_secs(u64::from(settings.reconcile_seconds));
    let mut log = store.subscribe();
    let mut plan = tokio::time::interval(Duration::from_secs(u64::from(settings.plan_seconds)));
    plan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut reconciled, mut maintained): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = log.changed() => if changed.is_err() { return },
            _ = plan.tick() => {
                if !act(fleet, app).await {
                    // The first turn after a takeover compares before it decides.
                    reconciled = None;
                    continue;
                }
                if reconciled.is_none_or(|at| at.elapsed() >= reconcile_every) {
                    reconcile(fleet, app).await;
                    reconciled = Some(Instant::now());
                }
                if maintained.is_none_or(|at| at.elapsed() >= MAINTAIN) {
                    maintain(fleet, app).await;
                    maintained = Some(Instant::now());
                }
                intake(fleet, app).await;
                for _ in 0..ROUNDS {
                    if !decide(fleet, app).await || shutdown.is_cancelled() {
                        break;
                    }
                    intake(fleet, app).await;
                }
                continue;
            }
        }
        intake(fleet, app).await;
    }
}

/// Whether this replica acts now.
async fn act(fleet: &Fleet, app: &App) -> bool {
    let started = Instant::now();
    match fleet.hold().await {
        Ok(true) => true,
        Ok(false) => {
            report(app, "fleet.plan", started, (0, 0, 0), "stands by: another replica acts".into());
            false
        }
        Err(error) => {
            failed(app, "fleet.plan", started, &error);
            false
        }
    }
}

/// Forgets what ended long ago.
pub(super) async fn prune(fleet: &Fleet) {
    match Box::pin(fleet.step_prune()).await {
        Ok(stats) if stats == PruneStats::default() => {}
        Ok(stats) => {
            tracing::info!(jobs = stats.jobs, runners = stats.runners, "dropped old jobs and runners");
        }
        Err(error) => tracing::warn!(%error, "could not drop old jobs and runners"),
    }
}

async fn intake(fleet: &Fleet, app: &App) {
    loop {
        let started = Instant::now();
        match fleet.step_intake().await {
            Ok(stats) => {
                let why = format!("{} jobs and {} runners moved", stats.jobs_changed, stats.runners_changed);
                report(app, "fleet.intake", started, (stats.events, stats.jobs_changed, stats.skipped), why);
                if !stats.more {
                    return;
                }
            }
            Err(error) => return failed(app, "fleet.intake", started, &error),
        }
    }
}

/// One decision and its effects; whether there is more to do at once.
async fn decide(fleet: &Fleet, app: &App) -> bool {
    let mut more = false;
    let started = Instant::now();
    match fleet.step_plan().await {
        Ok(stats) => {
            more |= stats.launches > 0;
            let why = format!(
                "{} jobs queued: {} launches, {} terminations",
                stats.queued, stats.launches, stats.terminations
            );
            report(app, "fleet.plan", started, (stats.launches + stats.terminations, stats.launches, 0), why);
        }
        Err(error) => failed(app, "fleet.plan", started, &error),
    }
    let started = Instant::now();
    match fleet.step_execute().await {
        Ok(stats) => {
            more |= stats.more;
            let why =
                format!("{} done, {} to be tried again, {} failed", stats.done, stats.retried, stats.failed);
            let counts =
                (stats.done + stats.retried + stats.failed, stats.done, stats.retried + stats.failed);
            report(app, "fleet.execute", started, counts, why);
        }
        Err(error) => {
            failed(app, "fleet.execute", started, &error);
            more = false;
        }
    }
    more
}

async fn reconcile(fleet: &Fleet, app: &App) {
    let started = Instant::now();
    match fleet.step_reconcile().await {
        Ok(stats) => {
            let unanswered = stats.unanswered.join(", ");
            let why = if unanswered.is_empty() {
                format!("{} runners compared, {} jobs healed", stats.runners, stats.healed)
            } else {
                format!("no answer from {unanswered}: nothing is terminated on unknown")
            };
            report(app, "fleet.reconcile", started, (stats.runners, stats.changed, stats.orphans), why);
        }
        Err(error) => failed(app, "fleet.reconcile", started, &error),
    }
}

async fn maintain(fleet: &Fleet, app: &App) {
    let started = Instant::now();
    match fleet.step_maintain().await {
        Ok(stats) => {
            let upkeep = &stats.upkeep;
            let done = upkeep.secrets_deleted
                + upkeep.disks_deleted
                + upkeep.machines_ended
                + upkeep.spares_prepared;
            let troubles: Vec<&str> =
                stats.unanswered.iter().chain(&upkeep.troubles).map(String::as_str).collect();
            let mut why = format!("{done} left-overs and spares seen to, {} notices", stats.noted);
            if !troubles.is_empty() {
                why = format!("{why}; {}", troubles.join("; "));
            }
            report(
                app,
                "fleet.maintain",
                started,
                (done + stats.noted, done + stats.noted, troubles.len()),
                why,
            );
        }
        Err(error) => failed(app, "fleet.maintain", started, &error),
    }
}

fn report(
    app: &App,
    name: &str,
    started: Instant,
    (decided, done, refused): (usize, usize, usize),
    why: String,
) {
    let (decided, done, refused) = (decided as u64, done as u64, refused as u64);
    app.loops().report(name, LoopRun { duration: started.elapsed(), decided, done, refused, why });
}

fn failed(app: &App, name: &str, started: Instant, error: &dyn Display) {
    tracing::warn!(%error, step = name, "a fleet step failed; the next turn tries again");
    report(app, name, started, (0, 0, 1), error.to_string());
}
