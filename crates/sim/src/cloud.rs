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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{
        Finish,
        testing::{job, listener, pass, register, run_in, secs, world},
    };

    #[test]
    fn a_machine_boots_takes_its_job_and_ends_with_it() {
        let (mut world, mut cloud) = (world(), SimCloud::new(CloudConfig::default()));
        let (id, jit) = register(&mut world, "one", &["linux"]);
        let run = run_in(&mut world, Finish::WithJobs);
        job(&mut world, run, "build", &["linux"]);
        let name = "one".parse().unwrap();
        let machine = cloud.launch(&name, &jit.encode(), world.now()).unwrap();
        assert_eq!(cloud.launch(&name, &jit.encode(), world.now()), Ok(machine), "a name is one machine");
        assert_eq!(cloud.next_due(), Some(world.now() + secs(45)));
        pass(&mut world, secs(45));
        cloud.advance(&mut world);
        assert!(world.runner_by_id(id).unwrap().job.is_some());
        pass(&mut world, secs(300));
        cloud.advance(&mut world);
        assert_eq!((cloud.machines().count(), cloud.histories()[&name].launches), (0, 1));
        assert!(!cloud.histories()[&name].terminated_busy);
    }

    #[test]
    fn ending_a_busy_machine_is_remembered() {
        let (mut world, mut cloud) = (world(), SimCloud::new(CloudConfig::default()));
        let (id, jit) = register(&mut world, "one", &["linux"]);
        let name = "one".parse().unwrap();
        cloud.launch(&name, &jit.encode(), world.now()).unwrap();
        pass(&mut world, secs(45));
        cloud.advance(&mut world);
        let run = run_in(&mut world, Finish::WithJobs);
        job(&mut world, run, "build", &["linux"]);
        cloud.terminate(&mut world, &name);
        assert!(cloud.histories()[&name].terminated_busy);
        assert_eq!(listener(&world, id), crate::world::Listener::Away);
        cloud.terminate(&mut world, &name);
    }

    #[test]
    fn launches_fail_as_configured_and_machines_without_a_registration_end() {
        let mut world = world();
        let (_, jit) = register(&mut world, "one", &["linux"]);
        let jit = jit.encode();
        let name = |number: usize| format!("m{number}").parse().unwrap();
        let mut cloud = SimCloud::new(CloudConfig { capacity: 3, ..CloudConfig::default() });
        for number in 0..3 {
            cloud.launch(&name(number), &jit, world.now()).unwrap();
        }
        assert_eq!(cloud.launch(&name(3), &jit, world.now()), Err(LaunchError::Capacity));
        assert_eq!(cloud.launch(&name(4), "nothing", world.now()), Err(LaunchError::Config));
        pass(&mut world, secs(45));
        cloud.advance(&mut world);
        assert_eq!(cloud.machines().count(), 1, "one connected, the others were told that it is taken");

        let config = CloudConfig { launch_failures: 0.5, boot_failures: 0.5, ..CloudConfig::default() };
        let play = |seed: u64| {
            let mut cloud = SimCloud::new(CloudConfig { seed, ..config.clone() });
            let launched: Vec<bool> =
                (0..50).map(|number| cloud.launch(&name(number), &jit, world.now()).is_ok()).collect();
            let booting = cloud.machines().filter(|machine| machine.boots_at.is_some()).count();
            (launched, booting)
        };
        assert_eq!(play(3), play(3));
        assert_ne!(play(3), play(4));
        let (launched, booting) = play(3);
        let launched = launched.into_iter().filter(|ok| *ok).count();
        assert!((10..40).contains(&launched) && (1..launched).contains(&booting));
    }
}
