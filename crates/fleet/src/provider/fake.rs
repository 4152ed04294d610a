//! A provider in memory with switchable faults, for tests and simulations.

use super::{Capabilities, Error, ErrorClass, LaunchSpec, Machine, Notice, Provider};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use trunkline_model::RunnerName;

/// Machines that are names in a map. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct FakeProvider(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    machines: BTreeMap<RunnerName, Machine>,
    limit: Option<u32>,
    fail_list: Option<ErrorClass>,
    fail_launch: Option<ErrorClass>,
    launches: u32,
    terminations: u32,
    notices: Vec<Notice>,
}

impl FakeProvider {
    /// A provider that refuses to run more than `limit` machines.
    pub fn with_limit(limit: u32) -> Self {
        let provider = Self::default();
        provider.state().limit = Some(limit);
        provider
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every list fail, or no longer.
    pub fn fail_list(&self, class: Option<ErrorClass>) {
        self.state().fail_list = class;
    }

    /// Makes every launch fail, or no longer.
    pub fn fail_launch(&self, class: Option<ErrorClass>) {
        self.state().fail_launch = class;
    }

    /// Says this of its machines from now on.
    pub fn say(&self, notices: Vec<Notice>) {
        self.state().notices = notices;
    }

    /// A machine ends by itself.
    pub fn end(&self, name: &RunnerName) {
        self.state().machines.remove(name);
    }

    /// Names of all machines.
    pub fn names(&self) -> Vec<RunnerName> {
        self.state().machines.keys().cloned().collect()
    }

    /// Machines started and stopped so far.
    pub fn counts(&self) -> (u32, u32) {
        let state = self.state();
        (state.launches, state.terminations)
    }
}

#[async_trait]
impl Provider for FakeProvider {
    fn name(&self) -> &str {
        "fake"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_machines: self.state().limit, launch_batch: 100 }
    }

    async fn list(&self) -> Result<Vec<Machine>, Error> {
        let state = self.state();
        match state.fail_list {
            Some(class) => Err(Error::new(class, "list fails by order")),
            None => Ok(state.machines.values().cloned().collect()),
        }
    }

    async fn launch(&self, orders: &[LaunchSpec]) -> Vec<Result<Machine, Error>> {
        let mut state = self.state();
        let mut answers = vec![];
        for order in orders {
            if let Some(machine) = state.machines.get(&order.name) {
                answers.push(Ok(machine.clone()));
                continue;
            }
            if let Some(class) = state.fail_launch {
                answers.push(Err(Error::new(class, "launch fails by order")));
                continue;
            }
            if state.limit.is_some_and(|limit| state.machines.len() >= limit as usize) {
                answers.push(Err(Error::new(ErrorClass::Quota, "all machines are in use")));
                continue;
            }
            let id = format!("fake-{}", order.name);
            let machine = Machine { id, name: order.name.clone(), started_at: None };
            state.machines.insert(order.name.clone(), machine.clone());
            state.launches += 1;
            answers.push(Ok(machine));
        }
        answers
    }

    async fn notices(&self) -> Result<Vec<Notice>, Error> {
        let state = self.state();
        match state.fail_list {
            Some(class) => Err(Error::new(class, "set to fail")),
            None => Ok(state.notices.clone()),
        }
    }

    async fn terminate(&self, name: &RunnerName) -> Result<(), Error> {
        let mut state = self.state();
        if state.machines.remove(name).is_some() {
            state.terminations += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_fake_keeps_the_contract() {
        crate::provider::contract::check(&FakeProvider::with_limit(3), 3).await.unwrap();
    }
}
