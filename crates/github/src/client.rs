//! The REST client: one handle, cheap to clone, for everything Trunkline asks of GitHub.
//!
//! Each endpoint group has a file of its own with its types; this file and the ones below carry what all calls
//! share: who asks ([`config`](ClientConfig)), budgets, conditional requests, pages, retries and typed errors.
//! Limits are never slept through here: a call answers [`Error::RateLimited`] and the caller's queue comes back.

mod actions_jobs;
mod actions_runners;
mod answer;
mod app;
mod auth;
mod backoff;
mod budget;
mod config;
mod error;
mod etag;
mod hooks;
mod pages;
mod repos;
mod request;
mod scope;
mod send;

pub use actions_jobs::{JobFilter, RunQuery, RunStatus};
pub use actions_runners::{Deleted, JitConfig, RemoteRunner};
pub use app::{AppInfo, Installation, RateLimit, RateLimits};
pub use budget::BudgetState;
pub use config::{AppCredentials, ClientConfig, ConfigError, Credentials, check_base};
pub use error::Error;
pub use hooks::{DeliveryDetail, DeliveryPage, Hook, HookDelivery};
pub use repos::CommitQuery;
pub use scope::Scope;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use trunkline_model::{Rng, SharedClock};
use url::Url;

/// The client. Clones share connections, tokens, budgets and cache.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    base: Url,
    http: reqwest::Client,
    clock: SharedClock,
    rng: Mutex<Rng>,
    identities: auth::Identities,
    budgets: budget::Budgets,
    cache: etag::Cache,
    slots: tokio::sync::Semaphore,
    limits: config::Limits,
}

impl Client {
    /// A client of the API at the configured address. Makes no request yet.
    ///
    /// # Errors
    /// When the address, the credentials or the user agent cannot be used.
    pub fn new(config: ClientConfig, clock: SharedClock, rng: Rng) -> Result<Self, ConfigError> {
        config::check_base(&config.base_url)?;
        let http = crate::http::client(&config.http).map_err(ConfigError::Http)?;
        Ok(Self(Arc::new(Shared {
            base: config.base_url,
            http,
            clock,
            rng: Mutex::new(rng),
            identities: auth::Identities::new(config.credentials)?,
            budgets: budget::Budgets::default(),
            cache: etag::Cache::new(config.etag_cache_bytes),
            slots: tokio::sync::Semaphore::new(config.max_concurrency.max(1)),
            limits: config::Limits {
                deadline: config.deadline,
                max_retries: config.max_retries,
                retry_base: config.retry_base,
                max_response_bytes: config.max_response_bytes,
            },
        })))
    }

    /// Ids of the configured Apps, in their order; none with a token.
    pub fn app_ids(&self) -> Vec<String> {
        self.0.identities.app_ids()
    }

    /// What is known of the budgets, for metrics and pages.
    pub fn budgets(&self) -> Vec<BudgetState> {
        self.0.budgets.states(&self.0.identities, self.0.clock.now())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.0.base.as_str())
            .field("identities", &self.0.identities)
            .finish_non_exhaustive()
    }
}

/// Locks; a panic elsewhere does not make plain data unusable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
