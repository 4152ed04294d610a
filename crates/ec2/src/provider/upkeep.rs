//! Housekeeping: what is left over is deleted, spare machines are kept at their number.
//!
//! Every part works from what Amazon lists, not from memory; a list that fails leaves its part for the next round.

use super::{
    Ec2Provider, secret,
    tags::{self, Role, Spare},
};
use crate::{
    Error,
    api::{
        Filter,
        instances::{Instance, State},
    },
};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use trunkline_fleet::provider::Upkeep;
use trunkline_model::RunnerName;

/// A disk that no machine has had for this long is forgotten; younger ones may be about to be attached.
const DISK_GRACE: SignedDuration = SignedDuration::from_mins(15);
/// A configuration whose runner has no machine is deleted after this time; an order may be on its way.
const SECRET_GRACE: SignedDuration = SignedDuration::from_mins(5);
/// A machine to be stopped gets this long to boot for the first time: the next start is faster then.
const FIRST_BOOT: SignedDuration = SignedDuration::from_mins(3);
/// Spare machines started in one round.
const STARTS_PER_ROUND: usize = 10;

impl Ec2Provider {
    pub(super) async fn upkeep(&self) -> Result<Upkeep, Error> {
        let mut done = Upkeep::default();
        let machines = self.machines().await?;
        self.end_doubles(&machines, &mut done).await;
        self.tend_spares(&machines, &mut done).await;
        if let Err(error) = self.clear_secrets(&machines, &mut done).await {
            done.troubles.push(error.to_string());
        }
        if let Err(error) = self.clear_disks(&mut done).await {
            done.troubles.push(error.to_string());
        }
        Ok(done)
    }

    /// Of several machines of a name the oldest stays.
    async fn end_doubles(&self, machines: &[Instance], done: &mut Upkeep) {
        let mut by_name: BTreeMap<RunnerName, Vec<&Instance>> = BTreeMap::new();
        for machine in machines {
            if let Some(Role::Runner(name)) = tags::role(machine) {
                by_name.entry(name).or_default().push(machine);
            }
        }
        for (name, mut doubles) in by_name {
            doubles.sort_by(|a, b| a.launched_at.cmp(&b.launched_at).then_with(|| a.id.cmp(&b.id)));
            for double in doubles.iter().skip(1) {
                tracing::warn!(machine = double.id, runner = %name, "a second machine of a name is ended");
                // Its configuration is the first one's too, or upkeep finds it.
                let ids = std::slice::from_ref(&double.id);
                self.count(
                    self.client().terminate_instances(ids).await,
                    &mut done.machines_ended,
                    &mut done.troubles,
                );
            }
        }
    }

    async fn tend_spares(&self, machines: &[Instance], done: &mut Upkeep) {
        let mut counts: BTreeMap<(String, Spare), usize> = BTreeMap::new();
        for machine in machines {
            let Some(Role::Spare(kind)) = tags::role(machine) else { continue };
            let runner_type = machine.tag(tags::RUNNER_TYPE).unwrap_or_default();
            let outcome = self.tend_spare(machine, kind, runner_type, &counts).await;
            match outcome {
                Ok(Tended::Ended) => done.machines_ended += 1,
                Ok(Tended::Stays(kind, changed)) => {
                    done.spares_prepared += usize::from(changed);
                    *counts.entry((runner_type.to_owned(), kind)).or_default() += 1;
                }
                Err(error) => {
                    *counts.entry((runner_type.to_owned(), kind)).or_default() += 1;
                    done.troubles.push(error.to_string());
                }
            }
        }
        let mut room = match self.config().max_machines {
            Some(max) => (max as usize).saturating_sub(machines.len()).min(STARTS_PER_ROUND),
            None => STARTS_PER_ROUND,
        };
        for goal in &self.config().spares {
            for (kind, wanted) in [(Spare::Ready, goal.running), (Spare::Stopped, goal.stopped)] {
                let have = counts.get(&(goal.runner_type.clone(), kind)).copied().unwrap_or(0);
                for number in have..wanted {
                    if room == 0 {
                        return;
                    }
                    room -= 1;
                    let started = self.start_spare(&goal.runner_type, kind, number).await;
                    let failed = started.is_err();
                    self.count(started, &mut done.spares_prepared, &mut done.troubles);
                    if failed {
                        break;
                    }
                }
            }
        }
    }

    async fn tend_spare(
        &self,
        machine: &Instance,
        kind: Spare,
        runner_type: &str,
        counts: &BTreeMap<(String, Spare), usize>,
    ) -> Result<Tended, Error> {
        let config = self.config();
        let age = tags::spare_since(machine).map(|since| self.now().duration_since(since));
        let goal = config.spares.iter().find(|goal| goal.runner_type == runner_type);
        let have = |kind| counts.get(&(runner_type.to_owned(), kind)).copied().unwrap_or(0);
        // Machines of an older deployment, of a type without spares, or above the number go.
        let wanted = match kind {
            Spare::Ready => goal.is_some_and(|goal| have(kind) < goal.running),
            Spare::Stopped => goal.is_some_and(|goal| have(kind) < goal.stopped),
            Spare::Refreshing => false,
        };
        let kept = config.reuse.as_ref().is_some_and(|reuse| age.is_some_and(|age| age < reuse.keep));
        let this_deploy = machine.tag(tags::DEPLOY) == config.deploy.as_deref();
        if !this_deploy || !wanted && !kept {
            self.end(machine).await?;
            return Ok(Tended::Ended);
        }
        match kind {
            Spare::Refreshing => match self.client().root_replacement(&machine.id).await?.as_deref() {
                Some("succeeded") => {
                    let ready = [(tags::SPARE.to_owned(), Spare::Ready.as_str().to_owned())].into();
                    self.client().set_tags(&machine.id, &ready).await?;
                    Ok(Tended::Stays(Spare::Ready, true))
                }
                Some("pending" | "in-progress") => Ok(Tended::Stays(kind, false)),
                _ => {
                    self.end(machine).await?;
                    Ok(Tended::Ended)
                }
            },
            Spare::Stopped if machine.state == State::Running && age.is_some_and(|age| age > FIRST_BOOT) => {
                self.client().stop_instance(&machine.id).await?;
                Ok(Tended::Stays(kind, true))
            }
            Spare::Ready | Spare::Stopped => Ok(Tended::Stays(kind, false)),
        }
    }

    async fn clear_secrets(&self, machines: &[Instance], done: &mut Upkeep) -> Result<(), Error> {
        let folder = format!("{}/", secret::folder(self.config()));
        let now = self.now();
        let mut left = vec![];
        for parameter in self.client().parameters_below(folder.trim_end_matches('/')).await? {
            let age = parameter.modified_at.map(|at| now.duration_since(at));
            let waited_for = machines.iter().any(|m| m.tag(tags::CONFIG) == Some(parameter.name.as_str()));
            let limit = if waited_for { self.config().secret_keep } else { SECRET_GRACE };
            if age.is_some_and(|age| age > limit) && parameter.name.starts_with(&folder) {
                left.push(parameter.name);
            }
        }
        done.secrets_deleted += self.client().delete_parameters(&left).await?;
        Ok(())
    }

    async fn clear_disks(&self, done: &mut Upkeep) -> Result<(), Error> {
        let mut filters = tags::of_fleet(self.config());
        filters.push(Filter::new("status", ["available"]));
        for volume in self.client().volumes(&filters).await? {
            let old = volume.created_at.is_some_and(|at| self.now().duration_since(at) > DISK_GRACE);
            if old && volume.status == "available" {
                self.count(
                    self.client().delete_volume(&volume.id).await,
                    &mut done.disks_deleted,
                    &mut done.troubles,
                );
            }
        }
        Ok(())
    }

    fn count(&self, outcome: Result<(), Error>, done: &mut usize, troubles: &mut Vec<String>) {
        match outcome {
            Ok(()) => *done += 1,
            Err(error) => troubles.push(error.to_string()),
        }
    }
}

/// What became of a spare machine.
enum Tended {
    Ended,
    /// It stays, as this kind; whether something was done to it.
    Stays(Spare, bool),
}
