//! What the server is made of, and its routes.

use crate::{
    api,
    config::ServerConfig,
    error::{self, ApiError},
    grid::{Cells, Directory, Pages},
    health::Health,
    intake::{self, Intake},
    live::Live,
    loops::Loops,
    metrics::Metrics,
    progress::Progress,
    projector::Projector,
    request::RequestIds,
    web,
};
use axum::{Router, middleware, routing::post};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use trunkline_fleet::Fleet;
use trunkline_model::{RepoName, Sha, SharedClock};
use trunkline_store::Store;
use trunkline_warehouse::Warehouse;

/// What the binary gives to the server.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Durable state: the event log that the intake writes and the projector reads.
    pub store: Store,
    /// Analytics: what pages are made of.
    pub warehouse: Warehouse,
    /// The fleet, when this installation has one.
    pub fleet: Option<Fleet>,
    /// Time: ages on pages, times of receipt.
    pub clock: SharedClock,
    /// Settings.
    pub config: ServerConfig,
}

/// The server's parts, shared by handlers and loops.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) warehouse: Warehouse,
    pub(crate) fleet: Option<Fleet>,
    pub(crate) clock: SharedClock,
    pub(crate) config: ServerConfig,
    pub(crate) intake: Intake,
    pub(crate) metrics: Metrics,
    pub(crate) loops: Loops,
    pub(crate) live: Live,
    pub(crate) progress: Progress,
    pub(crate) directory: Directory,
    pub(crate) cells: Cells,
    pub(crate) pages: Pages,
    pub(crate) health: Health,
    pub(crate) log: watch::Receiver<i64>,
}

pub(crate) type Shared = Arc<Parts>;

impl Parts {
    /// The last number given in the event log.
    pub(crate) fn last_seq(&self) -> i64 {
        *self.log.borrow()
    }

    /// Drops what is remembered of commits and tells everybody who watches.
    pub(crate) fn changed(&self, repo: &RepoName, shas: Vec<Sha>, seq: i64) {
        for sha in &shas {
            self.cells.forget(repo, sha);
        }
        self.pages.outdate(repo);
        self.live.commits_changed(repo, shas, seq);
    }
}

/// The server. Clones share it.
#[derive(Debug, Clone)]
pub struct App(Shared);

impl App {
    /// Puts the server together; nothing runs yet.
    pub fn new(state: AppState) -> Self {
        let AppState { store, warehouse, fleet, clock, config } = state;
        let log = store.subscribe();
        Self(Arc::new(Parts {
            intake: Intake::new(config.intake.clone()),
            metrics: Metrics::default(),
            loops: Loops::new(Arc::clone(&clock)),
            live: Live::new(config.max_streams),
            progress: Progress::default(),
            directory: Directory::default(),
            cells: Cells::new(&config.grid),
            pages: Pages::new(config.grid.cached_pages),
            health: Health::default(),
            store,
            warehouse,
            fleet,
            clock,
            config,
            log,
        }))
    }

    /// The routes: intake, API, live stream, health, metrics, pages.
    pub fn router(&self) -> Router {
        let (api, _) = api::routes().split_for_parts();
        let compressed = api
            .merge(api::plain_routes())
            .fallback(web::page)
            .method_not_allowed_fallback(error::method_not_allowed)
            .layer(CompressionLayer::new());
        Router::new()
            .merge(compressed)
            .route("/webhooks/github", post(intake::receive).fallback(error::method_not_allowed))
            .layer(middleware::from_fn_with_state(Arc::clone(&self.0), api::measure))
            .layer(middleware::from_fn_with_state(Arc::new(RequestIds::new()), error::finish))
            .with_state(Arc::clone(&self.0))
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> &Shared {
        &self.0
    }

    /// The loop that takes the event log into the warehouse.
    pub fn projector(&self) -> Projector {
        Projector::new(Arc::clone(&self.0))
    }

    /// Where loops report what they did, for `/api/v1/loops`.
    pub fn loops(&self) -> &Loops {
        &self.0.loops
    }

    /// What watching pages are told.
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// To be called after rows of these commits were loaded past the projector, as an import does.
    pub fn commits_changed(&self, repo: &RepoName, shas: Vec<Sha>) {
        self.0.changed(repo, shas, self.0.last_seq());
    }

    /// Runs the projector and the live updates until shutdown. The router works without, but nothing moves.
    pub async fn run(&self, shutdown: CancellationToken) {
        let projector = self.projector();
        tokio::join!(
            projector.run(shutdown.clone()),
            self.0.live.run(shutdown.clone()),
            api::announce(Arc::clone(&self.0), shutdown),
        );
    }
}

/// Answers an address that is neither page nor API.
pub(crate) fn no_such_address(path: &str) -> ApiError {
    ApiError::not_found("no_such_address", format!("there is nothing at `{}`", path.escape_debug()))
        .hint("see /openapi.json for what there is")
}
