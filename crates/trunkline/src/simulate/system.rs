//! The product and its world, moved by a scenario.

use super::{
    How,
    facts::LogFacts,
    forge::{Client, Keeper},
    fuse::Fuse,
    product::{Ground, Product},
    provider::SharedCloud,
};
use crate::config::Fleet as FleetSettings;
use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tempfile::TempDir;
use trunkline_fleet::scale_config::ScaleConfig;
use trunkline_github::webhook::signature::sign;
use trunkline_model::{BranchName, Rng, SharedClock, clock::ManualClock};
use trunkline_sim::{
    Api, CloudConfig, Faults, HttpConfig, Mailbox, SharedStage, SharedWorld, SimCloud, World, WorldConfig,
    deliver::{SharedFaults, hand_over},
    scenario::{
        Scenario, System, SystemFacts,
        file::Fleet,
        step::{KillAt, SignatureKind},
        system::{Delivery, SystemError},
    },
    workload::Stage,
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct SimSystem {
    pub(super) world: SharedWorld,
    pub(super) ground: Ground,
    pub(super) product: Option<Product>,
    pub(super) starts: u64,
    /// Deliveries that were answered with 2xx.
    pub(super) acknowledged: BTreeSet<String>,
    pub(super) log: LogFacts,
    stage: SharedStage,
    clock: ManualClock,
    faults: SharedFaults,
    mailbox: Mailbox,
    /// Goes last: everything above uses it.
    _folder: TempDir,
}

impl SimSystem {
    /// The product of a scenario, started on an empty folder.
    pub(super) async fn open(scenario: &Scenario, scale: ScaleConfig, how: How) -> Result<Self> {
        let file = &scenario.world;
        let folder = temporary().context("make a folder for the product's data")?;
        let clock = ManualClock::new(scenario.start);
        let shared: SharedClock = Arc::new(clock.clone());
        let mut rng = Rng::from_seed(file.seed ^ 0x51a7);
        let mut world = World::new(WorldConfig { seed: file.seed, ..WorldConfig::default() }, scenario.start);
        let branch = match &file.workload {
            Some(work) => work.config(file).branch,
            None => "main".parse::<BranchName>()?,
        };
        world.add_repo(&file.repo, branch);
        let hook = world.config().hook_id;
        let (world, faults) = (SharedWorld::new(world, Arc::clone(&shared)), SharedFaults::default());
        let (token, secret) = (rng.hex(40), rng.hex(40));
        let http = HttpConfig { tokens: vec![token.clone()], ..HttpConfig::default() };
        let api = Api::new(world.clone(), faults.clone(), "http://github.sim", http);
        let cloud = SimCloud::new(CloudConfig {
            seed: file.seed,
            boot: file.cloud.boot.get(),
            capacity: file.cloud.capacity as usize,
            launch_failures: file.cloud.launch_failures.get(),
            boot_failures: file.cloud.boot_failures.get(),
        });
        let fuse = Arc::new(Fuse::default());
        // Requests that are under way at the same time would add up their times: the clock is one for all.
        let latency = if how.effects_at_once == Some(1) { file.latency.get() } else { SignedDuration::ZERO };
        let ground = Ground {
            folder: folder.path().to_owned(),
            clock: shared,
            client: Client {
                api,
                token,
                clock: clock.clone(),
                latency,
                fuse: Arc::clone(&fuse),
                keeper: Keeper::default(),
            },
            cloud: SharedCloud::new(world.clone(), cloud),
            fuse,
            scale,
            settings: settings(&scenario.config.fleet, file.repo.clone()),
            repo: file.repo.clone(),
            hook,
            secret,
            redeliver_minutes: scenario.config.github.redeliver_minutes,
            seed: rng.u64(),
            how,
        };
        let product = Product::open(&ground, 1).await?;
        Ok(Self {
            stage: SharedStage::new(world.clone(), file.repo.clone()),
            mailbox: Mailbox::new(world.clone(), faults.clone()),
            world,
            ground,
            product: Some(product),
            starts: 1,
            acknowledged: BTreeSet::new(),
            log: LogFacts::default(),
            clock,
            faults,
            _folder: folder,
        })
    }

    pub(super) fn alive(&mut self) -> Result<&mut Product, SystemError> {
        self.product.as_mut().ok_or_else(|| SystemError::new("use the product", "it is not running"))
    }

    /// Moves the clock, machine by machine, so that each connects at its own time.
    fn pass_time(&mut self, now: Timestamp) {
        while let Some(at) = self.ground.cloud.look(SimCloud::next_due).filter(|at| *at <= now) {
            self.clock.advance_to(at);
            self.ground.cloud.advance();
        }
        self.clock.advance_to(now);
        self.ground.cloud.advance();
    }

    /// Hands over what arrives now.
    async fn deliver_due(&mut self) -> Result<(), SystemError> {
        let router = self.product.as_ref().map(|product| product.router.clone());
        for departure in self.mailbox.take_due() {
            let webhook = departure.webhook;
            let mut status = 0;
            if let Some(router) = router.as_ref().filter(|_| !departure.dropped) {
                let headers = self.mailbox.headers(&webhook, &self.ground.secret);
                status = hand_over(router.clone(), &headers, webhook.body.clone()).await;
            }
            if (200..300).contains(&status) {
                self.acknowledged.insert(webhook.guid.to_ascii_lowercase());
            }
            self.mailbox.record(webhook, status, SignedDuration::ZERO);
        }
        Ok(())
    }
}

/// A folder for data that is thrown away. In memory where that is possible: no disk need be waited for.
fn temporary() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if std::env::var_os("TMPDIR").is_none()
        && let Ok(folder) = tempfile::Builder::new().prefix("trunkline-sim-").tempdir_in(memory)
    {
        return Ok(folder);
    }
    tempfile::Builder::new().prefix("trunkline-sim-").tempdir()
}

/// The fleet's part of the configuration file that the scenario stands for.
fn settings(fleet: &Fleet, repo: trunkline_model::RepoName) -> FleetSettings {
    FleetSettings {
        scale_config: fleet.scale_config.clone().unwrap_or_default(),
        repository: Some(repo),
        organization: None,
        runner_group: 1,
        command: vec![],
        ec2: None,
        max_runners: fleet.max_runners,
        plan_seconds: fleet.plan_seconds,
        keep_finished_days: 7,
        reconcile_seconds: fleet.reconcile_seconds,
        boot_timeout_seconds: fleet.boot_timeout_seconds,
        idle_seconds: fleet.idle_seconds,
    }
}

/// The scale configuration that a scenario names or carries, as text with its name for messages.
pub(super) fn scale_text(scenario: &Scenario, folder: &Path) -> Result<(String, String)> {
    let fleet = &scenario.config.fleet;
    match (&fleet.scale_config, fleet.inline_scale_config()) {
        (Some(path), _) => {
            let path = folder.join(path);
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).with_context(|| format!("read `{name}`"))?;
            Ok((name, text))
        }
        (None, Some(text)) => Ok(("config.fleet.runner_types".into(), text)),
        (None, None) => Ok(("config.fleet".into(), "{\"runner_types\": {}}".into())),
    }
}

fn failed(doing: &'static str) -> impl Fn(anyhow::Error) -> SystemError {
    move |error| SystemError { doing: format!("{doing}: {error:#}"), source: Some(error.into()) }
}

impl System for SimSystem {
    fn stage(&mut self) -> &mut dyn Stage {
        &mut self.stage
    }

    fn set_faults(&mut self, faults: &trunkline_sim::scenario::step::Faults) {
        let faults = Faults::from(faults);
        self.faults.set(faults);
        self.world.with(|world| world.set_outage(faults.is_down(world.now())));
    }

    fn next_due(&mut self) -> Option<Timestamp> {
        let world = self.world.with(World::next_due);
        let cloud = self.ground.cloud.look(SimCloud::next_due);
        let product = self.product.as_ref().map(Product::next_due);
        let all = [world, cloud, product, self.mailbox.next_due()];
        all.into_iter().flatten().min().map(|at| at.max(self.world.now()))
    }

    async fn advance(&mut self, now: Timestamp) -> Result<(), SystemError> {
        self.pass_time(now);
        self.deliver_due().await
    }

    async fn settle(&mut self) -> Result<(), SystemError> {
        let Self { product, ground, .. } = self;
        match product {
            Some(product) => product.settle(ground).await.map_err(failed("let the product work")),
            None => Ok(()),
        }
    }

    async fn deliver(&mut self, delivery: Delivery) -> Result<u16, SystemError> {
        let Delivery { event, id, body, signature, headers } = delivery;
        let mut all = vec![
            ("content-type", "application/json".to_owned()),
            ("x-github-event", event),
            ("x-github-delivery", id.clone()),
        ];
        match signature {
            SignatureKind::Valid => {
                all.push(("x-hub-signature-256", sign(self.ground.secret.as_bytes(), &body)));
            }
            SignatureKind::Wrong => all.push(("x-hub-signature-256", sign(b"another secret", &body))),
            SignatureKind::Missing => {}
        }
        all.retain(|(name, _)| !headers.keys().any(|own| own.eq_ignore_ascii_case(name)));
        all.extend(headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let router = self.alive()?.router.clone();
        let status = hand_over(router, &all, body.into()).await;
        if (200..300).contains(&status) {
            self.acknowledged.insert(id.to_ascii_lowercase());
        }
        Ok(status)
    }

    fn now(&mut self) -> Option<Timestamp> {
        Some(self.world.now())
    }

    async fn may_act(&mut self) -> Result<bool, SystemError> {
        match &self.product {
            Some(product) => product.may_act().await.map_err(failed("ask whether the product may act")),
            None => Ok(false),
        }
    }

    async fn kill(&mut self, place: Option<KillAt>) -> Result<(), SystemError> {
        let Some(mut product) = self.product.take() else { return Ok(()) };
        let Some(place) = place else { return Ok(()) };
        self.ground.fuse.arm(place);
        let (ground, mut result) = (&self.ground, Ok(()));
        ground.fuse.cut(async { result = product.hurry(ground).await }).await;
        self.ground.fuse.disarm();
        result.map_err(failed("let the product work"))
    }

    async fn start(&mut self) -> Result<(), SystemError> {
        self.starts += 1;
        let product = Product::open(&self.ground, self.starts).await;
        self.product = Some(product.map_err(failed("start the product again"))?);
        Ok(())
    }

    fn is_busy(&mut self) -> bool {
        let open = |world: &mut World| {
            world.runners().next().is_some()
                || world.jobs().any(|job| job.phase != trunkline_sim::world::Phase::Done)
        };
        self.world.with(open)
            || !self.mailbox.is_empty()
            || self.ground.cloud.look(|cloud| cloud.machines().next().is_some())
    }

    async fn facts(&mut self) -> Result<SystemFacts, SystemError> {
        self.gather().await.map_err(failed("gather the facts"))
    }
}
