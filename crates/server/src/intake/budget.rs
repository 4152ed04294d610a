//! Memory for bodies: a fixed number of bytes over all requests. Who gets none is told to come again; nobody waits, so
//! half-read bodies cannot block each other.

use super::Lane;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All bytes, and those that the penalty lane may take of them.
#[derive(Debug)]
pub(super) struct Budget {
    total: usize,
    all: Arc<Semaphore>,
    penalty: Arc<Semaphore>,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        let all = Arc::new(Semaphore::new(bytes));
        Self { total: bytes, all, penalty: Arc::new(Semaphore::new(bytes / 4)) }
    }

    /// Begins to hold bytes: none yet.
    pub(super) fn holder(&self, lane: Lane) -> Held {
        let mut from = vec![Arc::clone(&self.all)];
        if lane == Lane::Penalty {
            from.push(Arc::clone(&self.penalty));
        }
        Held { from, permits: Vec::new() }
    }

    /// Bytes held now.
    pub(super) fn held(&self) -> usize {
        self.total - self.all.available_permits()
    }
}

/// Bytes held; given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    from: Vec<Arc<Semaphore>>,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// Takes more; false when there is not enough, and then nothing is taken.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let Ok(count) = u32::try_from(bytes) else { return false };
        let taken: Result<Vec<_>, _> =
            self.from.iter().map(|pot| Arc::clone(pot).try_acquire_many_owned(count)).collect();
        let Ok(taken) = taken else { return false };
        if self.permits.is_empty() {
            self.permits = taken;
        } else {
            self.permits.iter_mut().zip(taken).for_each(|(held, more)| held.merge(more));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_no_more_than_there_is_and_gives_all_back() {
        let budget = Budget::new(100);
        let mut one = budget.holder(Lane::Normal);
        assert!(one.grow(60) && one.grow(40));
        let mut other = budget.holder(Lane::Normal);
        assert!(!other.grow(1));
        drop(one);
        assert_eq!(budget.held(), 0);
        assert!(other.grow(100));
    }

    #[test]
    fn the_penalty_lane_leaves_three_quarters_to_others() {
        let budget = Budget::new(100);
        let mut penalised = budget.holder(Lane::Penalty);
        assert!(penalised.grow(25) && !penalised.grow(1));
        assert_eq!(budget.held(), 25);
        assert!(budget.holder(Lane::Normal).grow(75));
    }
}
