//! The fleet's provider for EC2: one fleet in one region.
//!
//! All it must remember stands in tags, so a restarted control plane goes on where the last one ended. What is kept
//! in memory only saves calls: zones without capacity, images, machines too young to be listed.

mod config;
mod doctor;
mod images;
mod launch;
mod notices;
mod places;
mod secret;
mod spares;
mod start;
mod tags;
mod terminate;
mod upkeep;

pub use config::{Ec2Config, Reuse, SpareGoal, SpotApi, StartConfig, kind_of};
pub use doctor::Finding;

use crate::{
    Client, Error,
    api::{
        Filter,
        instances::{Instance, State as Life},
        launch::TemplateRef,
    },
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tags::Role;
use trunkline_fleet::provider::{self, ErrorClass, LaunchSpec, Machine, Notice, Provider, Upkeep};
use trunkline_model::{RunnerName, SharedClock};

/// A machine that was ordered may be missing in lists this long.
const LISTED_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// Orders that are done at the same time.
const PARALLEL: usize = 8;

/// See the [module](self). Clones share everything.
#[derive(Debug, Clone)]
pub struct Ec2Provider {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    config: Ec2Config,
    clock: SharedClock,
    state: Mutex<State>,
    places: tokio::sync::OnceCell<Vec<places::Place>>,
    /// Launches one after another when there is a cap: the cap holds.
    turn: tokio::sync::Mutex<()>,
}

/// What is kept in memory.
#[derive(Debug, Default)]
struct State {
    cooling: places::Cooling,
    /// Machines by type and zone.
    load: BTreeMap<(String, String), usize>,
    /// Machines that may not be listed yet.
    recent: HashMap<RunnerName, Recent>,
    /// Machines that we ended, which may still be listed.
    ended: HashMap<String, Timestamp>,
    images: HashMap<String, (Timestamp, crate::api::images::ImageInfo)>,
    templates: HashMap<String, TemplateRef>,
    /// Spare machines that an order is about to take.
    claimed: HashSet<String>,
}

#[derive(Debug, Clone)]
struct Recent {
    id: String,
    at: Timestamp,
}

impl Ec2Provider {
    /// A provider over a client.
    ///
    /// # Errors
    /// When the settings cannot be used; all problems are in the message.
    pub fn new(client: Client, config: Ec2Config, clock: SharedClock) -> Result<Self, provider::Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            let message = format!("provider `{}`: {}", config.name, problems.join("; "));
            return Err(provider::Error::new(ErrorClass::Config, message));
        }
        let (state, places, turn) = <_>::default();
        Ok(Self { inner: Arc::new(Inner { client, config, clock, state, places, turn }) })
    }

    /// Its settings.
    pub fn config(&self) -> &Ec2Config {
        &self.inner.config
    }

    /// Its client.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All machines of the fleet that exist, with spare ones and pets. Complete, or an error.
    async fn machines(&self) -> Result<Vec<Instance>, Error> {
        let there = [Life::Pending, Life::Running, Life::Stopping, Life::Stopped].map(Life::as_str);
        let mut filters = tags::of_fleet(self.config());
        filters.push(Filter::new("instance-state-name", there));
        let now = self.now();
        let mut all = self.client().instances(&filters).await?;
        // The list lags behind: what we ended a moment ago may still be in it.
        let mut state = self.state();
        state.ended.retain(|_, at| now.duration_since(*at) < LISTED_AFTER * 5);
        all.retain(|machine| machine.state.is_there() && !state.ended.contains_key(&machine.id));
        state.load.clear();
        for machine in &all {
            *state.load.entry((machine.instance_type.clone(), machine.zone.clone())).or_default() += 1;
        }
        drop(state);
        Ok(all)
    }

    /// Machines of runners by name, also those that lists do not show yet.
    async fn machines_of(&self, names: &[&RunnerName]) -> Result<HashMap<RunnerName, Vec<Instance>>, Error> {
        let mut found: HashMap<RunnerName, Vec<Instance>> = HashMap::new();
        // Amazon takes at most 200 values for a filter.
        for part in names.chunks(200) {
            let mut filters = tags::of_fleet(self.config());
            filters.push(Filter::tag(tags::RUNNER, part.iter().map(|name| name.as_str())));
            for machine in self.client().instances(&filters).await? {
                if let Some(Ok(name)) = machine.tag(tags::RUNNER).map(str::parse) {
                    found.entry(name).or_default().push(machine);
                }
            }
        }
        for name in names {
            let recent = self.state().recent.get(*name).cloned();
            let recent = recent.filter(|recent| self.now().duration_since(recent.at) < LISTED_AFTER);
            let known = found.get(*name).is_some_and(|found| !found.is_empty());
            let (id, ours) = match recent {
                Some(recent) if !known => (recent.id, true),
                // The other autoscaler's runners are named after their machine.
                None if !known && name.as_str().starts_with("i-") => (name.to_string(), false),
                _ => continue,
            };
            match self.client().instance(&id).await? {
                Some(machine) if ours => found.entry((*name).clone()).or_default().push(machine),
                Some(machine) => {
                    let theirs = tags::is_of_fleet(self.config(), &machine);
                    if theirs && machine.tag(tags::RUNNER).is_none() {
                        found.entry((*name).clone()).or_default().push(machine);
                    }
                }
                // Amazon answered the order and does not know the machine yet: it is not gone.
                None if ours => {
                    let why = format!("`{id}` was ordered a moment ago and is not known yet");
                    return Err(Error::unanswered("DescribeInstances", why));
                }
                None => {}
            }
        }
        let ended: HashSet<String> = self.state().ended.keys().cloned().collect();
        for machines in found.values_mut() {
            machines.retain(|machine| machine.state.is_there() && !ended.contains(&machine.id));
            machines.sort_by(|a, b| a.launched_at.cmp(&b.launched_at).then_with(|| a.id.cmp(&b.id)));
        }
        found.retain(|_, machines| !machines.is_empty());
        Ok(found)
    }

    fn remember(&self, name: &RunnerName, id: &str, instance_type: &str, zone: &str) {
        let at = self.now();
        let mut state = self.state();
        state.recent.retain(|_, recent| at.duration_since(recent.at) < LISTED_AFTER * 5);
        state.recent.insert(name.clone(), Recent { id: id.to_owned(), at });
        *state.load.entry((instance_type.to_owned(), zone.to_owned())).or_default() += 1;
    }
}

/// A machine as the fleet knows it.
fn as_machine(instance: &Instance, name: RunnerName) -> Machine {
    Machine { id: instance.id.clone(), name, started_at: instance.launched_at }
}

#[async_trait]
impl Provider for Ec2Provider {
    fn name(&self) -> &str {
        &self.config().name
    }

    fn capabilities(&self) -> provider::Capabilities {
        provider::Capabilities { max_machines: self.config().max_machines, launch_batch: 50 }
    }

    async fn list(&self) -> Result<Vec<Machine>, provider::Error> {
        let all = self.machines().await?;
        let mut listed: BTreeMap<RunnerName, Machine> = BTreeMap::new();
        for instance in &all {
            let Some(Role::Runner(name)) = tags::role(instance) else { continue };
            let machine = as_machine(instance, name.clone());
            let known = listed.entry(name).or_insert_with(|| machine.clone());
            // Of two of a name the older one counts; upkeep ends the other.
            if (machine.started_at, &machine.id) < (known.started_at, &known.id) {
                *known = machine;
            }
        }
        let now = self.now();
        let state = self.state();
        for (name, recent) in &state.recent {
            let young = now.duration_since(recent.at) < LISTED_AFTER;
            if young && !all.iter().any(|machine| machine.id == recent.id) {
                let machine =
                    Machine { id: recent.id.clone(), name: name.clone(), started_at: Some(recent.at) };
                listed.entry(name.clone()).or_insert(machine);
            }
        }
        Ok(listed.into_values().collect())
    }

    async fn launch(&self, orders: &[LaunchSpec]) -> Vec<Result<Machine, provider::Error>> {
        self.launch_all(orders).await
    }

    async fn terminate(&self, name: &RunnerName) -> Result<(), provider::Error> {
        self.terminate_runner(name).await.map_err(Into::into)
    }

    async fn notices(&self) -> Result<Vec<Notice>, provider::Error> {
        self.all_notices().await.map_err(Into::into)
    }

    async fn maintain(&self) -> Result<Upkeep, provider::Error> {
        self.upkeep().await.map_err(Into::into)
    }
}
