//! Looks through GitHub's own record of deliveries for what never arrived, and stores it.
//!
//! GitHub never sends again by itself. A delivery is missing when its id is not in the log; its payload is fetched
//! with our credentials over TLS, so it needs no signature, and is stored under the same id: a later redelivery of
//! the same event is then a duplicate.

use crate::config::GitHub;
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use trunkline_github::{
    Client,
    client::{self, Hook, HookDelivery},
};
use trunkline_model::SharedClock;
use trunkline_server::{App, LoopRun, intake};
use trunkline_store::{NewEvent, Store};

/// Attempts looked at in one turn, per hook.
const LIMIT: usize = 5_000;

/// What one look found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Found {
    /// Deliveries in GitHub's record.
    pub(crate) looked_at: usize,
    /// Of them, missing here.
    pub(crate) missing: usize,
    /// Of them, stored now.
    pub(crate) stored: usize,
}

/// Whose records to look through.
pub(crate) fn scopes(github: &GitHub) -> Vec<Hook> {
    let hooks: Vec<Hook> = github.hooks.iter().map(|(repo, hook)| Hook::Repo(repo.clone(), *hook)).collect();
    match &github.app {
        Some(app) if hooks.is_empty() => vec![Hook::App(app.id.to_string())],
        _ => hooks,
    }
}

/// One look through one record.
pub(crate) async fn look(
    client: &Client,
    store: &Store,
    scope: &Hook,
    since: Timestamp,
    now: Timestamp,
) -> Result<Found> {
    let attempts = attempts(client, scope, since).await.context("list GitHub's deliveries")?;
    // Attempts of one delivery share the guid; any of them has the payload.
    let by_guid: BTreeMap<String, _> =
        attempts.into_iter().map(|attempt| (attempt.guid.to_ascii_lowercase(), attempt)).collect();
    let guids: Vec<String> = by_guid.keys().cloned().collect();
    let seen: HashSet<String> = store.seen_keys(intake::SOURCE, &guids).await?;
    let missing = by_guid.iter().filter(|(guid, _)| !seen.contains(*guid));
    let mut found = Found { looked_at: guids.len(), missing: guids.len() - seen.len(), stored: 0 };
    for (guid, attempt) in missing {
        let sent = client.hook_delivery(scope, attempt.id).await.context("fetch a missed delivery")?;
        let headers = [("via".to_string(), "redeliver".to_string())].into();
        let event = NewEvent {
            source: intake::SOURCE.into(),
            kind: attempt.event.clone(),
            dedupe_key: Some(guid.clone()),
            received_at: now,
            headers,
            body: sent.payload,
        };
        found.stored +=
            store.append(vec![event]).await?.iter().filter(|appended| !appended.duplicate).count();
    }
    Ok(found)
}

/// Attempts since a time, newest first; at most [`LIMIT`].
async fn attempts(
    client: &Client,
    hook: &Hook,
    since: Timestamp,
) -> Result<Vec<HookDelivery>, client::Error> {
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page = client.hook_deliveries(hook, cursor.as_deref()).await?;
        let reached = page.deliveries.iter().any(|attempt| attempt.delivered_at < since);
        all.extend(page.deliveries.into_iter().filter(|attempt| attempt.delivered_at >= since));
        cursor = page.next;
        if reached || cursor.is_none() || all.len() >= LIMIT {
            all.truncate(LIMIT);
            return Ok(all);
        }
    }
}

/// Looks again and again until shutdown.
pub(super) async fn run(
    github: &GitHub,
    client: Option<&Client>,
    store: &Store,
    clock: &SharedClock,
    app: &App,
    shutdown: &CancellationToken,
) {
    let scopes = scopes(github);
    let (Some(client), 1..) = (client, github.redeliver_minutes) else { return };
    if scopes.is_empty() {
        return;
    }
    let period = Duration::from_secs(60 * u64::from(github.redeliver_minutes));
    while shutdown.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
        for scope in &scopes {
            let started = Instant::now();
            let now = clock.now();
            // Twice the period overlaps with the look before; six hours heal a longer outage of ours.
            let since = now - SignedDuration::from_hours(6);
            let run = match look(client, store, scope, since, now).await {
                Ok(found) => LoopRun {
                    duration: started.elapsed(),
                    decided: found.missing as u64,
                    done: found.stored as u64,
                    refused: 0,
                    why: format!("{} deliveries compared, {} were missing", found.looked_at, found.missing),
                },
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "could not look for missed deliveries");
                    let why = format!("{error:#}");
                    LoopRun { duration: started.elapsed(), decided: 0, done: 0, refused: 1, why }
                }
            };
            app.loops().report("redeliver", run);
        }
    }
}
