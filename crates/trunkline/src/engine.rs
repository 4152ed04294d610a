//! The product put together: storage, server, fleet and their loops. `serve` and `demo` differ only in what they pass.

mod fleet_loop;
mod forge;
mod github;
mod providers;
pub(crate) mod redeliver;
#[cfg(test)]
#[path = "../../github/tests/behaviour/script.rs"]
#[expect(dead_code, reason = "the client's own tests need more of it")]
mod script;

use crate::config::{Config, Fleet as FleetSettings};
use anyhow::{Context, Result, bail};
pub(crate) use github::{client, secrets};
use jiff::SignedDuration;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trunkline_fleet::{Fleet, FleetConfig, Parts, Scope};
use trunkline_github::{
    Client,
    client::Scope as GitHubScope,
    http::{self, HttpOptions},
};
use trunkline_model::{RepoName, Rng, Severity, SharedClock};
use trunkline_server::{App, AppState, ServerConfig};
use trunkline_store::Store;
use trunkline_warehouse::{Warehouse, WarehouseConfig};

/// How fast simulated time runs: 1 against the real GitHub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace(pub(crate) u16);

/// Everything, open and ready to run.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) app: App,
    pub(crate) store: Store,
    pub(crate) client: Option<Client>,
    clock: SharedClock,
    fleet: Option<(Fleet, FleetSettings)>,
    config: Config,
}

/// Opens the state that the configuration names.
pub(crate) async fn open_store(config: &Config, clock: &SharedClock) -> Result<Store> {
    if let Some(url) = &config.storage.postgres {
        use secrecy::ExposeSecret as _;
        let url = url.read()?;
        return Store::open_postgres(url.expose_secret(), clock).await.context("open PostgreSQL");
    }
    let folder = &config.storage.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("create the folder `{}`", folder.display()))?;
    let path = folder.join("state.sqlite");
    Store::open_sqlite(&path, clock).await.with_context(|| format!("open `{}`", path.display()))
}

async fn open_warehouse(config: &Config) -> Result<Warehouse> {
    let mut settings = WarehouseConfig::default();
    settings.duckdb.memory_limit_mb = config.storage.analytics_memory_mib;
    if let Some(url) = &config.storage.clickhouse {
        use secrecy::ExposeSecret as _;
        let url = url.read()?.expose_secret().parse().context("the ClickHouse URL")?;
        let http = http::client(&HttpOptions::default()).context("make an HTTP client")?;
        return Warehouse::open_clickhouse(http, &url, settings).await.context("open ClickHouse");
    }
    let path = config.storage.folder.join("analytics.duckdb");
    std::fs::create_dir_all(&config.storage.folder)?;
    Warehouse::open_duckdb(&path, settings).await.with_context(|| format!("open `{}`", path.display()))
}

/// Reads the scale configuration; prints its problems into the error.
pub(crate) fn scale_config(path: &Path) -> Result<trunkline_fleet::scale_config::ScaleConfig> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))?;
    let (scale, problems) = trunkline_fleet::scale_config::parse(&path.to_string_lossy(), &text);
    let errors: Vec<String> =
        problems.iter().filter(|p| p.severity == Severity::Error).map(ToString::to_string).collect();
    match scale {
        Some(scale) => {
            for error in errors {
                tracing::warn!(%error, "a part of the scale configuration is not used");
            }
            Ok(scale)
        }
        None => bail!("the scale configuration cannot be used:\n{}", errors.join("\n")),
    }
}

impl Engine {
    /// Opens storage and puts the parts together; nothing runs yet.
    pub(crate) async fn open(config: Config, clock: SharedClock, pace: Pace) -> Result<Self> {
        let store = open_store(&config, &clock).await?;
        let warehouse = open_warehouse(&config).await?;
        let client = client(&config, &clock)?;
        let fleet = match &config.fleet {
            Some(settings) => {
                let fleet = open_fleet(&config, settings, &store, client.as_ref(), &clock, pace).await?;
                Some((fleet, settings.clone()))
            }
            None => None,
        };
        let mut server = ServerConfig::new(secrets(&config.github)?);
        server.trusted_proxies.clone_from(&config.server.trusted_proxies);
        let app = App::new(AppState {
            store: store.clone(),
            warehouse,
            fleet: fleet.as_ref().map(|(fleet, _)| fleet.clone()),
            clock: Arc::clone(&clock),
            config: server,
        });
        Ok(Self { app, store, client, clock, fleet, config })
    }

    /// Serves and runs all loops until `shutdown`.
    pub(crate) async fn run(self, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
        let router = self.app.router();
        let app = self.app.clone();
        let server = trunkline_server::serve(listener, router, shutdown.clone());
        let loops = async {
            match &self.fleet {
                Some((fleet, settings)) => {
                    fleet_loop::run(fleet, settings, &self.store, &self.app, &shutdown).await;
                }
                None => shutdown.cancelled().await,
            }
        };
        let (served, (), (), (), ()) = tokio::join!(
            server,
            app.run(shutdown.clone()),
            loops,
            // Boxed: large, and seldom polled.
            Box::pin(redeliver::run(
                &self.config.github,
                self.client.as_ref(),
                &self.store,
                &self.clock,
                &self.app,
                &shutdown
            )),
            prune(
                &self.store,
                self.fleet.as_ref().map(|(fleet, _)| fleet),
                &self.clock,
                self.config.storage.keep_events_days,
                &shutdown
            ),
        );
        served.context("serve HTTP")
    }
}

/// The fleet's limits and times, as configured.
pub(crate) fn fleet_config(
    settings: &FleetSettings,
    scope: Scope,
    polled: Vec<RepoName>,
    Pace(pace): Pace,
) -> FleetConfig {
    let scaled = |seconds: u32| SignedDuration::from_secs(i64::from(seconds) * i64::from(pace));
    let mut fleet = FleetConfig::new(scope);
    fleet.poll_repositories = polled;
    fleet.max_runners = settings.max_runners;
    fleet.boot_timeout = scaled(settings.boot_timeout_seconds);
    fleet.idle_grace = scaled(settings.idle_seconds);
    fleet.reconcile_period = scaled(settings.reconcile_seconds);
    fleet.lease_ttl *= i32::from(pace);
    fleet.keep_finished = SignedDuration::from_hours(24 * i64::from(settings.keep_finished_days));
    fleet.finish_grace *= i32::from(pace);
    fleet.confirm_jobs_after *= i32::from(pace);
    fleet
}

async fn open_fleet(
    config: &Config,
    settings: &FleetSettings,
    store: &Store,
    client: Option<&Client>,
    clock: &SharedClock,
    Pace(pace): Pace,
) -> Result<Fleet> {
    let Some(client) = client else {
        bail!("`[fleet]` needs credentials: add `app` or `token` to `[github]`");
    };
    let (scope, github_scope, polled) = match (&settings.repository, &settings.organization) {
        (Some(repo), _) => {
            (Scope::Repository(repo.clone()), GitHubScope::Repo(repo.clone()), vec![repo.clone()])
        }
        (None, Some(org)) => (Scope::Organization(org.clone()), GitHubScope::Org(org.clone()), vec![]),
        (None, None) => bail!("`[fleet]` needs `repository` or `organization`"),
    };
    let fleet = fleet_config(settings, scope, polled, Pace(pace));
    let provider = providers::open(config, settings, clock)?;
    Fleet::open(Parts {
        store: store.clone(),
        forge: Arc::new(forge::GitHubForge::new(client.clone(), github_scope, settings.runner_group)),
        provider,
        scale: scale_config(&settings.scale_config)?,
        config: fleet,
        clock: Arc::clone(clock),
        rng: Rng::from_os(),
    })
    .await
    .context("open the fleet")
}

/// Drops raw deliveries, completed jobs and past runners past their time, once an hour.
async fn prune(
    store: &Store,
    fleet: Option<&Fleet>,
    clock: &SharedClock,
    days: u32,
    shutdown: &CancellationToken,
) {
    let keep = SignedDuration::from_hours(24 * i64::from(days));
    while shutdown.run_until_cancelled(tokio::time::sleep(Duration::from_secs(3600))).await.is_some() {
        match store.prune_events(clock.now() - keep).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "dropped old deliveries"),
            Err(error) => tracing::warn!(%error, "could not drop old deliveries"),
        }
        if let Some(fleet) = fleet {
            fleet_loop::prune(fleet).await;
        }
    }
}
