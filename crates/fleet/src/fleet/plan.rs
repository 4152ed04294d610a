//! From facts to intentions: the planner's actions become ledger entries and outbox effects in one commit.

use super::{COMMIT_ATTEMPTS, Error, Fleet, Scope, records::write_entry};
use crate::{
    labels::{Choice, choose},
    ledger::Entry,
    planner::{self, Glance, LAUNCH, LaunchOrder, QueuedJob, TerminateOrder, TypePlan},
};
use std::collections::HashMap;
use trunkline_model::{Action, Label};
use trunkline_store::{Batch, NewEffect};

/// What a step decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanStats {
    /// Launches decided.
    pub launches: usize,
    /// Terminations decided.
    pub terminations: usize,
    /// Waiting jobs of ours.
    pub queued: usize,
}

impl Fleet {
    /// Decides launches and terminations and stores them; nothing outside happens yet, and nothing at all while another
    /// replica acts.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn step_plan(&self) -> Result<PlanStats, Error> {
        if !self.hold().await? {
            return Ok(PlanStats::default());
        }
        for _ in 0..COMMIT_ATTEMPTS {
            match self.plan_once().await {
                Err(Error::Store(trunkline_store::Error::Conflict { .. })) => {}
                other => return other,
            }
        }
        Err(Error::Contended(COMMIT_ATTEMPTS))
    }

    async fn plan_once(&self) -> Result<PlanStats, Error> {
        let ledger = self.ledger().await?;
        let config = self.planner_config();
        let (queued, hold_launches_until, mut rng) = {
            let mut state = self.state();
            let rng = state.rng.fork();
            (queued_jobs(self, &state), state.hold_launches_until, rng)
        };
        let mut stats = PlanStats { queued: queued.len(), ..PlanStats::default() };
        let runners = ledger.iter().map(|entry| &entry.value).collect();
        let facts = Glance { queued: &queued, runners, hold_launches_until };
        let actions = planner::decide(facts, &config, self.now(), &mut rng);
        if actions.is_empty() {
            return Ok(stats);
        }
        let mut batch = Batch::default();
        for action in actions {
            if action.kind == LAUNCH {
                let Ok(order) = serde_json::from_value::<LaunchOrder>(action.payload.clone()) else {
                    continue;
                };
                write_entry(&mut batch, &Entry::planned(order.runner), None);
                stats.launches += 1;
            } else {
                let Ok(order) = serde_json::from_value::<TerminateOrder>(action.payload.clone()) else {
                    continue;
                };
                let place = ledger.binary_search_by(|entry| entry.value.runner.name.cmp(&order.name));
                let Some(entry) = place.ok().and_then(|at| ledger.get(at)) else { continue };
                let mut leaving = entry.value.clone();
                leaving.terminating = true;
                leaving.terminations += 1;
                leaving.runner.reason.clone_from(&order.reason);
                write_entry(&mut batch, &leaving, Some(entry.version));
                stats.terminations += 1;
            }
            let Action { kind, key, payload, why } = action;
            batch.outbox.push(NewEffect { kind, key, payload, why, not_before: None });
        }
        self.commit(batch).await?;
        Ok(stats)
    }

    fn planner_config(&self) -> planner::Config {
        let config = &self.0.config;
        let scale = self.scale_config();
        let types = scale.types().iter().map(|kind| {
            let mut labels: Vec<Label> = kind.registration_labels();
            for extra in &config.extra_labels {
                if !labels.iter().any(|label| label.same(extra)) {
                    labels.push(extra.clone());
                }
            }
            let min = kind.min_available.unwrap_or(config.default_min_available);
            (kind.name.clone(), TypePlan { min, max: kind.max_available, labels })
        });
        let limit = self.0.provider.capabilities().max_machines.unwrap_or(u32::MAX);
        planner::Config {
            types: types.collect(),
            provider: self.0.provider.name().into(),
            repo: match &config.scope {
                Scope::Repository(repo) => Some(repo.clone()),
                Scope::Organization(_) => None,
            },
            max_runners: config.max_runners.min(limit),
            launches_per_step: config.launches_per_step,
            boot_timeout: config.boot_timeout,
            idle_grace: config.idle_grace,
            finish_grace: config.finish_grace,
            max_observation_age: config.reconcile_period.saturating_mul(3),
            name_prefix: config.name_prefix.clone(),
        }
    }
}

/// Waiting jobs that our runners can take, with their types.
pub(super) fn queued_jobs(fleet: &Fleet, state: &super::State) -> Vec<QueuedJob> {
    let extra = &fleet.0.config.extra_labels;
    let ours = state.jobs.queued().filter(|job| fleet.0.config.scope.covers(&job.repo));
    // Thousands of jobs ask for a few dozen combinations of labels: each is matched once.
    let mut chosen: HashMap<&[Label], Option<&str>> = HashMap::new();
    ours.filter_map(|job| {
        let choice =
            chosen.entry(&job.labels).or_insert_with(|| match choose(&state.scale, &job.labels, extra) {
                Choice::Type { runner_type, .. } => Some(&runner_type.name),
                _ => None,
            });
        Some(QueuedJob {
            repo: job.repo.clone(),
            id: job.id,
            runner_type: (*choice)?.to_owned(),
            queued_at: job.created_at,
        })
    })
    .collect()
}
