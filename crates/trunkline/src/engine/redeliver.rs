//! Looks through GitHub's own record of deliveries for what never arrived, and stores it.
//!
//! GitHub never sends again by itself. A delivery is missing when its id is not in the log, whatever GitHub believes;
//! its payload is fetched with our credentials over TLS, so it needs no signature, and is stored under the same id: a
//! later redelivery of the same event is then a duplicate.

use crate::config::GitHub;
use anyhow::{Context, Result};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use trunkline_github::{
    Client,
    client::{self, DeliveryPage, Hook},
    deliveries::{Missing, Why, missing},
};
use trunkline_model::SharedClock;
use trunkline_server::{App, LoopRun, intake};
use trunkline_store::{NewEvent, Store};

/// The bounds of the product.
pub(crate) const BOUNDS: Bounds = Bounds { pages: 500, fetched: 1_000 };
/// How far back the first look after a start goes: all that GitHub keeps.
pub(crate) const FIRST: SignedDuration = SignedDuration::from_hours(72);
/// How much a look overlaps with the one before: attempts may enter GitHub's record late.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// How much one look at a webhook may cost. The next look goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Pages of GitHub's record, 100 attempts each.
    pages: usize,
    /// Payloads: each is a request.
    fetched: usize,
}

/// What one look found.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    /// Deliveries in GitHub's record.
    pub(crate) looked_at: usize,
    /// Of them, missing here.
    pub(crate) missing: usize,
    /// Of them, stored now.
    pub(crate) stored: usize,
    /// Of them, without a payload at GitHub: they cannot be had any more.
    pub(crate) lost: usize,
    /// Whether the record was read to its end; otherwise the next look goes on.
    pub(crate) complete: bool,
}

/// Whose records to look through: the webhooks that are named, or those of the Apps themselves.
pub(crate) fn hooks(github: &GitHub) -> Vec<Hook> {
    if github.hooks.is_empty() {
        github.apps.iter().map(|app| Hook::App(app.id.to_string())).collect()
    } else {
        github.hooks.clone()
    }
}

/// GitHub's record of one webhook's deliveries.
#[async_trait]
pub(crate) trait Record: Sync {
    /// One page of it, newest first.
    async fn page(&self, cursor: Option<&str>) -> Result<DeliveryPage>;

    /// What one attempt sent, as JSON text; nothing when GitHub has dropped it.
    async fn payload(&self, attempt: u64) -> Result<Option<Bytes>>;
}

/// The record of a webhook, asked by the client.
struct OfHook<'a>(&'a Client, &'a Hook);

#[async_trait]
impl Record for OfHook<'_> {
    async fn page(&self, cursor: Option<&str>) -> Result<DeliveryPage> {
        let page = self.0.hook_deliveries(self.1, cursor).await;
        page.with_context(|| format!("list the deliveries of {}", self.1))
    }

    async fn payload(&self, attempt: u64) -> Result<Option<Bytes>> {
        match self.0.hook_delivery(self.1, attempt).await {
            Ok(sent) => Ok(Some(sent.payload)),
            Err(client::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("fetch a missed delivery of {}", self.1)),
        }
    }
}

/// One look through one webhook's record. What it stored stays stored when it fails.
pub(crate) async fn look(
    client: &Client,
    store: &Store,
    hook: &Hook,
    since: Timestamp,
    now: Timestamp,
) -> Result<Found> {
    look_through(&OfHook(client, hook), store, since, now, BOUNDS).await
}

/// One look through any record.
pub(crate) async fn look_through(
    record: &impl Record,
    store: &Store,
    since: Timestamp,
    now: Timestamp,
    bounds: Bounds,
) -> Result<Found> {
    let mut found = Found::default();
    // Attempts of one delivery may stand on several pages.
    let mut known: HashSet<String> = HashSet::new();
    let mut cursor = None;
    for _ in 0..bounds.pages {
        let page = record.page(cursor.as_deref()).await?;
        let reached = page.deliveries.iter().any(|attempt| attempt.delivered_at < since);
        let mut attempts = page.deliveries;
        attempts.retain(|attempt| {
            attempt.delivered_at >= since && !known.contains(&attempt.guid.to_ascii_lowercase())
        });
        let guids: HashSet<String> =
            attempts.iter().map(|attempt| attempt.guid.to_ascii_lowercase()).collect();
        found.looked_at += guids.len();
        known.extend(guids.iter().cloned());
        let guids: Vec<String> = guids.into_iter().collect();
        let seen = store.seen_keys(intake::SOURCE, &guids).await?;
        // What is stored needs no repetition, even where GitHub never got our answer.
        for gap in missing(&attempts, &seen).into_iter().filter(|gap| gap.why == Why::NotSeen) {
            if found.missing == bounds.fetched {
                return Ok(found);
            }
            found.missing += 1;
            match fetch(record, gap, now).await? {
                Some(event) => {
                    let appended = store.append(vec![event]).await?;
                    found.stored += appended.iter().filter(|appended| !appended.duplicate).count();
                }
                None => found.lost += 1,
            }
        }
        cursor = page.next;
        if reached || cursor.is_none() {
            found.complete = true;
            return Ok(found);
        }
    }
    Ok(found)
}

/// A missed delivery as an event of the log; nothing when GitHub has dropped it.
async fn fetch(record: &impl Record, gap: Missing, now: Timestamp) -> Result<Option<NewEvent>> {
    let payload = record.payload(gap.attempt).await?.unwrap_or_default();
    if payload.is_empty() || payload.as_ref() == b"null" {
        tracing::warn!(delivery.guid = gap.guid, event.kind = gap.event, "GitHub has no payload of it");
        return Ok(None);
    }
    Ok(Some(NewEvent {
        source: intake::SOURCE.into(),
        kind: gap.event,
        dedupe_key: Some(gap.guid),
        received_at: now,
        headers: [("via".to_string(), "redeliver".to_string())].into(),
        body: payload,
    }))
}

/// Looks at all webhooks in turn and remembers how far it came.
#[derive(Debug)]
struct Looker<'a> {
    client: &'a Client,
    store: &'a Store,
    /// Each with the time of its last complete look.
    hooks: Vec<(Hook, Option<Timestamp>)>,
}

/// What a turn found over all webhooks, and what went wrong.
#[derive(Debug, Default)]
struct Turn {
    found: Found,
    errors: Vec<String>,
}

impl<'a> Looker<'a> {
    fn new(client: &'a Client, store: &'a Store, hooks: Vec<Hook>) -> Self {
        Self { client, store, hooks: hooks.into_iter().map(|hook| (hook, None)).collect() }
    }

    /// One webhook that fails does not keep the others from being looked at.
    async fn turn(&mut self, now: Timestamp) -> Turn {
        let mut turn = Turn { found: Found { complete: true, ..Found::default() }, errors: vec![] };
        for (hook, last) in &mut self.hooks {
            let oldest = now - FIRST;
            let since = last.map_or(oldest, |last| (last - OVERLAP).max(oldest));
            match look(self.client, self.store, hook, since, now).await {
                Ok(found) => {
                    if found.complete {
                        *last = Some(now);
                    }
                    let sum = &mut turn.found;
                    sum.looked_at += found.looked_at;
                    sum.missing += found.missing;
                    sum.stored += found.stored;
                    sum.lost += found.lost;
                    sum.complete &= found.complete;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "could not look for missed deliveries");
                    turn.errors.push(error);
                }
            }
        }
        turn
    }
}

impl Turn {
    fn report(self, duration: Duration) -> LoopRun {
        let Found { looked_at, missing, stored, lost, complete } = self.found;
        let mut why = format!("{looked_at} deliveries compared, {missing} were missing");
        if !complete {
            why.push_str("; the rest of the record in the next turn");
        }
        for error in &self.errors {
            why = format!("{why}; {error}");
        }
        LoopRun {
            duration,
            decided: missing as u64,
            done: stored as u64,
            refused: (lost + self.errors.len()) as u64,
            why,
        }
    }
}

/// Looks at the start, since it may follow an outage, and then again and again until shutdown.
pub(super) async fn run(
    github: &GitHub,
    client: Option<&Client>,
    store: &Store,
    clock: &SharedClock,
    app: &App,
    shutdown: &CancellationToken,
) {
    let hooks = hooks(github);
    let (Some(client), 1..) = (client, github.redeliver_minutes) else { return };
    if hooks.is_empty() {
        return;
    }
    let period = Duration::from_secs(60 * u64::from(github.redeliver_minutes));
    let mut looker = Looker::new(client, store, hooks);
    loop {
        let started = Instant::now();
        let Some(turn) = shutdown.run_until_cancelled(looker.turn(clock.now())).await else { return };
        app.loops().report("redeliver", turn.report(started.elapsed()));
        if shutdown.run_until_cancelled(tokio::time::sleep(period)).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
