//! Looks through GitHub's own record of deliveries for what never arrived, and stores it.
//!
//! GitHub never sends again by itself. A delivery is missing when its id is not in the log; its payload is fetched
//! with our credentials over TLS, so it needs no signature, and is stored under the same id: a later redelivery of
//! the same event is then a duplicate.

use crate::config::GitHub;
use anyhow::{Context, Result};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use trunkline_github::{Client, client::HookScope};
use trunkline_model::SharedClock;
use trunkline_server::{App, LoopRun, intake};
use trunkline_store::{NewEvent, Store};

/// Attempts looked at in one turn, per hook.
const LIMIT: usize = 5_000;

/// How far back a look goes: far beyond the look before, so that a longer outage of ours heals too.
pub(crate) const LOOK_BACK: SignedDuration = SignedDuration::from_hours(6);

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
pub(crate) fn scopes(github: &GitHub) -> Vec<HookScope> {
    let hooks: Vec<HookScope> =
        github.hooks.iter().map(|(repo, hook)| HookScope::Repo(repo.clone(), *hook)).collect();
    if hooks.is_empty() && github.app.is_some() { vec![HookScope::App] } else { hooks }
}

/// One attempt of a delivery, as GitHub recorded it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// Id of the attempt.
    pub(crate) id: u64,
    /// Id of the delivery; attempts share it.
    pub(crate) guid: String,
    /// The event's name.
    pub(crate) event: String,
}

/// GitHub's record of one hook's deliveries.
#[async_trait]
pub(crate) trait Record: Sync {
    /// Attempts since a time.
    async fn attempts(&self, since: Timestamp) -> Result<Vec<Attempt>>;
    /// The payload of one attempt, as JSON text.
    async fn payload(&self, attempt: u64) -> Result<String>;
}

/// A record, asked by the client.
pub(crate) struct OfClient<'a>(pub(crate) &'a Client, pub(crate) &'a HookScope);

#[async_trait]
impl Record for OfClient<'_> {
    async fn attempts(&self, since: Timestamp) -> Result<Vec<Attempt>> {
        let all = self.0.deliveries(self.1, since, LIMIT).await?;
        let attempts = all.into_iter().map(|one| Attempt { id: one.id, guid: one.guid, event: one.event });
        Ok(attempts.collect())
    }

    async fn payload(&self, attempt: u64) -> Result<String> {
        Ok(self.0.delivery_payload(self.1, attempt).await?)
    }
}

/// One look through one record.
pub(crate) async fn look(
    record: &impl Record,
    store: &Store,
    since: Timestamp,
    now: Timestamp,
) -> Result<Found> {
    let attempts = record.attempts(since).await.context("list GitHub's deliveries")?;
    // Attempts of one delivery share the guid; any of them has the payload.
    let by_guid: BTreeMap<String, _> =
        attempts.into_iter().map(|attempt| (attempt.guid.to_ascii_lowercase(), attempt)).collect();
    let guids: Vec<String> = by_guid.keys().cloned().collect();
    let seen: HashSet<String> = store.seen_keys(intake::SOURCE, &guids).await?;
    let missing = by_guid.iter().filter(|(guid, _)| !seen.contains(*guid));
    let mut found = Found { looked_at: guids.len(), missing: guids.len() - seen.len(), stored: 0 };
    for (guid, attempt) in missing {
        let payload = record.payload(attempt.id).await.context("fetch a missed delivery")?;
        let headers = [("via".to_string(), "redeliver".to_string())].into();
        let event = NewEvent {
            source: intake::SOURCE.into(),
            kind: attempt.event.clone(),
            dedupe_key: Some(guid.clone()),
            received_at: now,
            headers,
            body: payload.into_bytes().into(),
        };
        found.stored +=
            store.append(vec![event]).await?.iter().filter(|appended| !appended.duplicate).count();
    }
    Ok(found)
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
            let since = now - LOOK_BACK;
            let run = match look(&OfClient(client, scope), store, since, now).await {
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
