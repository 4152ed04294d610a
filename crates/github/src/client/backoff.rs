//! When to try again: doubling pauses, half of each by chance, so that many clients do not come back together.

use super::{Client, Error, lock};
use std::time::Duration;

/// Longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(10);

/// Counts the tries of one call.
#[derive(Debug)]
pub(super) struct Tries {
    idempotent: bool,
    done: u32,
}

impl Tries {
    pub(super) fn new(idempotent: bool) -> Self {
        Self { idempotent, done: 0 }
    }
}

impl Client {
    /// Waits before the next try, or gives the error back when there is none.
    pub(super) async fn pause(&self, tries: &mut Tries, error: Error) -> Result<(), Error> {
        let again = tries.idempotent && tries.done < self.0.limits.max_retries;
        if !again || !matches!(error, Error::Transient { .. }) {
            return Err(error);
        }
        let pause = delay(self.0.limits.retry_base, tries.done, lock(&self.0.rng).unit());
        tries.done += 1;
        tracing::debug!(%error, tries = tries.done, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

fn delay(base: Duration, done: u32, chance: f64) -> Duration {
    let whole = base.saturating_mul(1 << done.min(16)).min(LONGEST);
    whole.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_bounded() {
        let base = Duration::from_millis(500);
        assert_eq!(delay(base, 0, 0.0), Duration::from_millis(250));
        assert_eq!(delay(base, 2, 1.0), Duration::from_secs(2));
        assert_eq!(delay(base, 60, 1.0), LONGEST);
    }
}
