//! The fake GitHub over HTTP: the part of the REST API that Trunkline uses, and the listener's side for our own runners.
//!
//! Paths are those of `api.github.com`; what is ours is below `/_sim/`:
//!
//! | path | what |
//! |---|---|
//! | `POST /_sim/faults`, `GET` | sets, shows what is wrong ([`Faults`](crate::Faults) as JSON) |
//! | `GET /_sim/requests` | the requests that were made |
//! | `/_sim/runners/{id}/…` | the protocol of [`runner`](crate::runner) |
//! | `GET /_sim/logs/{job}` | where a job's log is redirected to |

mod actions;
mod answer;
mod app;
mod auth;
mod gate;
mod hooks;
mod listener;
mod own;
mod repos;
mod requests;
mod runners;
#[cfg(test)]
mod tests;

pub use requests::{Request, RequestLog};

use crate::{Pace, SharedWorld, deliver::SharedFaults};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, StatusCode},
    middleware,
};
use jiff::SignedDuration;
use serde_json::Value;
use std::{
    fmt,
    future::IntoFuture as _,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use trunkline_model::Rng;

/// Set-up of the HTTP side. `Debug` shows no token.
#[derive(Clone)]
pub struct HttpConfig {
    /// Tokens that are let in, beside those of the App's installation.
    pub tokens: Vec<String>,
    /// How fast virtual time passes: runners sleep that much less.
    pub pace: Pace,
    /// How long a runner waits for its job, in virtual time.
    pub runner_idle: SignedDuration,
    /// Requests that are remembered.
    pub keep_requests: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            tokens: vec![],
            pace: Pace::default(),
            runner_idle: SignedDuration::from_hours(1),
            keep_requests: 100_000,
        }
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("tokens", &self.tokens.len())
            .field("pace", &self.pace)
            .field("runner_idle", &self.runner_idle)
            .finish_non_exhaustive()
    }
}

/// The fake GitHub's answers, without a port. Clones share everything.
#[derive(Debug, Clone)]
pub struct Api {
    state: State,
    router: Router,
}

/// What every handler works with.
#[derive(Debug, Clone)]
struct State {
    world: SharedWorld,
    faults: SharedFaults,
    requests: RequestLog,
    config: Arc<HttpConfig>,
    /// `http://127.0.0.1:port`, without a slash at the end.
    base: Arc<str>,
    chance: Arc<Mutex<Rng>>,
    tokens: auth::Minted,
    shutdown: CancellationToken,
}

impl Api {
    /// The API of a world. `base` is where it is said to be: links and runners' configurations begin with it.
    pub fn new(world: SharedWorld, faults: SharedFaults, base: &str, config: HttpConfig) -> Self {
        let seed = world.with(|world| world.config().seed);
        let state = State {
            world,
            faults,
            requests: RequestLog::new(config.keep_requests),
            config: Arc::new(config),
            base: base.trim_end_matches('/').into(),
            chance: Arc::new(Mutex::new(Rng::from_seed(seed ^ 0x4774))),
            tokens: auth::Minted::new(seed),
            shutdown: CancellationToken::new(),
        };
        Self { router: router(state.clone()), state }
    }

    /// All its routes.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The requests that were made.
    pub fn requests(&self) -> &RequestLog {
        &self.state.requests
    }

    /// Answers one request in the process. `token` is one of [`HttpConfig::tokens`].
    pub async fn ask(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Answered {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
        match request {
            Ok(request) => self.call(request).await,
            // A path that no client could ask for.
            Err(_) => Answered { status: StatusCode::BAD_REQUEST, ..Answered::default() },
        }
    }

    /// Answers any request in the process.
    pub async fn call(&self, request: axum::http::Request<Body>) -> Answered {
        let (parts, body) = match self.router().oneshot(request).await {
            Ok(response) => response.into_parts(),
            Err(never) => match never {},
        };
        // The answer is our own: reading it does not fail.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        Answered { status: parts.status, headers: parts.headers, body }
    }
}

/// An answer of the API.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answered {
    /// A header, when it is there and plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path of the next page, when there is one.
    pub fn next_page(&self) -> Option<&str> {
        let link = self.header("link")?.split(',').find(|link| link.contains("rel=\"next\""))?;
        let url = link.split(['<', '>']).nth(1)?;
        let at = url.find("://").map_or(0, |at| at + 3);
        url[at..].find('/').map(|slash| &url[at + slash..])
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A fake GitHub that answers on a loopback port until it is dropped or told to stop.
#[derive(Debug)]
pub struct FakeGitHub {
    addr: SocketAddr,
    api: Api,
    server: JoinHandle<io::Result<()>>,
}

impl FakeGitHub {
    /// Starts to answer at an address, such as `127.0.0.1:0`.
    ///
    /// # Errors
    /// When the address cannot be bound, or is not on this machine's loopback.
    pub async fn start(
        world: SharedWorld,
        faults: SharedFaults,
        addr: SocketAddr,
        config: HttpConfig,
    ) -> io::Result<Self> {
        if !addr.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a fake GitHub answers on loopback only",
            ));
        }
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let api = Api::new(world, faults, &format!("http://{addr}"), config);
        let stop = api.state.shutdown.clone().cancelled_owned();
        let serve = axum::serve(listener, api.router()).with_graceful_shutdown(stop);
        let server = tokio::spawn(serve.into_future());
        Ok(Self { addr, api, server })
    }

    /// Where it answers.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base of the API: `http://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.api.state.base
    }

    /// The world that it shows.
    pub fn world(&self) -> &SharedWorld {
        &self.api.state.world
    }

    /// The faults that it obeys.
    pub fn faults(&self) -> &SharedFaults {
        &self.api.state.faults
    }

    /// The requests that were made.
    pub fn requests(&self) -> &RequestLog {
        self.api.requests()
    }

    /// Answers what is under way and stops.
    pub async fn stop(mut self) {
        self.api.state.shutdown.cancel();
        if let Ok(Err(error)) = (&mut self.server).await {
            tracing::warn!(%error, "the fake GitHub ended with an error");
        }
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.api.state.shutdown.cancel();
    }
}

fn router(state: State) -> Router {
    let api = Router::new()
        .merge(app::routes())
        .merge(runners::routes())
        .merge(actions::routes())
        .merge(repos::routes())
        .merge(hooks::routes())
        .fallback(answer::not_found)
        .layer(middleware::from_fn_with_state(state.clone(), gate::pass));
    let sim = Router::new().merge(listener::routes()).merge(own::routes());
    Router::new().nest("/_sim", sim).merge(api).with_state(state)
}
