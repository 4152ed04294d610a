//! Machines that exist in virtual time only: launched, booted, connected, gone. Pure, like the world.

use crate::{jit::Jit, world::World};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use trunkline_model::{Rng, RunnerId, RunnerName};

/// What a cloud is like.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudConfig {
    /// Decides which launches and boots fail.
    pub seed: u64,
    /// From launch until the runner is online.
    pub boot: SignedDuration,
    /// Most machines at once.
    pub capacity: usize,
    /// Part of the launches that fail at once.
    pub launch_failures: f64,
    /// Part of the machines that start and never come online.
    pub boot_failures: f64,
}

impl Default for CloudConfig {
    fn default() -> Self {
        let boot = SignedDuration::from_secs(45);
        Self { seed: 1, boot, capacity: 10_000, launch_failures: 0.0, boot_failures: 0.0 }
    }
}

/// Why a machine was not launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// No room for another.
    #[error("the cloud has no capacity left")]
    Capacity,
    /// Bad luck: another try may do.
    #[error("the cloud failed to launch the machine")]
    Transient,
    /// The runner could never start.
    #[error("the JIT configuration is unreadable")]
    Config,
}

/// A running machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The cloud's id.
    pub id: String,
    /// The runner it is for.
    pub name: RunnerName,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// When its runner connects; `None` when it never will.
    boots_at: Option<Timestamp>,
    /// Set once it tried to connect.
    connected: Option<RunnerId>,
    jit: Jit,
}

/// All that ever ran under a runner's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineHistory {
    /// Machines that were started.
    pub launches: u64,
    /// Whether one was terminated while its runner had a job.
    pub terminated_busy: bool,
}

/// A cloud.
#[derive(Debug)]
pub struct SimCloud {
    config: CloudConfig,
    rng: Rng,
    next: u64,
    machines: BTreeMap<RunnerName, Machine>,
    histories: BTreeMap<RunnerName, MachineHistory>,
}

impl SimCloud {
    /// An empty cloud.
    pub fn new(config: CloudConfig) -> Self {
        let rng = Rng::from_seed(config.seed);
        Self { config, rng, next: 1, machines: BTreeMap::new(), histories: BTreeMap::new() }
    }

    /// Launches a machine for a runner; a name that runs already is answered with its machine.
    ///
    /// # Errors
    /// No capacity, or a set failure.
    pub fn launch(&mut self, name: &RunnerName, jit: &str, now: Timestamp) -> Result<Machine, LaunchError> {
        if let Some(machine) = self.machines.get(name) {
            return Ok(machine.clone());
        }
        let jit = Jit::decode(jit).map_err(|_| LaunchError::Config)?;
        if self.machines.len() >= self.config.capacity {
            return Err(LaunchError::Capacity);
        }
        if self.rng.chance(self.config.launch_failures) {
            return Err(LaunchError::Transient);
        }
        let boots = !self.rng.chance(self.config.boot_failures);
        let machine = Machine {
            id: format!("sim-{:06}", self.next),
            name: name.clone(),
            launched_at: now,
            boots_at: boots.then(|| now + self.config.boot),
            connected: None,
            jit,
        };
        self.next += 1;
        self.histories.entry(name.clone()).or_default().launches += 1;
        self.machines.insert(name.clone(), machine.clone());
        Ok(machine)
    }

    /// Ends a machine at once; nothing when there is none of that name.
    pub fn terminate(&mut self, world: &mut World, name: &RunnerName) {
        let Some(machine) = self.machines.remove(name) else { return };
        let Some(runner) = machine.connected else { return };
        let busy = world.runner_by_id(runner).is_some_and(|runner| runner.job.is_some());
        if busy && let Some(history) = self.histories.get_mut(name) {
            history.terminated_busy = true;
        }
        world.disconnect_runner(runner);
    }

    /// Running machines, in order of their names.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values()
    }

    /// All that ever ran, by name.
    pub fn histories(&self) -> &BTreeMap<RunnerName, MachineHistory> {
        &self.histories
    }

    /// Lets booted machines connect and ends those whose runner is done. Call it after [`World::advance`], and
    /// before the world moves past [`SimCloud::next_due`].
    pub fn advance(&mut self, world: &mut World) {
        let now = world.now();
        let mut ready: Vec<_> = self
            .machines
            .values()
            .filter(|machine| machine.connected.is_none())
            .filter_map(|machine| {
                machine.boots_at.filter(|at| *at <= now).map(|at| (at, machine.name.clone()))
            })
            .collect();
        ready.sort();
        for (_, name) in ready {
            let Some(machine) = self.machines.get_mut(&name) else { continue };
            match world.connect_runner(&machine.jit, true) {
                Ok(runner) => machine.connected = Some(runner),
                // The registration is gone: the listener says so and ends, and the machine with it.
                Err(error) => {
                    tracing::debug!(%error, %name, "a simulated machine could not connect");
                    self.machines.remove(&name);
                }
            }
        }
        self.machines
            .retain(|_, machine| machine.connected.is_none_or(|runner| world.runner_by_id(runner).is_some()));
    }

    /// When the next machine connects.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.machines.values().filter(|m| m.connected.is_none()).filter_map(|m| m.boots_at).min()
    }
}
