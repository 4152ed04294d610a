//! Spare machines: running ones that wait, stopped ones, and used ones with a clean disk.
//!
//! A spare machine waits unregistered: GitHub removes idle registrations. It becomes a runner's machine by its tags,
//! which it reads from its own metadata about once a second.

use super::{
    Ec2Provider,
    tags::{self, Role, Spare},
};
use crate::{
    Error,
    api::{
        Filter,
        instances::{Instance, State},
        launch::RunRequest,
    },
};
use trunkline_fleet::provider::{LaunchSpec, MachineSpec};

impl Ec2Provider {
    fn has_spares(&self, runner_type: &str) -> bool {
        let config = self.config();
        config.reuse.is_some() || config.spares.iter().any(|goal| goal.runner_type == runner_type)
    }

    /// Gives a spare machine to an order, if one fits: running ones first, then stopped ones.
    pub(super) async fn take_spare(
        &self,
        order: &LaunchSpec,
        machine: &MachineSpec,
        path: &str,
    ) -> Result<Option<Instance>, Error> {
        if !self.has_spares(&order.runner_type) {
            return Ok(None);
        }
        let image = self.image_of(machine).await?;
        let mut filters = tags::of_fleet(self.config());
        filters.push(Filter::tag(tags::RUNNER_TYPE, [order.runner_type.as_str()]));
        filters.push(Filter::tag(tags::SPARE, [Spare::Ready, Spare::Stopped].map(Spare::as_str)));
        filters.push(Filter::new("instance-state-name", [State::Running, State::Stopped].map(State::as_str)));
        let mut spares = self.client().instances(&filters).await?;
        spares.retain(|spare| {
            matches!(tags::role(spare), Some(Role::Spare(_)))
                && machine.instance_types.contains(&spare.instance_type)
                && (machine.zones.is_empty() || machine.zones.contains(&spare.zone))
                && spare.tag(tags::DEPLOY) == self.config().deploy.as_deref()
                && image.as_ref().is_none_or(|image| image.id == spare.image)
        });
        spares.sort_by_key(|spare| (spare.state != State::Running, spare.launched_at));
        for spare in spares {
            if !self.state().claimed.insert(spare.id.clone()) {
                continue;
            }
            let taken = self.give(order, &spare, path).await;
            self.state().claimed.remove(&spare.id);
            match taken {
                Ok(()) => {
                    self.remember(&order.name, &spare.id, &spare.instance_type, &spare.zone);
                    return Ok(Some(spare));
                }
                Err(error) => {
                    tracing::info!(machine = spare.id, %error, "this spare machine cannot be taken");
                }
            }
        }
        Ok(None)
    }

    async fn give(&self, order: &LaunchSpec, spare: &Instance, path: &str) -> Result<(), Error> {
        // Look again: another order may have taken it since it was listed.
        let now = self.client().instance(&spare.id).await?;
        if !now
            .is_some_and(|now| matches!(tags::role(&now), Some(Role::Spare(_))) && now.state == spare.state)
        {
            return Err(Error::Config("it is spare no longer".into()));
        }
        self.client().set_tags(&spare.id, &tags::of_runner(order, path)).await?;
        if spare.state == State::Stopped
            && let Err(error) = self.client().start_instance(&spare.id).await
        {
            if !error.outcome_unknown() {
                self.client().remove_tags(&spare.id, &[tags::RUNNER, tags::CONFIG, tags::RUNNER_ID]).await?;
            }
            return Err(error);
        }
        // It has a runner now, so these mean nothing any more; upkeep would not mind them either.
        let done = [tags::SPARE, tags::SPARE_SINCE, tags::FINISHED];
        if let Err(error) = self.client().remove_tags(&spare.id, &done).await {
            tracing::info!(machine = spare.id, %error, "old tags of a spare machine stay");
        }
        Ok(())
    }

    /// Starts one spare machine; on-demand, at the first place that has one.
    pub(super) async fn start_spare(
        &self,
        runner_type: &str,
        kind: Spare,
        number: usize,
    ) -> Result<(), Error> {
        let Some(machine) = self.config().machines.get(runner_type) else {
            return Err(Error::Config(format!("there is no machine for `{runner_type}`")));
        };
        let image = self.image_of(machine).await?;
        let mut data = self.data(runner_type, machine, image.as_ref())?;
        let now = self.now();
        data.tags.extend(tags::of_spare(kind, now));
        let places = self.places().await?;
        let machine =
            MachineSpec { capacity: trunkline_fleet::provider::Capacity::OnDemand, ..machine.clone() };
        let load =
            self.state().load.iter().fold(std::collections::BTreeMap::new(), |mut load, ((_, zone), n)| {
                *load.entry(zone.clone()).or_insert(0) += n;
                load
            });
        let mut rng = trunkline_model::Rng::from_seed(now.as_second().unsigned_abs() + number as u64);
        let mut last = Error::Config(format!("no subnet is in a zone that `{runner_type}` may use"));
        for attempt in super::places::attempts(&machine, places, &load, &mut rng) {
            let serial = format!("{}-{number}", now.as_second());
            let request = RunRequest {
                data: data.clone(),
                template: self.config().template(runner_type, &machine).cloned(),
                instance_type: attempt.instance_type.clone(),
                subnet: Some(attempt.subnet.clone()),
                spot: false,
                token: self.token(&serial, &[&attempt.instance_type, &attempt.subnet, kind.as_str()], false),
            };
            match self.client().run_instance(&request).await {
                Ok(_) => return Ok(()),
                Err(error) if super::places::after(&error) == super::places::Next::Stop => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
