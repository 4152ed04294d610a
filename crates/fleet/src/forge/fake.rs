//! GitHub's runner registrations and jobs in memory, with switchable faults: for tests of the fleet's steps.

use super::{Error, Forge, JitConfig, Registered};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use trunkline_model::{Job, JobId, Label, RepoName, RunId, RunnerId, RunnerName};

/// Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct FakeForge(Arc<Mutex<State>>);

/// What it knows; tests change it as they like.
#[derive(Debug, Default)]
pub struct State {
    /// Registrations by id.
    pub runners: BTreeMap<RunnerId, Registered>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Every call fails.
    pub down: bool,
    /// Registrations made so far; the next id.
    pub registrations: u64,
    /// Registrations removed by a call.
    pub removals: u64,
}

impl FakeForge {
    /// The state.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state();
        if state.down { Err(Error::Transient("down by order".into())) } else { Ok(state) }
    }
}

#[async_trait]
impl Forge for FakeForge {
    async fn runners(&self) -> Result<Vec<Registered>, Error> {
        Ok(self.up()?.runners.values().cloned().collect())
    }

    async fn runner(&self, id: RunnerId) -> Result<Registered, Error> {
        self.up()?.runners.get(&id).cloned().ok_or(Error::NotFound)
    }

    async fn register(&self, name: &RunnerName, _: &[Label]) -> Result<JitConfig, Error> {
        let mut state = self.up()?;
        if state.runners.values().any(|runner| runner.name == name.as_str()) {
            return Err(Error::Conflict);
        }
        state.registrations += 1;
        let id = RunnerId(state.registrations);
        let runner = Registered { id, name: name.to_string(), online: false, busy: false };
        state.runners.insert(id, runner);
        Ok(JitConfig { runner_id: id, encoded: "jit".to_owned().into() })
    }

    async fn deregister(&self, id: RunnerId) -> Result<(), Error> {
        let mut state = self.up()?;
        match state.runners.get(&id) {
            None => Err(Error::NotFound),
            Some(runner) if runner.busy => Err(Error::Busy),
            Some(_) => {
                state.runners.remove(&id);
                state.removals += 1;
                Ok(())
            }
        }
    }

    async fn job(&self, repo: &RepoName, id: JobId) -> Result<Job, Error> {
        let state = self.up()?;
        state.jobs.iter().find(|job| job.id == id && job.repo.same(repo)).cloned().ok_or(Error::NotFound)
    }

    async fn queued_runs(&self, repo: &RepoName) -> Result<Vec<RunId>, Error> {
        let state = self.up()?;
        let queued = state.jobs.iter().filter(|job| job.status.rank() == 0 && job.repo.same(repo));
        let mut runs: Vec<RunId> = queued.map(|job| job.run_id).collect();
        runs.dedup();
        Ok(runs)
    }

    async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, Error> {
        let state = self.up()?;
        Ok(state.jobs.iter().filter(|job| job.run_id == run && job.repo.same(repo)).cloned().collect())
    }
}
