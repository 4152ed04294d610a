//! Desired against actual: asks GitHub and the provider, corrects the ledger, and heals lost webhooks by putting
//! what it finds into the event log.

use super::{
    Error, Fleet, Scope,
    intake::{POLL_SOURCE, POLLED_JOB},
    records::{Versioned, write_entry},
};
use crate::{
    forge::{self, Registered},
    jobs::job_key,
    ledger::{Entry, PAST_RUNNER_RECORD},
    observe::{Answer, Look, looked},
    planner::{TERMINATE, TerminateOrder},
    provider::Machine,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};
use trunkline_model::{Evidence, Job, RepoName, RunnerState};
use trunkline_store::{Batch, NewEffect, NewEvent};

/// What a step found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconcileStats {
    /// Runners looked at.
    pub runners: usize,
    /// Ledger entries that changed.
    pub changed: usize,
    /// Machines and registrations of ours without a ledger entry.
    pub orphans: usize,
    /// Jobs asked for one by one.
    pub jobs_checked: usize,
    /// Observations put into the event log because a webhook seems to be missing.
    pub healed: usize,
    /// Sides that did not answer; what depends on them stays unknown.
    pub unanswered: Vec<String>,
}

/// Entries written per commit.
const LOOKS_PER_COMMIT: usize = 200;

/// What a look made of an entry.
#[derive(Debug)]
struct Seen {
    next: Entry,
    version: i64,
    changed: bool,
}

impl Fleet {
    /// Compares once; nothing while another replica acts. Meant to be called every [`super::FleetConfig::reconcile_period`].
    ///
    /// # Errors
    /// When the store does not answer. GitHub or the provider not answering is no error but a fact.
    pub async fn step_reconcile(&self) -> Result<ReconcileStats, Error> {
        let mut stats = ReconcileStats::default();
        if !self.hold().await? {
            return Ok(stats);
        }
        // The ledger first: what is launched after this is not in it and is not judged. All of it anew, so that what others
        // wrote (a person's drain at another replica) is seen.
        let ledger = self.reread_ledger().await?;
        let registered = self.0.forge.runners().await;
        let machines = self.0.provider.list().await;
        let registered: Option<HashMap<String, Registered>> = match registered {
            Ok(list) => Some(list.into_iter().map(|runner| (runner.name.clone(), runner)).collect()),
            Err(error) => {
                stats.unanswered.push(format!("GitHub's runners: {error}"));
                None
            }
        };
        let machines: Option<BTreeMap<String, Machine>> = match machines {
            Ok(list) => Some(list.into_iter().map(|machine| (machine.name.to_string(), machine)).collect()),
            Err(error) => {
                stats.unanswered.push(format!("provider `{}`: {error}", self.0.provider.name()));
                None
            }
        };
        let mut seen = vec![];
        for entry in &ledger {
            stats.runners += 1;
            if let Some(look) = self.look_at(entry, registered.as_ref(), machines.as_ref()).await {
                seen.push(look);
            }
            if seen.len() == LOOKS_PER_COMMIT {
                stats.changed += self.write_looks(std::mem::take(&mut seen)).await?;
            }
        }
        stats.changed += self.write_looks(seen).await?;
        if let (Some(registered), Some(machines)) = (&registered, &machines) {
            self.stop_orphans(&ledger, registered, machines, &mut stats).await?;
        }
        self.check_jobs(&mut stats).await?;
        self.poll_runs(&mut stats).await?;
        self.state().reconciled_at = Some(self.now());
        Ok(stats)
    }

    /// Takes one look; what it changed comes out.
    async fn look_at(
        &self,
        entry: &Versioned<Entry>,
        registered: Option<&HashMap<String, Registered>>,
        machines: Option<&BTreeMap<String, Machine>>,
    ) -> Option<Seen> {
        let name = entry.value.runner.name.as_str();
        let by_id;
        let registration = match registered.map(|list| list.get(name)) {
            None => Answer::Unknown,
            Some(Some(runner)) => Answer::Present(runner),
            // With churn a runner can slip between pages: its absence counts only when asked by id.
            Some(None) => match entry.value.runner.runner_id {
                None => Answer::Absent,
                Some(id) => match self.0.forge.runner(id).await {
                    Ok(runner) => {
                        by_id = runner;
                        Answer::Present(&by_id)
                    }
                    Err(forge::Error::NotFound) => Answer::Absent,
                    Err(_) => Answer::Unknown,
                },
            },
        };
        let machine = match machines.map(|list| list.get(name)) {
            None => Answer::Unknown,
            Some(Some(machine)) => Answer::Present(machine),
            Some(None) => Answer::Absent,
        };
        let mut next = entry.value.clone();
        // A fifth of the time to boot is plenty between decision and machine.
        let launch_grace = self.0.config.boot_timeout / 5;
        let changed = looked(&mut next, Look { registration, machine, at: self.now(), launch_grace });
        if let Some(at) = next.seen_at
            && (Entry { seen_at: entry.value.seen_at, ..next.clone() }) == entry.value
        {
            self.state().ledger.see(name, entry.version, at);
            return None;
        }
        (next != entry.value).then_some(Seen { next, version: entry.version, changed })
    }

    /// Writes what was seen; entries that others changed meanwhile are left for the next step.
    async fn write_looks(&self, seen: Vec<Seen>) -> Result<usize, Error> {
        if seen.is_empty() {
            return Ok(0);
        }
        let commit = async |looks: &[Seen]| {
            let mut batch = Batch::default();
            for look in looks {
                write_entry(&mut batch, &look.next, Some(look.version));
            }
            match self.commit(batch).await {
                Ok(_) => Ok(Some(looks.iter().filter(|look| look.changed).count())),
                Err(Error::Store(trunkline_store::Error::Conflict { .. })) => Ok(None),
                Err(error) => Err(error),
            }
        };
        if let Some(changed) = commit(&seen).await? {
            return Ok(changed);
        }
        // One of them moved: each alone.
        let mut changed = 0;
        for look in seen.chunks(1) {
            changed += commit(look).await?.unwrap_or(0);
        }
        Ok(changed)
    }

    /// Machines of our names that neither ledger nor GitHub knows are stopped; stray registrations are removed.
    async fn stop_orphans(
        &self,
        ledger: &[Arc<Versioned<Entry>>],
        registered: &HashMap<String, Registered>,
        machines: &BTreeMap<String, Machine>,
        stats: &mut ReconcileStats,
    ) -> Result<(), Error> {
        let prefix = format!("{}-", self.0.config.name_prefix);
        let known: HashSet<&str> = ledger.iter().map(|entry| entry.value.runner.name.as_str()).collect();
        for (name, machine) in machines {
            if known.contains(name.as_str()) || registered.contains_key(name) || !name.starts_with(&prefix) {
                continue;
            }
            // The ledger was read before the list: ask again for a runner launched in between.
            if self.entry(name).await?.is_some() {
                continue;
            }
            if !self.hold().await? {
                return Ok(());
            }
            stats.orphans += 1;
            let reason = format!("machine `{name}` has no ledger entry and no registration");
            tracing::warn!(runner.name = name, "{reason}; it is stopped");
            if let Err(error) = self.0.provider.terminate(&machine.name).await {
                stats.unanswered.push(format!("stop orphan `{name}`: {error}"));
            }
        }
        // Registrations that outlived their ledger entry; only names this fleet issued, never anybody else's.
        let strays = registered.values().filter(|runner| {
            let known = known.contains(runner.name.as_str());
            !known && !runner.online && !runner.busy && runner.name.starts_with(&prefix)
        });
        let strays: BTreeMap<String, &Registered> = strays.map(|stray| (stray.name.clone(), stray)).collect();
        let names: Vec<String> = strays.keys().cloned().collect();
        for past in self.0.store.records(PAST_RUNNER_RECORD, &names).await? {
            if let Some(stray) = strays.get(&past.id) {
                stats.orphans += 1;
                if let Err(error) = self.0.forge.deregister(stray.id).await {
                    stats.unanswered.push(format!("remove stray registration `{}`: {error}", past.id));
                }
            }
        }
        Ok(())
    }

    /// Asks for jobs that no webhook spoke of for long: a lost `completed` heals.
    async fn check_jobs(&self, stats: &mut ReconcileStats) -> Result<(), Error> {
        let config = &self.0.config;
        let (now, after) = (self.now(), config.confirm_jobs_after);
        let old = self.state().jobs.unconfirmed(now, after, config.job_lookups_per_step);
        let mut found = vec![];
        for job in old {
            stats.jobs_checked += 1;
            match self.0.forge.job(&job.repo, job.id).await {
                Ok(seen) => {
                    self.state().jobs.confirm(&job_key(&job), self.now());
                    found.push((job, seen));
                }
                Err(forge::Error::NotFound) => {
                    // Deleted with its run: nobody will ever run it.
                    let mut seen = job.clone();
                    seen.status = trunkline_model::JobStatus::Completed;
                    seen.conclusion = Some(trunkline_model::Conclusion::Stale);
                    seen.completed_at = Some(self.now());
                    found.push((job, seen));
                }
                Err(error) => {
                    stats.unanswered.push(format!("job {} of {}: {error}", job.id, job.repo));
                    break;
                }
            }
        }
        let news: Vec<Job> = found
            .into_iter()
            .filter_map(|(known, seen)| {
                let mut after = known;
                (after.apply(&seen) == trunkline_model::Applied::Changed).then_some(seen)
            })
            .collect();
        self.heal(news, stats).await
    }

    /// Lists queued runs: a lost `queued` heals.
    async fn poll_runs(&self, stats: &mut ReconcileStats) -> Result<(), Error> {
        let repositories: Vec<RepoName> = match &self.0.config.scope {
            Scope::Repository(repo) if self.0.config.poll_repositories.is_empty() => vec![repo.clone()],
            _ => self.0.config.poll_repositories.clone(),
        };
        let mut seen = vec![];
        for repo in repositories {
            let runs = match self.0.forge.queued_runs(&repo).await {
                Ok(runs) => runs,
                Err(error) => {
                    stats.unanswered.push(format!("queued runs of {repo}: {error}"));
                    continue;
                }
            };
            for run in runs {
                match self.0.forge.run_jobs(&repo, run).await {
                    Ok(jobs) => seen.extend(jobs),
                    Err(forge::Error::NotFound) => {}
                    Err(error) => {
                        stats.unanswered.push(format!("jobs of run {run} of {repo}: {error}"));
                        break;
                    }
                }
            }
        }
        let keys: Vec<String> = seen.iter().map(job_key).collect();
        let known = self.jobs(&keys).await?;
        let news: Vec<Job> = seen
            .into_iter()
            .filter(|job| match known.get(&job_key(job)) {
                None => true,
                Some(known) => job.status.rank() > known.value.status.rank(),
            })
            .collect();
        self.heal(news, stats).await
    }

    /// Puts observations into the event log, from where every consumer gets them.
    async fn heal(&self, jobs: Vec<Job>, stats: &mut ReconcileStats) -> Result<(), Error> {
        if jobs.is_empty() {
            return Ok(());
        }
        let events = jobs.into_iter().filter_map(|job| {
            Some(NewEvent {
                source: POLL_SOURCE.into(),
                kind: POLLED_JOB.into(),
                dedupe_key: Some(format!("job:{}:{}", job_key(&job), job.version())),
                received_at: self.now(),
                headers: [("action".to_owned(), job.status.as_str().to_owned())].into(),
                body: serde_json::to_vec(&job).ok()?.into(),
            })
        });
        let appended = self.0.store.append(events.collect()).await?;
        stats.healed += appended.iter().filter(|event| !event.duplicate).count();
        Ok(())
    }

    /// Orders the end of a runner by a person's wish; refuses a busy one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn drain(&self, name: &str, who: &str) -> Result<bool, Error> {
        let Some(mut entry) = self.entry(name).await? else { return Ok(false) };
        if entry.value.may_be_busy()
            || entry.value.terminating
            || entry.value.runner.state > RunnerState::Busy
        {
            return Ok(false);
        }
        let reason = format!("`{who}` asked for its end");
        let order = TerminateOrder { name: entry.value.runner.name.clone(), reason: reason.clone() };
        let mut batch = Batch::default();
        batch.outbox.push(NewEffect {
            kind: TERMINATE.into(),
            key: format!("{TERMINATE}:{name}:{}", entry.value.terminations),
            payload: serde_json::to_value(order).unwrap_or_default(),
            why: Evidence::new("fleet.terminate.operator", reason).input("operator", who),
            not_before: None,
        });
        entry.value.terminating = true;
        entry.value.terminations += 1;
        write_entry(&mut batch, &entry.value, Some(entry.version));
        // A person's wish may reach any replica: the version guards it, not the lease.
        let done = self.0.store.commit(batch).await;
        self.state().ledger.touch(vec![name.to_owned()]);
        done?;
        Ok(true)
    }
}
