//! Who keeps failing verification: one token bucket per source. Requests that verify never touch it, so GitHub cannot be starved.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Sources remembered; beyond it the full buckets go first, then any.
const MAX_SOURCES: usize = 10_000;

/// How a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// Its budget of failures is used up.
    Exhausted,
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Sources {
    burst: f64,
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Sources {
    pub(super) fn new(burst: u32, per_second: f64) -> Self {
        Self { burst: f64::from(burst.max(1)), per_second: per_second.max(0.001), buckets: Mutex::default() }
    }

    pub(super) fn standing(&self, source: IpAddr, now: Instant) -> Standing {
        let tokens =
            self.buckets().get(&network(source)).map_or(self.burst, |bucket| self.tokens(bucket, now));
        if tokens < 1.0 { Standing::Exhausted } else { Standing::Good }
    }

    /// Seconds until an exhausted source has a token again.
    pub(super) fn recovery_seconds(&self) -> u64 {
        (1.0 / self.per_second).ceil() as u64
    }

    /// A request of this source failed verification.
    pub(super) fn failed(&self, source: IpAddr, now: Instant) {
        let key = network(source);
        let mut buckets = self.buckets();
        if buckets.len() >= MAX_SOURCES && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| self.tokens(bucket, now) < self.burst);
            if buckets.len() >= MAX_SOURCES {
                let any = buckets.keys().next().copied();
                any.map(|any| buckets.remove(&any));
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.burst, at: now });
        let tokens = (self.tokens(bucket, now) - 1.0).max(0.0);
        *bucket = Bucket { tokens, at: now };
    }

    fn tokens(&self, bucket: &Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        (bucket.tokens + gained).min(self.burst)
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everybody has many IPv6 addresses: a /64 network counts as one source.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn failures_exhaust_a_source_and_time_forgives() {
        let (sources, now) = (Sources::new(3, 1.0), Instant::now());
        let (bad, good) = ("10.1.1.1".parse().unwrap(), "10.1.1.2".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(sources.standing(bad, now), Standing::Good);
            sources.failed(bad, now);
        }
        assert_eq!(sources.standing(bad, now), Standing::Exhausted);
        assert_eq!(sources.standing(good, now), Standing::Good);
        let later = now + Duration::from_millis(1100);
        assert_eq!(sources.standing(bad, later), Standing::Good);
        sources.failed(bad, later);
        assert_eq!(sources.standing(bad, later), Standing::Exhausted);
    }

    #[test]
    fn a_network_is_one_source_and_memory_is_bounded() {
        let (sources, now) = (Sources::new(1, 0.01), Instant::now());
        sources.failed("2001:db8:0:1::1".parse().unwrap(), now);
        assert_eq!(sources.standing("2001:db8:0:1::ffff".parse().unwrap(), now), Standing::Exhausted);
        assert_eq!(sources.standing("2001:db8:0:2::1".parse().unwrap(), now), Standing::Good);
        for number in 0..30_000_u32 {
            sources.failed(IpAddr::V4(number.into()), now);
        }
        assert!(sources.buckets().len() <= MAX_SOURCES);
    }
}
