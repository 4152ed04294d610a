//! Does the due effects.

use crate::{Batch, Effect, Error, Outcome, Store};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use trunkline_model::SharedClock;

const CLAIM: Duration = Duration::from_secs(300);
const AT_ONCE: usize = 32;
/// A retry comes no sooner, or one that is due at once would take the whole round.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Knows how to do effects of some kinds.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Effects whose kind starts so are ours.
    fn kind_prefix(&self) -> &str;
    /// Does one effect, and says what to write together with its outcome.
    async fn execute(&self, effect: &Effect) -> (Outcome, Batch);
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Done.
    pub done: usize,
    /// To be tried again.
    pub retried: usize,
    /// Given up.
    pub failed: usize,
    /// Outcome could not be written because somebody else changed a part; the claim runs out and the effect comes again.
    pub conflicts: usize,
}

/// Claims due effects once and does them one after another.
///
/// Each is claimed only when its turn comes, so that a slow one does not let its neighbours' claims run out.
pub async fn run_due(store: &Store, executor: &dyn Executor, clock: &SharedClock) -> Result<Stats, Error> {
    let started = clock.now();
    let mut stats = Stats::default();
    for _ in 0..AT_ONCE {
        let Some(effect) = store.due_effects(executor.kind_prefix(), 1, CLAIM).await?.pop() else { break };
        let (mut outcome, batch) = executor.execute(&effect).await;
        let count = match &mut outcome {
            Outcome::Done(_) => &mut stats.done,
            Outcome::Retry { at, .. } => {
                *at = (*at).max(clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX));
                &mut stats.retried
            }
            Outcome::Failed { .. } => &mut stats.failed,
        };
        match store.finish_effect(effect.id, outcome, batch).await {
            Ok(_) => *count += 1,
            Err(Error::Conflict { what }) => {
                tracing::warn!(effect = effect.id, what, "outcome of effect not written");
                stats.conflicts += 1;
            }
            Err(e) => return Err(e),
        }
    }
    tracing::debug!(?stats, took = %clock.now().duration_since(started), "outbox round");
    Ok(stats)
}
