//! The whole product on one folder, with virtual time: nothing runs by itself, everything is done when it is due.

use super::{
    How,
    forge::{Client, Keeper, SimForge},
    fuse::Fuse,
    provider::{SharedCloud, SimProvider},
};
use crate::{
    config::Fleet as FleetSettings,
    engine::{
        Pace, fleet_config,
        redeliver::{self, Record},
    },
};
use anyhow::{Context, Result};
use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
};
use trunkline_fleet::{Fleet, Parts, Scope, ledger::RUNNER_RECORD, scale_config::ScaleConfig};
use trunkline_github::{client::DeliveryPage, webhook::signature::Secrets};
use trunkline_model::{RepoName, Rng, SharedClock};
use trunkline_server::{App, AppState, Projector, ServerConfig};
use trunkline_sim::Router;
use trunkline_store::{EffectFilter, EffectState, Store};
use trunkline_warehouse::{Warehouse, WarehouseConfig};

/// How long the projector gathers events.
const GATHER: SignedDuration = SignedDuration::from_secs(10);

/// What outlives the product's deaths.
#[derive(Debug)]
pub(super) struct Ground {
    /// Its data.
    pub(super) folder: PathBuf,
    pub(super) clock: SharedClock,
    pub(super) client: Client,
    pub(super) cloud: SharedCloud,
    pub(super) fuse: Arc<Fuse>,
    pub(super) scale: ScaleConfig,
    pub(super) settings: FleetSettings,
    pub(super) repo: RepoName,
    pub(super) hook: u64,
    pub(super) secret: String,
    /// Minutes between looks for missed deliveries; 0 is never.
    pub(super) redeliver_minutes: u32,
    pub(super) seed: u64,
    pub(super) how: How,
}

/// The product, alive.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) store: Store,
    pub(super) warehouse: Warehouse,
    /// Its HTTP side: intake and API.
    pub(super) router: Router,
    projector: Projector,
    fleet: Fleet,
    plan_at: Timestamp,
    reconcile_at: Timestamp,
    redeliver_at: Option<Timestamp>,
    /// When events that came in are taken into the warehouse: one load of many costs little more than one of a few.
    project_at: Option<Timestamp>,
    /// A turn found nothing to decide and nothing pending: the next one is due when something changed.
    idle: bool,
    keeper: Keeper,
}

impl Drop for Product {
    fn drop(&mut self) {
        // Forge and fleet have each other: one of them has to let go.
        *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Product {
    /// Opens what the folder has, as a start of the program does.
    pub(super) async fn open(ground: &Ground, starts: u64) -> Result<Self> {
        let now = ground.clock.now();
        let path = ground.folder.join("state.sqlite");
        let store = Store::open_sqlite(&path, &ground.clock).await.context("open the store")?;
        let path = ground.folder.join("analytics.duckdb");
        let warehouse = Warehouse::open_duckdb(&path, WarehouseConfig::default()).await;
        let warehouse = warehouse.context("open the warehouse")?;
        let scope = Scope::Repository(ground.repo.clone());
        let mut config = fleet_config(&ground.settings, scope, vec![ground.repo.clone()], Pace(1));
        config.effects_at_once = ground.how.effects_at_once.unwrap_or(config.effects_at_once);
        let fleet = Fleet::open(Parts {
            store: store.clone(),
            forge: Arc::new(SimForge { client: ground.client.clone(), repo: ground.repo.clone() }),
            provider: Arc::new(SimProvider { cloud: ground.cloud.clone(), fuse: Arc::clone(&ground.fuse) }),
            scale: ground.scale.clone(),
            config,
            clock: Arc::clone(&ground.clock),
            rng: Rng::from_seed(ground.seed ^ starts.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        })
        .await
        .context("open the fleet")?;
        let keeper = Arc::clone(&ground.client.keeper);
        *keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(fleet.clone());
        let secrets = Secrets::new([SecretString::from(ground.secret.as_str())]);
        let app = App::new(AppState {
            store: store.clone(),
            warehouse: warehouse.clone(),
            fleet: Some(fleet.clone()),
            clock: Arc::clone(&ground.clock),
            config: ServerConfig::new(secrets),
        });
        let redeliver_at = (ground.redeliver_minutes > 0).then(|| now + redeliver_period(ground));
        let (projector, router) = (app.projector(), app.router());
        Ok(Self {
            store,
            warehouse,
            router,
            projector,
            fleet,
            plan_at: now,
            reconcile_at: now,
            redeliver_at,
            project_at: Some(now),
            idle: false,
            keeper,
        })
    }

    /// When it wants to work next without anybody's doing.
    pub(super) fn next_due(&self) -> Timestamp {
        let plan = (!self.idle).then_some(self.plan_at);
        let others = plan.into_iter().chain(self.redeliver_at).chain(self.project_at);
        others.fold(self.reconcile_at, Timestamp::min)
    }

    /// Does what is due now, each thing once: requests take time, and the world must be heard in between.
    pub(super) async fn settle(&mut self, ground: &Ground) -> Result<()> {
        self.take_in(ground.clock.now()).await?;
        if self.project_at.is_some_and(|at| at <= ground.clock.now()) {
            self.projector.catch_up().await?;
            self.project_at = None;
        }
        if self.plan_at <= ground.clock.now() {
            self.turn(ground).await?;
        }
        if self.redeliver_at.is_some_and(|at| at <= ground.clock.now()) {
            self.redeliver(ground, ground.clock.now()).await;
            self.redeliver_at = Some(ground.clock.now() + redeliver_period(ground));
        }
        self.take_in(ground.clock.now()).await
    }

    /// Whether it may act: the rights of a product that was killed have to run out first.
    pub(super) async fn may_act(&self) -> Result<bool> {
        Ok(self.fleet.hold().await?)
    }

    /// Everything that a kill may interrupt, in its usual order and whether due or not.
    pub(super) async fn hurry(&mut self, ground: &Ground) -> Result<()> {
        self.take_in(ground.clock.now()).await?;
        self.projector.catch_up().await?;
        self.turn(ground).await
    }

    /// New events become jobs and runners, and soon rows.
    async fn take_in(&mut self, now: Timestamp) -> Result<()> {
        loop {
            let step = self.fleet.step_intake().await?;
            if step.events > 0 {
                self.project_at.get_or_insert(now + GATHER);
            }
            if !step.more {
                return Ok(());
            }
        }
    }

    /// One turn of the fleet, as its loop makes it.
    async fn turn(&mut self, ground: &Ground) -> Result<()> {
        let now = ground.clock.now();
        let every = |seconds: u32| SignedDuration::from_secs(i64::from(seconds.max(1)));
        if !self.may_act().await? {
            self.plan_at = now + every(ground.settings.plan_seconds);
            self.idle = false;
            return Ok(());
        }
        if self.reconcile_at <= now {
            self.fleet.step_reconcile().await?;
            self.reconcile_at = ground.clock.now() + every(ground.settings.reconcile_seconds);
            self.take_in(ground.clock.now()).await?;
        }
        let planned = self.fleet.step_plan().await?;
        let executed = self.fleet.step_execute().await?;
        self.plan_at = ground.clock.now() + every(ground.settings.plan_seconds);
        let decided = planned.launches + planned.terminations + planned.queued;
        let acted = executed.done + executed.retried + executed.failed;
        self.idle = decided + acted == 0 && self.pending().await? == 0;
        Ok(())
    }

    /// Effects that are decided and neither done nor given up.
    pub(super) async fn pending(&self) -> Result<usize> {
        let filter =
            EffectFilter { state: Some(EffectState::Pending), limit: 1_000_000, ..EffectFilter::default() };
        Ok(self.store.effects(&filter).await?.len())
    }

    /// Runners in the ledger.
    pub(super) async fn runners(&self) -> Result<i64> {
        Ok(self.store.count_records(RUNNER_RECORD).await?)
    }

    /// A look for missed deliveries; GitHub not answering is no error, the next look tries again.
    async fn redeliver(&self, ground: &Ground, now: Timestamp) {
        let record = OfRepo { client: &ground.client, repo: &ground.repo, hook: ground.hook };
        let since = now - redeliver::FIRST;
        if let Err(error) = redeliver::look_through(&record, &self.store, since, now, redeliver::BOUNDS).await
        {
            tracing::info!(error = format!("{error:#}"), "could not look for missed deliveries");
        }
    }
}

fn redeliver_period(ground: &Ground) -> SignedDuration {
    SignedDuration::from_mins(i64::from(ground.redeliver_minutes))
}

/// The record of the repository's webhook.
struct OfRepo<'a> {
    client: &'a Client,
    repo: &'a RepoName,
    hook: u64,
}

impl OfRepo<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/repos/{}/hooks/{}/deliveries{rest}", self.repo, self.hook)
    }
}

#[async_trait]
impl Record for OfRepo<'_> {
    async fn page(&self, cursor: Option<&str>) -> Result<DeliveryPage> {
        let first = self.path("?per_page=100");
        let answer = self.client.ask(Method::GET, cursor.unwrap_or(&first), None).await?;
        let deliveries = serde_json::from_value(answer.json()).context("GitHub's record of deliveries")?;
        Ok(DeliveryPage { deliveries, next: answer.next_page().map(str::to_owned) })
    }

    async fn payload(&self, attempt: u64) -> Result<Option<Bytes>> {
        match self.client.ask(Method::GET, &self.path(&format!("/{attempt}")), None).await {
            Ok(answer) => Ok(Some(answer.json()["request"]["payload"].to_string().into())),
            Err(trunkline_fleet::forge::Error::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
