//! Rate limits: a budget per bucket and hour.

use jiff::{SignedDuration, Timestamp};

/// Which budget a request is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Nearly everything.
    Core,
    /// JIT configurations and registration tokens.
    Registration,
}

impl Bucket {
    /// GitHub's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Registration => "actions_runner_registration",
        }
    }
}

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests per hour.
    pub limit: u64,
    /// Of them, used.
    pub used: u64,
    /// When it is full again.
    pub reset: Timestamp,
}

impl Budget {
    /// Requests left.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// All budgets.
#[derive(Debug)]
pub struct Budgets {
    core: Budget,
    registration: Budget,
}

impl Budgets {
    pub(super) fn new(core: u64, registration: u64, now: Timestamp) -> Self {
        let full = |limit| Budget { limit, used: 0, reset: now + HOUR };
        Self { core: full(core), registration: full(registration) }
    }

    /// What is left at a time.
    pub fn left(&mut self, bucket: Bucket, now: Timestamp) -> Budget {
        let budget = self.budget(bucket, now);
        *budget
    }

    /// Takes one request; `false` when nothing is left.
    pub fn take(&mut self, bucket: Bucket, now: Timestamp) -> bool {
        let budget = self.budget(bucket, now);
        let left = budget.remaining() > 0;
        budget.used += u64::from(left);
        left
    }

    /// Gives one back: an unchanged answer costs nothing.
    pub fn give_back(&mut self, bucket: Bucket, now: Timestamp) {
        let budget = self.budget(bucket, now);
        budget.used = budget.used.saturating_sub(1);
    }

    fn budget(&mut self, bucket: Bucket, now: Timestamp) -> &mut Budget {
        let budget = match bucket {
            Bucket::Core => &mut self.core,
            Bucket::Registration => &mut self.registration,
        };
        if now >= budget.reset {
            (budget.used, budget.reset) = (0, now + HOUR);
        }
        budget
    }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_is_full_again_after_an_hour() {
        let start = Timestamp::UNIX_EPOCH;
        let mut budgets = Budgets::new(2, 1, start);
        assert!(budgets.take(Bucket::Core, start) && budgets.take(Bucket::Core, start));
        assert!(!budgets.take(Bucket::Core, start));
        budgets.give_back(Bucket::Core, start);
        assert_eq!(budgets.left(Bucket::Core, start).remaining(), 1);
        assert!(budgets.take(Bucket::Registration, start) && !budgets.take(Bucket::Registration, start));
        assert_eq!(budgets.left(Bucket::Core, start + HOUR).remaining(), 2);
    }
}
