//! The one home of the wall clock. Everything else takes a [`Clock`], so tests and the simulator can hold time.

use jiff::{SignedDuration, Timestamp};
use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

/// A source of the current time.
pub trait Clock: Send + Sync + Debug {
    /// The current time in UTC.
    fn now(&self) -> Timestamp;
}

/// A clock as it is handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved; clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// Moves forward by `by`; a negative duration is ignored, time does not run backwards.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if by.is_positive() {
            *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
        }
    }

    /// Moves to `to` if that is later than now.
    pub fn advance_to(&self, to: Timestamp) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (*now).max(to);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that runs `factor` times as fast as another, from a chosen start: the demo's accelerated time.
#[derive(Debug)]
pub struct AcceleratedClock {
    base: SharedClock,
    base_start: Timestamp,
    start: Timestamp,
    factor: i32,
}

impl AcceleratedClock {
    /// Starts at `start` and runs `factor` times as fast as `base` (at least once).
    pub fn new(base: SharedClock, start: Timestamp, factor: u16) -> Self {
        let base_start = base.now();
        Self { base, base_start, start, factor: i32::from(factor.max(1)) }
    }

    /// How many times as fast as its base the clock runs.
    pub fn factor(&self) -> u16 {
        u16::try_from(self.factor).unwrap_or(1)
    }
}

impl Clock for AcceleratedClock {
    fn now(&self) -> Timestamp {
        let passed = self.base.now().duration_since(self.base_start);
        let scaled = passed.checked_mul(self.factor).unwrap_or(SignedDuration::MAX);
        self.start.checked_add(scaled).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_only_moves_forward() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let twin = clock.clone();
        clock.advance(SignedDuration::from_secs(5));
        clock.advance(SignedDuration::from_secs(-3));
        clock.advance_to(Timestamp::UNIX_EPOCH);
        assert_eq!(twin.now().as_second(), 5);
    }

    #[test]
    fn an_accelerated_clock_multiplies_what_passed() {
        let base = ManualClock::new(Timestamp::UNIX_EPOCH);
        let fast = AcceleratedClock::new(Arc::new(base.clone()), Timestamp::from_second(1_000).unwrap(), 60);
        base.advance(SignedDuration::from_secs(2));
        assert_eq!(fast.now().as_second(), 1_120);
    }
}
