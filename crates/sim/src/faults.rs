//! What is wrong with the world: set in code, by scenarios and by `POST /_sim/faults`. Chance comes from a seed.

use crate::world::Webhook;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, collections::BinaryHeap};
use trunkline_model::Rng;

/// All faults. The default is a world that is well. Probabilities are 0 to 1, times are virtual but for latency.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Part of the webhooks that never arrive; GitHub's record shows the failed attempt.
    pub drop: f64,
    /// Part of the webhooks that GitHub itself forgets: not even its record has them.
    pub lose: f64,
    /// Part of the webhooks that arrive twice.
    pub duplicate: f64,
    /// Part of the webhooks that later ones overtake.
    pub reorder: f64,
    /// How late webhooks arrive, in seconds.
    pub delay_seconds: f64,
    /// Part of the API requests that are answered with 502.
    pub server_errors: f64,
    /// Every API request is answered with 403 and a rate-limit notice.
    pub rate_limited: bool,
    /// With [`Faults::rate_limited`]: it is a secondary limit, which says to wait so many seconds.
    pub retry_after_seconds: Option<u32>,
    /// GitHub is down: no API request succeeds, webhooks wait, jobs get no runners.
    pub outage: bool,
    /// When the outage begins, if it is planned.
    pub outage_from: Option<Timestamp>,
    /// When an outage ends by itself.
    pub outage_until: Option<Timestamp>,
    /// How long every API answer takes, in real milliseconds.
    pub latency_ms: u64,
}

impl Faults {
    /// Whether GitHub is down at a time.
    pub fn is_down(&self, now: Timestamp) -> bool {
        let begun = self.outage || self.outage_from.is_some_and(|from| from <= now);
        begun && self.outage_until.is_none_or(|until| now < until)
    }

    /// When [`Faults::is_down`] changes next by itself.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.outage_from.into_iter().chain(self.outage_until).filter(|at| *at > now).min()
    }
}

impl From<&crate::scenario::step::Faults> for Faults {
    fn from(faults: &crate::scenario::step::Faults) -> Self {
        Self {
            drop: faults.drop.get(),
            duplicate: faults.duplicate.get(),
            reorder: faults.reorder.get(),
            delay_seconds: faults.delay.get().as_secs_f64(),
            server_errors: faults.server_errors.get(),
            rate_limited: faults.rate_limited,
            outage: faults.outage,
            ..Self::default()
        }
    }
}

/// A webhook that goes out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// What.
    pub webhook: Webhook,
    /// Whether it gets lost on its way: there is an attempt, and no request.
    pub dropped: bool,
}

/// Overtaking webhooks are at most this many seconds ahead.
const OVERTAKEN_BY: f64 = 30.0;

/// Webhooks on their way, with the faults that befall them. Pure; deterministic by its seed.
#[derive(Debug)]
pub struct Mail {
    rng: Rng,
    waiting: BinaryHeap<Reverse<(Timestamp, u64)>>,
    webhooks: std::collections::HashMap<u64, Departure>,
    next: u64,
}

impl Mail {
    /// Nothing under way.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::from_seed(seed),
            waiting: BinaryHeap::new(),
            webhooks: std::collections::HashMap::new(),
            next: 0,
        }
    }

    /// Takes a webhook and decides its fate.
    pub fn post(&mut self, webhook: Webhook, faults: &Faults, now: Timestamp) {
        // All chances are drawn each time: one switch does not change what another does.
        let lost = self.rng.chance(faults.lose);
        let dropped = self.rng.chance(faults.drop);
        let twice = self.rng.chance(faults.duplicate);
        let overtaken = self.rng.chance(faults.reorder);
        let (by, again) = (self.rng.unit() * OVERTAKEN_BY, self.rng.unit() * OVERTAKEN_BY);
        if lost {
            return;
        }
        let delay = faults.delay_seconds + if overtaken { by } else { 0.0 };
        self.send_at(now + seconds(delay), Departure { webhook: webhook.clone(), dropped });
        if twice {
            self.send_at(now + seconds(delay + again), Departure { webhook, dropped: false });
        }
    }

    fn send_at(&mut self, at: Timestamp, departure: Departure) {
        self.next += 1;
        self.webhooks.insert(self.next, departure);
        self.waiting.push(Reverse((at, self.next)));
    }

    /// What goes out by `now`, in order. Nothing does while GitHub is down.
    pub fn due(&mut self, faults: &Faults, now: Timestamp) -> Vec<Departure> {
        let mut due = Vec::new();
        if faults.is_down(now) {
            return due;
        }
        while let Some(Reverse((_, id))) = self.waiting.peek().filter(|Reverse((at, _))| *at <= now).copied()
        {
            self.waiting.pop();
            due.extend(self.webhooks.remove(&id));
        }
        due
    }

    /// When the next one goes out.
    pub fn next_due(&self, faults: &Faults, now: Timestamp) -> Option<Timestamp> {
        let at = self.waiting.peek().map(|Reverse((at, _))| *at)?;
        if faults.is_down(now) { faults.next_change(now) } else { Some(at.max(now)) }
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn webhook(number: u64) -> Webhook {
        Webhook {
            guid: number.to_string(),
            event: "push".into(),
            action: None,
            repo: "o/r".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            redelivery: false,
            body: bytes::Bytes::new(),
        }
    }

    fn play(seed: u64, faults: &Faults) -> Vec<(String, bool)> {
        let mut mail = Mail::new(seed);
        let mut out = Vec::new();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        for second in 0..200 {
            if second < 100 {
                mail.post(webhook(second as u64), faults, at(second));
            }
            out.extend(mail.due(faults, at(second)).into_iter().map(|d| (d.webhook.guid, d.dropped)));
        }
        assert!(mail.is_empty());
        out
    }

    #[test]
    fn a_world_that_is_well_delivers_each_once_in_order() {
        let wanted: Vec<_> = (0..100).map(|n: u64| (n.to_string(), false)).collect();
        assert_eq!(play(1, &Faults::default()), wanted);
    }

    #[test]
    fn faults_follow_the_seed() {
        let faults =
            Faults { drop: 0.2, duplicate: 0.3, reorder: 0.3, delay_seconds: 5.0, ..Faults::default() };
        let first = play(7, &faults);
        assert_eq!(first, play(7, &faults));
        assert_ne!(first, play(8, &faults));
        assert!(first.iter().filter(|(_, dropped)| *dropped).count() > 5);
        assert!(first.len() > 110);
        let numbers: Vec<u64> = first.iter().map(|(guid, _)| guid.parse().unwrap()).collect();
        assert!(numbers.windows(2).any(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn an_outage_holds_webhooks_until_it_ends() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let faults = Faults { outage: true, outage_until: Some(at(50)), ..Faults::default() };
        let mut mail = Mail::new(1);
        mail.post(webhook(1), &faults, at(0));
        assert!(mail.due(&faults, at(49)).is_empty());
        assert_eq!(mail.next_due(&faults, at(49)), Some(at(50)));
        assert_eq!(mail.due(&faults, at(50)).len(), 1);
    }

    proptest! {
        /// Whatever the chances, without losses each webhook goes out at least once and at most twice.
        #[test]
        fn nothing_vanishes_unless_told(seed: u64, duplicate in 0.0..1.0, reorder in 0.0..1.0, drop in 0.0..1.0) {
            let out = play(seed, &Faults { duplicate, reorder, drop, ..Faults::default() });
            for number in 0..100 {
                let times = out.iter().filter(|(guid, _)| *guid == number.to_string()).count();
                prop_assert!((1..=2).contains(&times));
            }
        }
    }
}
