//! The end of a runner's machine: kept as a spare one with a clean disk, or ended for good with its disks.

use super::{
    Ec2Provider,
    tags::{self, Role, Spare},
};
use crate::{
    Error,
    api::instances::{Instance, State},
};
use trunkline_model::RunnerName;

impl Ec2Provider {
    pub(super) async fn terminate_runner(&self, name: &RunnerName) -> Result<(), Error> {
        let mut found = self.machines_of(&[name]).await?;
        for machine in found.remove(name).unwrap_or_default() {
            if tags::role(&machine) == Some(Role::Pet) {
                tracing::info!(machine = machine.id, runner = %name, "left alone: a person keeps this machine");
                continue;
            }
            if self.recyclable(name, &machine).await {
                match self.recycle(&machine).await {
                    Ok(()) => continue,
                    Err(error) => {
                        tracing::info!(machine = machine.id, %error, "cannot be used again, so it is ended");
                    }
                }
            }
            self.end(&machine).await?;
        }
        self.state().recent.remove(name);
        Ok(())
    }

    /// Ends a machine for good.
    pub(super) async fn end(&self, machine: &Instance) -> Result<(), Error> {
        let left: Vec<_> = machine
            .disks
            .iter()
            .filter(|disk| !disk.ends_with_machine)
            .map(|disk| disk.device.as_str())
            .collect();
        if !left.is_empty()
            && let Err(error) = self.client().end_disks_with_machine(&machine.id, &left).await
        {
            tracing::info!(machine = machine.id, %error, "disks stay behind until upkeep finds them");
        }
        self.client().terminate_instances(std::slice::from_ref(&machine.id)).await?;
        let now = self.now();
        self.state().ended.insert(machine.id.clone(), now);
        self.drop_secret(machine.tag(tags::CONFIG)).await;
        Ok(())
    }

    /// Whether a machine may serve another runner. Doubt means no.
    async fn recyclable(&self, name: &RunnerName, machine: &Instance) -> bool {
        let config = self.config();
        let Some(reuse) = &config.reuse else { return false };
        let young = machine.launched_at.is_some_and(|at| self.now().duration_since(at) < reuse.max_age);
        let ours = machine.tag(tags::RUNNER) == Some(name.as_str());
        let this_deploy = machine.tag(tags::DEPLOY) == config.deploy.as_deref();
        if !young || !ours || !this_deploy || machine.spot || machine.state != State::Running {
            return false;
        }
        // A machine that never fetched its configuration did not boot well; it would not do better next time.
        let folder = super::secret::runner_folder(config, name);
        let booted = matches!(self.client().parameters_below(&folder).await, Ok(left) if left.is_empty());
        let kind = machine.tag(tags::RUNNER_TYPE);
        booted
            && matches!(self.machines().await, Ok(all) if all
                .iter()
                .filter(|other| matches!(tags::role(other), Some(Role::Spare(_))))
                .filter(|other| other.tag(tags::RUNNER_TYPE) == kind)
                .count() < reuse.max_spares)
    }

    /// Makes a runner's machine a spare one. Whatever a job left running ends when the root is replaced.
    async fn recycle(&self, machine: &Instance) -> Result<(), Error> {
        let now = self.now();
        let second = now.as_second().to_string();
        let mut set = tags::of_spare(Spare::Refreshing, now);
        set.insert(tags::FINISHED.to_owned(), second.clone());
        set.insert(tags::REPLACED.to_owned(), second.clone());
        // Cut off after this, it still has a runner and is found again by it.
        self.client().set_tags(&machine.id, &set).await?;
        self.client().replace_root(&machine.id, &self.token(&machine.id, &["root", &second], false)).await?;
        self.client().remove_tags(&machine.id, &[tags::RUNNER, tags::CONFIG, tags::RUNNER_ID]).await
    }
}
