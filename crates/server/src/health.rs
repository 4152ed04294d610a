//! Can the server serve? Checked at most once a second, however often it is asked.

use crate::{app::Parts, error::chain};
use serde::Serialize;
use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use utoipa::ToSchema;

const KEEP: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(3);

/// The last answer.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<(Instant, Readiness)>>);

/// Whether requests can be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether all checks passed.
    pub(crate) ready: bool,
    /// The checks.
    pub(crate) checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What was checked.
    pub(crate) name: String,
    /// Whether it is well.
    pub(crate) ok: bool,
    /// What is wrong.
    pub(crate) error: Option<String>,
}

impl Health {
    pub(crate) async fn check(&self, parts: &Parts) -> Readiness {
        let mut last = self.0.lock().await;
        if let Some((at, readiness)) = &*last
            && at.elapsed() < KEEP
        {
            return readiness.clone();
        }
        let (store, warehouse) = tokio::join!(
            timeout(PATIENCE, parts.store.health()),
            timeout(PATIENCE, parts.warehouse.health())
        );
        let checks = vec![
            outcome("store", store.map(|answer| answer.map_err(|error| chain(&error)))),
            outcome("warehouse", warehouse.map(|answer| answer.map_err(|error| chain(&error)))),
        ];
        let readiness = Readiness { ready: checks.iter().all(|check| check.ok), checks };
        *last = Some((Instant::now(), readiness.clone()));
        readiness
    }
}

fn outcome(name: &str, answer: Result<Result<(), String>, tokio::time::error::Elapsed>) -> Check {
    let error = match answer {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Check { name: name.into(), ok: error.is_none(), error }
}
