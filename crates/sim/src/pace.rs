//! How virtual time passes in real time.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use trunkline_model::SharedClock;

/// Virtual seconds per real second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(u16);

/// No single sleep is longer: the clock may be moved by hand.
const LONGEST: Duration = Duration::from_secs(1);

impl Pace {
    /// A pace, at least 1.
    pub fn new(factor: u16) -> Self {
        Self(factor.max(1))
    }

    /// The real length of a virtual one; never negative.
    pub fn real(self, length: SignedDuration) -> Duration {
        Duration::try_from(length / i32::from(self.0)).unwrap_or(Duration::ZERO)
    }

    /// Sleeps until a virtual time comes, or a second at most; a second when there is none.
    pub async fn sleep_until(self, due: Option<Timestamp>, clock: &SharedClock) {
        let left = due.map_or(LONGEST, |due| self.real(due.duration_since(clock.now())).min(LONGEST));
        // A little late rather than early, so that it need not be done twice.
        tokio::time::sleep(left + Duration::from_millis(1)).await;
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self(1)
    }
}
