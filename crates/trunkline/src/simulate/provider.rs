//! Machines of the simulated cloud, as a provider.

use super::fuse::Fuse;
use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trunkline_fleet::provider::{Capabilities, Error, ErrorClass, LaunchSpec, Machine, Provider};
use trunkline_model::RunnerName;
use trunkline_sim::{
    SharedWorld, SimCloud,
    cloud::{self, LaunchError},
};

/// The cloud with the world that its machines work in. Clones share both.
#[derive(Debug, Clone)]
pub(super) struct SharedCloud {
    world: SharedWorld,
    cloud: Arc<Mutex<Cloud>>,
}

#[derive(Debug)]
struct Cloud {
    machines: SimCloud,
    /// Most machines at any one time.
    most: usize,
}

impl SharedCloud {
    pub(super) fn new(world: SharedWorld, cloud: SimCloud) -> Self {
        Self { world, cloud: Arc::new(Mutex::new(Cloud { machines: cloud, most: 0 })) }
    }

    fn lock(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the machines.
    pub(super) fn look<T>(&self, look: impl FnOnce(&SimCloud) -> T) -> T {
        look(&self.lock().machines)
    }

    /// Most machines at any one time.
    pub(super) fn most(&self) -> usize {
        self.lock().most
    }

    /// Lets machines do what is due at the world's present.
    pub(super) fn advance(&self) {
        self.world.with(|world| self.lock().machines.advance(world));
    }

    fn launch(&self, order: &LaunchSpec) -> Result<Machine, LaunchError> {
        let mut cloud = self.lock();
        let launched =
            cloud.machines.launch(&order.name, order.jit_config.expose_secret(), self.world.now())?;
        cloud.most = cloud.most.max(cloud.machines.machines().count());
        Ok(machine(&launched))
    }

    fn terminate(&self, name: &RunnerName) {
        self.world.with(|world| self.lock().machines.terminate(world, name));
    }
}

fn machine(machine: &cloud::Machine) -> Machine {
    Machine { id: machine.id.clone(), name: machine.name.clone(), started_at: Some(machine.launched_at) }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct SimProvider {
    pub(super) cloud: SharedCloud,
    pub(super) fuse: Arc<Fuse>,
}

#[async_trait]
impl Provider for SimProvider {
    fn name(&self) -> &str {
        "sim"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_machines: None, launch_batch: 16 }
    }

    async fn list(&self) -> Result<Vec<Machine>, Error> {
        self.fuse.enter().await;
        let machines = self.cloud.look(|cloud| cloud.machines().map(machine).collect());
        self.fuse.leave().await;
        Ok(machines)
    }

    async fn launch(&self, orders: &[LaunchSpec]) -> Vec<Result<Machine, Error>> {
        let mut answers = vec![];
        for order in orders {
            self.fuse.enter().await;
            let launched = self.cloud.launch(order);
            self.fuse.leave().await;
            answers.push(launched.map_err(|error| {
                let class = match error {
                    LaunchError::Capacity => ErrorClass::Capacity,
                    LaunchError::Transient => ErrorClass::Transient,
                    LaunchError::Config => ErrorClass::Config,
                };
                Error::new(class, error.to_string())
            }));
        }
        answers
    }

    async fn terminate(&self, name: &RunnerName) -> Result<(), Error> {
        self.fuse.enter().await;
        self.cloud.terminate(name);
        self.fuse.leave().await;
        Ok(())
    }
}
