//! From an order to a machine: one that is there, a spare one, or a new one.

use super::{
    Ec2Provider, PARALLEL, SpotApi, as_machine,
    places::{self, Attempt, Next},
    secret, start, tags,
};
use crate::{
    Error,
    api::{
        fleets::{Choice, FleetRequest},
        images::ImageInfo,
        instances::Instance,
        launch::{LaunchData, RootDisk, RunRequest, TemplateRef},
    },
    query::Params,
};
use futures::{StreamExt, stream};
use std::collections::HashMap;
use trunkline_fleet::{
    provider::{self, ErrorClass, LaunchSpec, Machine, MachineSpec},
    scale_config::Os,
};
use trunkline_model::{Rng, RunnerName};

impl Ec2Provider {
    pub(super) async fn launch_all(&self, orders: &[LaunchSpec]) -> Vec<Result<Machine, provider::Error>> {
        let capped = self.config().max_machines;
        let _turn = if capped.is_some() { Some(self.inner.turn.lock().await) } else { None };
        let known = self.before_launch(orders).await;
        let (existing, mut room) = match known {
            Ok(known) => known,
            Err(error) => {
                let error = provider::Error::from(error);
                return orders.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let mut first: HashMap<&RunnerName, usize> = HashMap::new();
        let mut work = vec![];
        for order in orders {
            if first.contains_key(&order.name) {
                continue;
            }
            first.insert(&order.name, work.len());
            let found = existing.get(&order.name).and_then(|machines| machines.first());
            let may_start = found.is_none() && room > 0;
            room -= usize::from(may_start);
            work.push(self.launch_one(order, found, may_start));
        }
        let answers: Vec<_> = stream::iter(work).buffered(PARALLEL).collect().await;
        let answer = |order: &LaunchSpec| first.get(&order.name).and_then(|&i| answers.get(i)).cloned();
        orders.iter().filter_map(answer).collect()
    }

    /// Machines of these names that are there already, and how many more there may be.
    async fn before_launch(
        &self,
        orders: &[LaunchSpec],
    ) -> Result<(HashMap<RunnerName, Vec<Instance>>, usize), Error> {
        let names: Vec<_> = orders.iter().map(|order| &order.name).collect();
        let existing = self.machines_of(&names).await?;
        let room = match self.config().max_machines {
            None => usize::MAX,
            Some(max) => (max as usize).saturating_sub(self.machines().await?.len()),
        };
        Ok((existing, room))
    }

    async fn launch_one(
        &self,
        order: &LaunchSpec,
        found: Option<&Instance>,
        may_start: bool,
    ) -> Result<Machine, provider::Error> {
        if let Some(found) = found {
            return self.hand_over(order, found).await.map_err(Into::into);
        }
        let Some(machine) = self.config().machine(order) else {
            let message = format!("`{}`: no instance type is known for this runner type", order.runner_type);
            return Err(provider::Error::new(ErrorClass::Config, message));
        };
        // The secret first: what cannot be told its configuration is not started.
        let path = secret::path(self.config(), order);
        self.put_secret(&path, &order.jit_config).await?;
        match self.take_spare(order, machine, &path).await {
            Ok(Some(taken)) => return Ok(as_machine(&taken, order.name.clone())),
            Ok(None) => {}
            // Spare machines save time; without them there are new ones.
            Err(error) => tracing::info!(runner = %order.name, %error, "no spare machine can be taken"),
        }
        if !may_start {
            self.drop_secret(Some(&path)).await;
            let max = self.config().max_machines.unwrap_or_default();
            let message = format!("all {max} machines of provider `{}` are in use", self.config().name);
            return Err(provider::Error::new(ErrorClass::Quota, message));
        }
        match self.start_new(order, machine, &path).await {
            Ok(machine) => Ok(machine),
            Err(errors) => {
                let error = places::summary(&order.runner_type, &errors);
                // If it may have been started, it may want its configuration.
                if !errors.last().is_some_and(Error::outcome_unknown) {
                    self.drop_secret(Some(&path)).await;
                }
                Err(error)
            }
        }
    }

    /// A machine of this name is there. If the order has another configuration than the one it was started for, it
    /// gets the new one, where it looks for it.
    async fn hand_over(&self, order: &LaunchSpec, found: &Instance) -> Result<Machine, Error> {
        let path = secret::path(self.config(), order);
        match found.tag(tags::CONFIG).filter(|waiting| *waiting != path) {
            Some(waiting) if secret::is_ours(self.config(), waiting) => {
                self.put_secret(waiting, &order.jit_config).await?;
            }
            Some(_) => {
                let why = format!("the tag `{}` of `{}` names a path of others", tags::CONFIG, found.id);
                return Err(Error::Config(why));
            }
            None => {}
        }
        Ok(as_machine(found, order.name.clone()))
    }

    async fn start_new(
        &self,
        order: &LaunchSpec,
        machine: &MachineSpec,
        path: &str,
    ) -> Result<Machine, Vec<Error>> {
        let one = |error| vec![error];
        let image = self.image_of(machine).await.map_err(one)?;
        if image.is_none() && self.config().template(&order.runner_type, machine).is_none() {
            let kind = super::kind_of(machine.os, machine.arch);
            let why = format!("there is neither an image nor a launch template for `{kind}`; set one");
            return Err(one(Error::Config(why)));
        }
        let places = self.places().await.map_err(one)?;
        // By name: an order that comes again tries the same places in the same order with the same tokens.
        let mut rng = Rng::from_seed(seed(&order.name));
        let (mut tries, cooling) = {
            let state = self.state();
            let mut load = std::collections::BTreeMap::new();
            for ((kind, zone), count) in &state.load {
                if machine.instance_types.contains(kind) {
                    *load.entry(zone.clone()).or_default() += count;
                }
            }
            let mut tries = places::attempts(machine, places, &load, &mut rng);
            let all = tries.len();
            tries.retain(|attempt| state.cooling.until(attempt, self.now()).is_none());
            let cooling = all - tries.len();
            tries.truncate(self.config().max_attempts);
            (tries, cooling)
        };
        if tries.is_empty() && cooling > 0 {
            let message =
                format!("all {cooling} places had none a moment ago and are left alone for a while");
            return Err(one(Error::refused("RunInstances", 400, "InsufficientInstanceCapacity", &message)));
        }
        let mut errors = vec![];
        let own_template = self.config().template(&order.runner_type, machine).is_none();
        if tries.first().is_some_and(|first| first.spot)
            && self.config().spot_api == SpotApi::CreateFleet
            && own_template
        {
            let (spot, rest): (Vec<_>, Vec<_>) = tries.into_iter().partition(|attempt| attempt.spot);
            match self.try_fleet(order, machine, image.as_ref(), &spot, path, &mut errors).await {
                Ok(Some(machine)) => return Ok(machine),
                Ok(None) => tries = rest,
                Err(error) => {
                    errors.push(error);
                    return Err(errors);
                }
            }
        }
        while !tries.is_empty() {
            let attempt = tries.remove(0);
            let request = self.request(order, machine, image.as_ref(), &attempt, path).map_err(one)?;
            match self.client().run_instance(&request).await {
                Ok(started) => {
                    self.remember(&order.name, &started.id, &attempt.instance_type, &attempt.zone);
                    return Ok(as_machine(&started, order.name.clone()));
                }
                // Ordered before with another configuration: by us, before we were cut off.
                Err(error) if error.is("IdempotentParameterMismatch") => {
                    return self.ordered_before(order, error).await.map_err(one);
                }
                Err(error) => {
                    let next = places::after(&error);
                    if error.class() == ErrorClass::Capacity {
                        self.cool(attempt.spot, &attempt.instance_type, &attempt.zone);
                    }
                    tracing::info!(
                        runner = %order.name, instance_type = attempt.instance_type, zone = attempt.zone,
                        spot = attempt.spot, %error, "no machine at this place"
                    );
                    errors.push(error);
                    if next == Next::Stop {
                        return Err(errors);
                    }
                    tries.retain(|other| !places::skipped(next, &attempt, other));
                }
            }
        }
        Err(errors)
    }

    async fn ordered_before(&self, order: &LaunchSpec, error: Error) -> Result<Machine, Error> {
        let found = self.machines_of(&[&order.name]).await?;
        match found.get(&order.name).and_then(|machines| machines.first()) {
            Some(found) => self.hand_over(order, found).await,
            None => Err(Error::unanswered(
                "RunInstances",
                format!("a machine of this name was ordered before and is not listed yet ({error})"),
            )),
        }
    }

    fn cool(&self, spot: bool, instance_type: &str, zone: &str) {
        let now = self.now();
        let until = now.checked_add(self.config().cool_down).unwrap_or(now);
        self.state().cooling.cool(spot, instance_type, zone, now, until);
    }

    /// What all machines of a type are made of.
    pub(super) fn data(
        &self,
        runner_type: &str,
        machine: &MachineSpec,
        image: Option<&ImageInfo>,
    ) -> Result<LaunchData, Error> {
        let config = self.config();
        let usual = if machine.os == Os::Linux { "/dev/xvda" } else { "/dev/sda1" };
        let device = image.map_or(usual, |image| image.root_device.as_str());
        Ok(LaunchData {
            image: image.map(|image| image.id.clone()),
            user_data: Some(start::user_data(config, machine.os)?),
            security_groups: config.security_groups.clone(),
            public_address: config.public_address,
            ipv6: config.ipv6,
            profile: config.instance_profile.clone(),
            disk: machine.disk_gb.map(|gb| RootDisk { device: device.to_owned(), gb }),
            metadata_hops: Some(config.metadata_hops),
            tags: tags::of_type(config, runner_type, machine),
        })
    }

    fn request(
        &self,
        order: &LaunchSpec,
        machine: &MachineSpec,
        image: Option<&ImageInfo>,
        attempt: &Attempt,
        path: &str,
    ) -> Result<RunRequest, Error> {
        let mut data = self.data(&order.runner_type, machine, image)?;
        data.tags.extend(tags::of_runner(order, path));
        Ok(RunRequest {
            data,
            template: self.config().template(&order.runner_type, machine).cloned(),
            instance_type: attempt.instance_type.clone(),
            subnet: Some(attempt.subnet.clone()),
            spot: attempt.spot,
            token: self.token(order.name.as_str(), &[&attempt.instance_type, &attempt.subnet], attempt.spot),
        })
    }

    /// Equal orders at equal places have equal tokens; nothing else has.
    pub(super) fn token(&self, name: &str, place: &[&str], spot: bool) -> String {
        Params::default()
            .set("environment", &self.config().environment)
            .set("name", name)
            .list("place", place)
            .set("spot", spot)
            .digest()
    }

    /// One call for all spot places. `None` when none of them has capacity.
    async fn try_fleet(
        &self,
        order: &LaunchSpec,
        machine: &MachineSpec,
        image: Option<&ImageInfo>,
        spot: &[Attempt],
        path: &str,
        errors: &mut Vec<Error>,
    ) -> Result<Option<Machine>, Error> {
        let template = self.own_template(&order.runner_type, machine, image).await?;
        let choices: Vec<_> = spot
            .iter()
            .map(|a| Choice { instance_type: a.instance_type.clone(), subnet: a.subnet.clone() })
            .collect();
        let request = FleetRequest {
            template,
            choices,
            spot: true,
            tags: tags::of_runner(order, path),
            token: self.token(order.name.as_str(), &["fleet"], true),
        };
        let refused = match self.client().create_fleet(&request).await {
            Ok(Ok(started)) => {
                let place = spot.iter().find(|a| Some(&a.subnet) == started.subnet.as_ref());
                let zone = place.map_or("", |attempt| attempt.zone.as_str());
                self.remember(&order.name, &started.id, &started.instance_type, zone);
                let started_at = Some(self.now());
                return Ok(Some(Machine { id: started.id, name: order.name.clone(), started_at }));
            }
            Ok(Err(refused)) => refused,
            Err(error) if error.is("IdempotentParameterMismatch") => {
                return self.ordered_before(order, error).await.map(Some);
            }
            Err(error) if places::after(&error) == Next::Stop => return Err(error),
            Err(error) => {
                errors.push(error);
                return Ok(None);
            }
        };
        if refused.is_empty() {
            errors.push(Error::refused(
                "CreateFleet",
                200,
                "UnfulfillableCapacity",
                "no machine and no reason",
            ));
        }
        for refusal in refused {
            let error = Error::refused("CreateFleet", 400, &refusal.code, &refusal.message);
            if error.class() == ErrorClass::Capacity {
                for attempt in spot {
                    let kind =
                        refusal.instance_type.as_ref().is_none_or(|kind| *kind == attempt.instance_type);
                    let place = refusal.subnet.as_ref().is_none_or(|subnet| *subnet == attempt.subnet);
                    if kind && place {
                        self.cool(true, &attempt.instance_type, &attempt.zone);
                    }
                }
            } else if places::after(&error) == Next::Stop {
                return Err(error);
            }
            errors.push(error);
        }
        Ok(None)
    }

    /// Our launch template for a type: named after its content, so a changed one is another one.
    async fn own_template(
        &self,
        runner_type: &str,
        machine: &MachineSpec,
        image: Option<&ImageInfo>,
    ) -> Result<TemplateRef, Error> {
        let data = self.data(runner_type, machine, image)?;
        let name = format!("trunkline-{}-{}", self.config().environment, data.params(None).digest());
        if let Some(known) = self.state().templates.get(&name) {
            return Ok(known.clone());
        }
        let template = self.client().ensure_template(&name, &data).await?;
        let template = TemplateRef { template: template.id, version: template.default_version };
        self.state().templates.insert(name, template.clone());
        Ok(template)
    }
}

/// A seed from a name, the same in every process.
fn seed(name: &RunnerName) -> u64 {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(name.as_str());
    hash.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
