//! What the fleet looks like now, for pages and commands.

use super::{Error, Fleet, LeaseStatus, plan::queued_jobs};
use jiff::SignedDuration;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use trunkline_model::{JobId, RunnerName, RunnerState};

/// The fleet at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetStatus {
    /// Types with demand or supply, by name.
    pub labels: Vec<LabelStatus>,
    /// Live runners, oldest first.
    pub runners: Vec<RunnerStatus>,
    /// Sums.
    pub totals: Totals,
    /// Payloads passed over since the start.
    pub bad_payloads: u64,
    /// Which replica acts; absent until the first one did.
    pub lease: Option<LeaseStatus>,
    /// Launches wait until then, in RFC 3339.
    pub launches_held_until: Option<String>,
}

/// Demand and supply of one runner type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabelStatus {
    /// The type's name.
    pub label: String,
    /// Jobs that wait.
    pub queued: u32,
    /// How long the oldest of them waits.
    pub oldest_queued_seconds: Option<i64>,
    /// Decided, nothing done yet.
    pub planned: u32,
    /// Starting.
    pub booting: u32,
    /// Waiting for a job.
    pub idle: u32,
    /// With a job.
    pub busy: u32,
    /// Most at once; absent is unlimited.
    pub max: Option<u32>,
}

/// One runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunnerStatus {
    /// Name at GitHub.
    pub name: RunnerName,
    /// Type.
    #[serde(rename = "type")]
    pub runner_type: String,
    /// Where it stands.
    pub state: RunnerState,
    /// Who runs it.
    pub provider: String,
    /// Its job.
    pub job: Option<JobId>,
    /// Seconds since it was decided.
    pub age_seconds: i64,
    /// Why it stands where it stands.
    pub reason: String,
}

/// Sums over all types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Jobs that wait for runners of ours.
    pub queued: u32,
    /// Planned or starting.
    pub booting: u32,
    /// Waiting for a job.
    pub idle: u32,
    /// With a job.
    pub busy: u32,
}

/// How old the jobs may be that a replica shows while it stands by.
const FOLLOW: SignedDuration = SignedDuration::from_secs(2);

impl Fleet {
    /// A replica that stands by reads what the other one wrote, but not for every question.
    async fn follow_jobs(&self) -> Result<(), Error> {
        let now = self.now();
        let read_at = self.state().jobs_read_at;
        if read_at.is_none_or(|at| now.duration_since(at) >= FOLLOW) {
            self.reload_jobs().await?;
        }
        Ok(())
    }

    /// Returns the present state.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn status(&self) -> Result<FleetStatus, Error> {
        if !self.is_holder() {
            self.follow_jobs().await?;
        }
        let lease = self.lease_status().await?;
        let mut entries: Vec<_> =
            self.ledger().await?.into_iter().map(|entry| Arc::unwrap_or_clone(entry).value).collect();
        entries.sort_by(|a, b| {
            (a.runner.planned_at, &a.runner.name).cmp(&(b.runner.planned_at, &b.runner.name))
        });
        let now = self.now();
        let state = self.state();
        let mut labels: BTreeMap<String, LabelStatus> = BTreeMap::new();
        let mut totals = Totals::default();
        for job in queued_jobs(self, &state) {
            let label = labels.entry(job.runner_type).or_default();
            let waits = now.duration_since(job.queued_at).as_secs().max(0);
            label.queued += 1;
            label.oldest_queued_seconds = label.oldest_queued_seconds.max(Some(waits));
            totals.queued += 1;
        }
        for entry in &entries {
            let label = labels.entry(entry.runner.runner_type.clone()).or_default();
            let (own, total) = match entry.runner.state {
                RunnerState::Planned => (&mut label.planned, &mut totals.booting),
                RunnerState::Booting => (&mut label.booting, &mut totals.booting),
                RunnerState::Idle => (&mut label.idle, &mut totals.idle),
                RunnerState::Busy => (&mut label.busy, &mut totals.busy),
                RunnerState::Finished | RunnerState::Gone => continue,
            };
            *own += 1;
            *total += 1;
        }
        for (name, label) in &mut labels {
            label.label.clone_from(name);
            label.max = state.scale.get(name).and_then(|kind| kind.max_available);
        }
        let runners = entries.into_iter().map(|entry| RunnerStatus {
            name: entry.runner.name,
            runner_type: entry.runner.runner_type,
            state: entry.runner.state,
            provider: entry.runner.provider,
            job: entry.runner.job,
            age_seconds: now.duration_since(entry.runner.planned_at).as_secs().max(0),
            reason: entry.runner.reason,
        });
        Ok(FleetStatus {
            labels: labels.into_values().collect(),
            runners: runners.collect(),
            totals,
            bad_payloads: state.bad_payloads,
            lease,
            launches_held_until: state.hold_launches_until.filter(|at| *at > now).map(|at| at.to_string()),
        })
    }
}
