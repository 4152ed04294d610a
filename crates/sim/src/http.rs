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
use axum::{Router, middleware};
use jiff::SignedDuration;
use std::{
    fmt,
    future::IntoFuture as _,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
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

/// A fake GitHub that answers on a loopback port until it is dropped or told to stop.
#[derive(Debug)]
pub struct FakeGitHub {
    addr: SocketAddr,
    state: State,
    shutdown: CancellationToken,
    server: JoinHandle<io::Result<()>>,
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
        let seed = world.with(|world| world.config().seed);
        let shutdown = CancellationToken::new();
        let state = State {
            world,
            faults,
            requests: RequestLog::new(config.keep_requests),
            config: Arc::new(config),
            base: format!("http://{addr}").into(),
            chance: Arc::new(Mutex::new(Rng::from_seed(seed ^ 0x4774))),
            tokens: auth::Minted::new(seed),
            shutdown: shutdown.clone(),
        };
        let stop = shutdown.clone().cancelled_owned();
        let serve = axum::serve(listener, router(state.clone())).with_graceful_shutdown(stop);
        let server = tokio::spawn(serve.into_future());
        Ok(Self { addr, state, shutdown, server })
    }

    /// Where it answers.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base of the API: `http://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.state.base
    }

    /// The world that it shows.
    pub fn world(&self) -> &SharedWorld {
        &self.state.world
    }

    /// The faults that it obeys.
    pub fn faults(&self) -> &SharedFaults {
        &self.state.faults
    }

    /// The requests that were made.
    pub fn requests(&self) -> &RequestLog {
        &self.state.requests
    }

    /// Answers what is under way and stops.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        if let Ok(Err(error)) = (&mut self.server).await {
            tracing::warn!(%error, "the fake GitHub ended with an error");
        }
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.shutdown.cancel();
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
