//! One file per measurement.

pub(crate) mod grid;
pub(crate) mod intake;
pub(crate) mod load;
pub(crate) mod paint;

use std::time::Duration;

/// Times in order.
#[derive(Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many percent do not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        let rank = (self.0.len() as f64 * percent / 100.0).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let times = Times::new((1..=200).rev().map(Duration::from_millis).collect());
        for (percent, ms) in [(50.0, 100.0), (99.0, 198.0), (100.0, 200.0), (0.0, 1.0)] {
            assert!((times.percentile_ms(percent) - ms).abs() < 1e-9, "{percent}");
        }
        assert!(Times::new(vec![]).percentile_ms(50.0).is_nan());
    }
}
