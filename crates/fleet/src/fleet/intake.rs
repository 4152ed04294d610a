//! From the event log to the job table.

use super::{
    COMMIT_ATTEMPTS, Error, Fleet,
    records::{write_entry, write_job},
};
use crate::{
    jobs::{fold, job_key},
    observe::job_seen,
};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use trunkline_github::webhook;
use trunkline_model::Job;
use trunkline_store::{Batch, CursorMove, Event};

/// The fleet's place in the event log.
pub(super) const CURSOR: &str = "fleet";
/// Kind of events that carry a job found by asking GitHub: the body is the job as `model` writes it.
pub const POLLED_JOB: &str = "job";
/// Source of such events.
pub const POLL_SOURCE: &str = "poll";

/// Events taken per step.
const EVENTS_PER_STEP: usize = 500;

/// What a step took in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IntakeStats {
    /// Events read.
    pub events: usize,
    /// Jobs that changed.
    pub jobs_changed: usize,
    /// Runners that changed.
    pub runners_changed: usize,
    /// Payloads that could not be read; passed over.
    pub skipped: usize,
    /// There may be more to read.
    pub more: bool,
}

impl Fleet {
    /// Takes the next events into the job table and the ledger, together with the cursor; nothing while another replica
    /// acts.
    ///
    /// # Errors
    /// When the store does not answer. A payload that cannot be read is counted and passed over.
    pub async fn step_intake(&self) -> Result<IntakeStats, Error> {
        if !self.hold().await? {
            return Ok(IntakeStats::default());
        }
        for _ in 0..COMMIT_ATTEMPTS {
            match self.intake_once().await {
                Err(Error::Store(trunkline_store::Error::Conflict { .. })) => self.reload_jobs().await?,
                other => return other,
            }
        }
        Err(Error::Contended(COMMIT_ATTEMPTS))
    }

    async fn intake_once(&self) -> Result<IntakeStats, Error> {
        let store = &self.0.store;
        let from = store.cursor(CURSOR).await?;
        let events = store.events(from, EVENTS_PER_STEP).await?;
        let Some(last) = events.last() else { return Ok(IntakeStats::default()) };
        let to = last.seq;
        let mut stats = IntakeStats {
            events: events.len(),
            more: events.len() == EVENTS_PER_STEP,
            ..IntakeStats::default()
        };
        let mut observed: Vec<(Job, Timestamp)> = vec![];
        for event in &events {
            match read_job(event) {
                Ok(Some(job)) if self.0.config.scope.covers(&job.repo) => {
                    observed.push((job, event.received_at));
                }
                Ok(_) => {}
                Err(error) => {
                    stats.skipped += 1;
                    tracing::warn!(event.seq = event.seq, error, "payload cannot be read; passed over");
                }
            }
        }
        let mut batch =
            Batch { cursor: Some(CursorMove { name: CURSOR.into(), from, to }), ..Batch::default() };
        let keys: BTreeSet<String> = observed.iter().map(|(job, _)| job_key(job)).collect();
        let documents = self.jobs(&keys.into_iter().collect::<Vec<_>>()).await?;
        let versions: HashMap<String, i64> = documents.iter().map(|(k, v)| (k.clone(), v.version)).collect();
        let mut known = documents.into_iter().map(|(key, document)| (key, document.value)).collect();
        let changed = fold(&mut known, observed.iter().map(|(job, _)| job.clone()));
        for (key, job) in &changed {
            write_job(&mut batch, key, job, versions.get(key).copied());
        }
        stats.jobs_changed = changed.len();
        stats.runners_changed = self.move_runners(&mut batch, changed.values()).await?;
        self.commit(batch).await?;

        let mut seen_at: HashMap<String, Timestamp> = HashMap::new();
        for (job, at) in &observed {
            let last = seen_at.entry(job_key(job)).or_insert(*at);
            *last = (*last).max(*at);
        }
        let mut state = self.state();
        for (key, at) in &seen_at {
            state.jobs.confirm(key, *at);
        }
        for (key, job) in &changed {
            state.jobs.put(job, seen_at.get(key).copied().unwrap_or(Timestamp::UNIX_EPOCH));
        }
        state.bad_payloads += stats.skipped as u64;
        Ok(stats)
    }

    /// Runners named by jobs become busy or finished.
    async fn move_runners<'a>(
        &self,
        batch: &mut Batch,
        jobs: impl Iterator<Item = &'a Job>,
    ) -> Result<usize, Error> {
        let by_runner: HashMap<String, &Job> =
            jobs.filter_map(|job| job.runner_name.clone().map(|name| (name, job))).collect();
        let mut names: Vec<String> = by_runner.keys().cloned().collect();
        names.sort_unstable();
        let mut changed = 0;
        for mut entry in self.entries(&names).await? {
            let Some(job) = by_runner.get(entry.value.runner.name.as_str()) else { continue };
            if job_seen(&mut entry.value, job, self.now()) {
                write_entry(batch, &entry.value, Some(entry.version));
                changed += 1;
            }
        }
        Ok(changed)
    }
}

/// The job an event speaks of, if it is about one.
fn read_job(event: &Event) -> Result<Option<Job>, String> {
    if event.source == POLL_SOURCE && event.kind == POLLED_JOB {
        return serde_json::from_slice(&event.body).map(Some).map_err(|error| error.to_string());
    }
    if event.kind != "workflow_job" {
        return Ok(None);
    }
    let delivery = webhook::parse(&event.kind, &event.body, event.received_at).map_err(|e| e.to_string())?;
    match delivery.event {
        webhook::Event::WorkflowJob(job) => Ok(Some(job)),
        _ => Ok(None),
    }
}
