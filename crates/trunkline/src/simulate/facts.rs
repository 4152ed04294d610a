//! What is true, in the world and in the product's eyes.

use super::system::SimSystem;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use trunkline_fleet::jobs::{JOB_RECORD, job_key};
use trunkline_model::{Job, JobId};
use trunkline_server::intake;
use trunkline_sim::scenario::{
    SystemFacts,
    system::{CallFact, JobRow, RunnerFact},
};
use trunkline_store::{EffectFilter, Store};
use trunkline_warehouse::Warehouse;

/// Records and events read per call.
const PAGE: usize = 500;

/// What was seen of the log so far: it only grows.
#[derive(Debug, Default)]
pub(super) struct LogFacts {
    after: i64,
    deliveries: HashMap<String, u64>,
}

impl LogFacts {
    async fn read_on(&mut self, store: &Store) -> Result<()> {
        loop {
            let events = store.events(self.after, PAGE).await?;
            let Some(last) = events.last() else { return Ok(()) };
            self.after = last.seq;
            for event in events {
                if let Some(key) = event.dedupe_key.filter(|_| event.source == intake::SOURCE) {
                    *self.deliveries.entry(key.to_ascii_lowercase()).or_default() += 1;
                }
            }
        }
    }
}

impl SimSystem {
    pub(super) async fn gather(&mut self) -> Result<SystemFacts> {
        let mut facts = self.world.with(|world| SystemFacts::of_world(world));
        let product = self.product.as_ref().context("the product is not running")?;
        self.runners(&mut facts);
        facts.calls = self.calls();
        facts.starts = self.starts;
        facts.most_machines = self.ground.cloud.most() as u64;
        facts.machines_allowed = Some(u64::from(self.ground.settings.max_runners));

        let known = known(&product.store).await?;
        for job in &mut facts.jobs {
            job.known = known.get(&job.id).map(|job| (job.status, job.conclusion));
        }
        self.warehouse(&product.warehouse, &mut facts).await?;

        let effects =
            product.store.effects(&EffectFilter { limit: 1_000_000, ..EffectFilter::default() }).await?;
        let unexplained = effects.iter().filter(|info| {
            info.effect.why.rule.trim().is_empty() || info.effect.why.summary.trim().is_empty()
        });
        facts.unexplained = unexplained.map(|info| info.effect.key.clone()).collect();
        facts.effects_pending = product.pending().await? as u64;
        // A runner that the ledger still has is work to come, though nothing is decided about it yet.
        facts.effects_pending += u64::try_from(product.runners().await?).unwrap_or(0);
        let last = *product.store.subscribe().borrow();
        let fleet = product.store.cursor("fleet").await?;
        let warehouse = product.store.cursor(trunkline_server::projector::CURSOR).await?;
        facts.events_behind = u64::try_from(last - fleet.min(warehouse)).unwrap_or(0);

        self.log.read_on(&product.store).await?;
        let deliveries = &self.log.deliveries;
        facts.stored_deliveries = deliveries.len() as u64;
        facts.stored_twice = deliveries.values().filter(|times| **times > 1).count() as u64;
        let lost = self.acknowledged.iter().filter(|guid| !deliveries.contains_key(*guid));
        facts.deliveries_lost = lost.cloned().collect();
        Ok(facts)
    }

    /// A runner is a name: registrations of cut-off launches and the machine belong together.
    fn runners(&self, facts: &mut SystemFacts) {
        let mut names: Vec<String> = vec![];
        let mut runners: HashMap<String, RunnerFact> = HashMap::new();
        for one in std::mem::take(&mut facts.runners) {
            match runners.get_mut(&one.name) {
                Some(known) => {
                    known.registered |= one.registered;
                    known.terminated_busy |= one.terminated_busy;
                    known.jobs.extend(one.jobs);
                }
                None => {
                    names.push(one.name.clone());
                    runners.insert(one.name.clone(), RunnerFact { machines: 0, ..one });
                }
            }
        }
        self.ground.cloud.look(|cloud| {
            let running: BTreeSet<_> = cloud.machines().map(|machine| machine.name.to_string()).collect();
            for (name, history) in cloud.histories() {
                let Some(runner) = runners.get_mut(name.as_str()) else { continue };
                runner.machines = history.launches;
                runner.running = running.contains(name.as_str());
                runner.terminated_busy |= history.terminated_busy;
            }
        });
        facts.runners = names.iter().filter_map(|name| runners.remove(name)).collect();
    }

    fn calls(&self) -> Vec<CallFact> {
        let mut calls: BTreeMap<(String, String), u64> = BTreeMap::new();
        for request in self.ground.client.api.requests().all() {
            *calls.entry((request.method, request.path)).or_default() += 1;
        }
        calls.into_iter().map(|((method, path), count)| CallFact { method, path, count }).collect()
    }

    async fn warehouse(&self, warehouse: &Warehouse, facts: &mut SystemFacts) -> Result<()> {
        let (repo, branch, shas, trunk) = self
            .world
            .with(|world| {
                let shas: BTreeSet<_> = world.jobs().map(|job| job.job.head_sha.clone()).collect();
                let repo = world.repo(&self.ground.repo)?;
                let trunk = repo.branches.get(&repo.default_branch);
                let trunk: Vec<_> = trunk.into_iter().flatten().map(|commit| commit.sha.clone()).collect();
                Some((repo.name.clone(), repo.default_branch.clone(), shas, trunk))
            })
            .context("the world lost its repository")?;
        let mut rows: HashMap<JobId, JobRow> = HashMap::new();
        for sha in &shas {
            for row in warehouse.commit_jobs(&repo, sha).await? {
                let begun = row.status.rank() > 0;
                rows.insert(
                    row.id,
                    JobRow {
                        status: row.status.as_str().into(),
                        conclusion: row.conclusion.map(|conclusion| conclusion.as_str().into()),
                        runner: row.runner_name,
                        started_ms: row.started_at.filter(|_| begun).map(jiff::Timestamp::as_millisecond),
                        completed_ms: row.completed_at.map(jiff::Timestamp::as_millisecond),
                    },
                );
            }
        }
        for job in &mut facts.jobs {
            job.row = rows.remove(&job.id);
        }
        let limit = u32::try_from(trunk.len()).unwrap_or(u32::MAX).max(1);
        let there = warehouse.commits(&repo, &branch, None, limit).await?;
        let there: BTreeSet<_> = there.iter().map(|row| row.sha.as_str()).collect();
        let missing = trunk.iter().filter(|sha| !there.contains(sha.as_str()));
        facts.commits_missing = missing.map(ToString::to_string).collect();
        Ok(())
    }
}

/// Jobs as the fleet knows them.
async fn known(store: &Store) -> Result<HashMap<JobId, Job>> {
    let (mut jobs, mut after) = (HashMap::new(), None::<String>);
    loop {
        let page = store.list_records(JOB_RECORD, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(jobs) };
        after = Some(last.id.clone());
        for record in page {
            let job: Job =
                serde_json::from_value(record.value).with_context(|| format!("read job `{}`", record.id))?;
            debug_assert_eq!(job_key(&job), record.id);
            jobs.insert(job.id, job);
        }
    }
}
