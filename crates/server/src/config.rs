//! Settings of the server. The binary fills them from `trunkline.toml`.

use crate::grid::Groups;
use std::{net::IpAddr, time::Duration};
use trunkline_github::webhook::signature::Secrets;

/// Settings of the server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Webhook secrets; any of them verifies, so they can be rotated.
    pub secrets: Secrets,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Bounds of the intake.
    pub intake: IntakeLimits,
    /// How the grid is drawn up.
    pub grid: GridConfig,
    /// The program's version, as `/api/v1/status` tells it.
    pub version: String,
    /// Live streams at a time; more are answered 503.
    pub max_streams: usize,
}

impl ServerConfig {
    /// Defaults with the given secrets.
    pub fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            trusted_proxies: Vec::new(),
            intake: IntakeLimits::default(),
            grid: GridConfig::default(),
            version: env!("CARGO_PKG_VERSION").into(),
            max_streams: 1_000,
        }
    }
}

/// Bounds of the intake.
#[derive(Debug, Clone, PartialEq)]
pub struct IntakeLimits {
    /// Largest body. GitHub sends at most 25 MiB.
    pub body_bytes: usize,
    /// Bodies held in memory at a time, over all senders; over it deliveries are answered 503.
    pub in_flight_bytes: usize,
    /// Time for the whole body.
    pub body_time: Duration,
    /// Time for the log to take the delivery. GitHub waits 10 seconds in all.
    pub append_time: Duration,
    /// Requests failing verification that a source may send at once.
    pub failure_burst: u32,
    /// Requests failing verification that a source may send per second in the long run.
    pub failures_per_second: f64,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self {
            body_bytes: 25 << 20,
            in_flight_bytes: 64 << 20,
            body_time: Duration::from_secs(10),
            append_time: Duration::from_secs(9),
            failure_burst: 20,
            failures_per_second: 1.0,
        }
    }
}

/// How the grid is drawn up.
#[derive(Debug, Clone)]
pub struct GridConfig {
    /// Which column belongs to which group.
    pub groups: Groups,
    /// Whether runs on runners of another fleet (`lf.`, `ephemeral.`) share the column of the plain runner.
    pub fold_runner_prefixes: bool,
    /// Commits whose cells are kept in memory, some 25 KB each at 1,500 jobs.
    pub cached_commits: usize,
    /// Pages that are kept encoded and compressed, some 300 KB each at 1,500 jobs.
    pub cached_pages: usize,
}

impl Default for GridConfig {
    fn default() -> Self {
        Self { groups: Groups::default(), fold_runner_prefixes: true, cached_commits: 400, cached_pages: 24 }
    }
}
