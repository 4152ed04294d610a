//! The product put together: storage, server, fleet and their loops. `serve` and `demo` differ only in what they pass.

mod fleet_loop;
mod forge;
pub(crate) mod redeliver;

use crate::config::{Config, Fleet as FleetSettings, GitHub};
use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trunkline_fleet::{
    Fleet, FleetConfig, Parts, Scope,
    providers::process::{ProcessConfig, ProcessProvider},
};
use trunkline_github::{
    Client,
    client::{Credentials, Scope as GitHubScope},
    http::{self, HttpOptions},
    webhook::signature::Secrets,
};
use trunkline_model::{Rng, Severity, SharedClock};
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

/// The webhook secrets, read.
pub(crate) fn secrets(github: &GitHub) -> Result<Secrets> {
    let read: Result<Vec<_>, _> = github.webhook_secrets.iter().map(crate::config::SecretRef::read).collect();
    Ok(Secrets::new(read?))
}

/// A client for GitHub when the configuration has credentials.
pub(crate) fn client(config: &Config, clock: &SharedClock) -> Result<Option<Client>> {
    let credentials = match (&config.github.app, &config.github.token) {
        (Some(app), _) => {
            let fleet = config.fleet.as_ref();
            let of_fleet = fleet.and_then(|fleet| match (&fleet.repository, &fleet.organization) {
                (Some(repo), _) => Some(format!("repos/{repo}")),
                (None, Some(org)) => Some(format!("orgs/{org}")),
                (None, None) => None,
            });
            let of_hooks = config.github.hooks.first().map(|(repo, _)| format!("repos/{repo}"));
            let installation_for = of_fleet.or(of_hooks).unwrap_or_else(|| "app".into());
            Credentials::App { id: app.id, private_key: app.private_key.read()?, installation_for }
        }
        (None, Some(token)) => Credentials::Token(token.read()?),
        (None, None) => return Ok(None),
    };
    let http = http::client(&HttpOptions::default()).context("make an HTTP client")?;
    Ok(Some(Client::new(http, config.github.api_url.clone(), credentials, Arc::clone(clock))))
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
            redeliver::run(
                &self.config.github,
                self.client.as_ref(),
                &self.store,
                &self.clock,
                &self.app,
                &shutdown
            ),
            prune(&self.store, &self.clock, self.config.storage.keep_events_days, &shutdown),
        );
        served.context("serve HTTP")
    }
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
    let scaled = |seconds: u32| SignedDuration::from_secs(i64::from(seconds) * i64::from(pace));
    let mut fleet = FleetConfig::new(scope);
    fleet.poll_repositories = polled;
    fleet.max_runners = settings.max_runners;
    fleet.boot_timeout = scaled(settings.boot_timeout_seconds);
    fleet.idle_grace = scaled(settings.idle_seconds);
    fleet.reconcile_period = scaled(settings.reconcile_seconds);
    fleet.finish_grace *= i32::from(pace);
    fleet.confirm_jobs_after *= i32::from(pace);
    let provider = ProcessProvider::new(ProcessConfig {
        command: settings.command.clone(),
        folder: config.storage.folder.join("runners"),
        max_runners: settings.max_runners,
        pass_environment: vec![],
    })
    .context("set up the process provider")?;
    Fleet::open(Parts {
        store: store.clone(),
        forge: Arc::new(forge::GitHubForge::new(client.clone(), github_scope, settings.runner_group)),
        provider: Arc::new(provider),
        scale: scale_config(&settings.scale_config)?,
        config: fleet,
        clock: Arc::clone(clock),
        rng: Rng::from_os(),
    })
    .await
    .context("open the fleet")
}

/// Drops raw deliveries past their time, once an hour.
async fn prune(store: &Store, clock: &SharedClock, days: u32, shutdown: &CancellationToken) {
    let keep = SignedDuration::from_hours(24 * i64::from(days));
    while shutdown.run_until_cancelled(tokio::time::sleep(Duration::from_secs(3600))).await.is_some() {
        match store.prune_events(clock.now() - keep).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "dropped old deliveries"),
            Err(error) => tracing::warn!(%error, "could not drop old deliveries"),
        }
    }
}
