//! Does the due effects.

use crate::{Batch, Effect, Error, Outcome, Store};
use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use trunkline_model::SharedClock;

/// How long a claim holds when we die.
const CLAIM: Duration = Duration::from_secs(300);
/// A retry comes no sooner, or one that is due at once would take the whole round.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Knows how to do effects of some kinds.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Effects whose kind starts so are ours.
    fn kind_prefix(&self) -> &str;
    /// Most effects per round.
    fn per_round(&self) -> usize {
        32
    }
    /// Most effects under way at the same time.
    fn at_once(&self) -> usize {
        1
    }
    /// Asked before effects are claimed: whether this process may still act. No more are claimed in this round after a no.
    async fn may_act(&self) -> Result<bool, Error> {
        Ok(true)
    }
    /// Does one effect, and says what to write together with its outcome. After an error the effect comes again when its
    /// claim has run out.
    async fn execute(&self, effect: &Effect) -> Result<(Outcome, Batch), Error>;
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
    /// The round was full: more may be due.
    pub more: bool,
}

/// Claims due effects and does them, at most [`Executor::at_once`] at the same time.
///
/// Each is claimed only when it can start, so that a slow one does not let its neighbours' claims run out. After an error of
/// the store nothing new is claimed, what is under way ends, and the first error is answered.
pub async fn run_due(store: &Store, executor: &dyn Executor, clock: &SharedClock) -> Result<Stats, Error> {
    let started = clock.now();
    let mut stats = Stats::default();
    let mut under_way = FuturesUnordered::new();
    let (mut left, at_once) = (executor.per_round(), executor.at_once().max(1));
    let mut claiming = true;
    let mut failure = None;
    loop {
        // Claimed when half of the places are free, so that a claim serves several effects.
        if claiming && left > 0 && under_way.len() <= at_once / 2 {
            match claim(store, executor, left.min(at_once - under_way.len())).await {
                Ok(claimed) => {
                    claiming = !claimed.is_empty();
                    left -= claimed.len();
                    under_way.extend(claimed.into_iter().map(|effect| one(store, executor, clock, effect)));
                }
                Err(e) => {
                    claiming = false;
                    failure.get_or_insert(e);
                }
            }
        }
        match under_way.next().await {
            Some(Ok(end)) => stats.count(end),
            Some(Err(e)) => {
                claiming = false;
                failure.get_or_insert(e);
            }
            None if claiming && left > 0 => {}
            None => break,
        }
    }
    stats.more = claiming;
    tracing::debug!(?stats, took = %clock.now().duration_since(started), "outbox round");
    failure.map_or(Ok(stats), Err)
}

async fn claim(store: &Store, executor: &dyn Executor, limit: usize) -> Result<Vec<Effect>, Error> {
    if !executor.may_act().await? {
        return Ok(Vec::new());
    }
    store.due_effects(executor.kind_prefix(), limit, CLAIM).await
}

#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    Retried,
    Failed,
    Conflict,
}

impl Stats {
    fn count(&mut self, end: End) {
        *match end {
            End::Done => &mut self.done,
            End::Retried => &mut self.retried,
            End::Failed => &mut self.failed,
            End::Conflict => &mut self.conflicts,
        } += 1;
    }
}

async fn one(
    store: &Store,
    executor: &dyn Executor,
    clock: &SharedClock,
    effect: Effect,
) -> Result<End, Error> {
    let (mut outcome, batch) = executor.execute(&effect).await?;
    let end = match &mut outcome {
        Outcome::Done(_) => End::Done,
        Outcome::Retry { at, error } => {
            *at = (*at).max(clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX));
            tracing::info!(effect.key, error, "effect is tried again later");
            End::Retried
        }
        Outcome::Failed { error } => {
            tracing::warn!(effect.key, error, "effect is given up");
            End::Failed
        }
    };
    match store.finish_effect(&effect, outcome, batch).await {
        Ok(_) => Ok(end),
        Err(Error::Conflict { what }) => {
            tracing::warn!(effect.key, what, "outcome of effect not written");
            Ok(End::Conflict)
        }
        Err(e) => Err(e),
    }
}
