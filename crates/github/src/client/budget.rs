//! Budgets per identity and bucket, from GitHub's headers, and pauses after secondary limits.

use super::{
    auth::{Identities, Identity},
    lock,
};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashMap, sync::Mutex};

/// Shortest pause after a secondary limit without `Retry-After`; it doubles while the limit lasts.
const SECONDARY_SECONDS: i64 = 60;
/// Longest pause of our own making.
const LONGEST_SECONDS: i64 = 3600;
/// Longest pause we believe GitHub.
const BELIEVED_SECONDS: i64 = 24 * 3600;

/// One budget as GitHub last stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetState {
    /// Whose: `token`, `app 1`, `app 1 installation 2`.
    pub identity: String,
    /// GitHub's name for the bucket.
    pub bucket: String,
    /// Requests per window.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When the window ends.
    pub reset: Timestamp,
    /// Until when a limit keeps this identity from asking.
    pub paused_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Budget {
    limit: u64,
    remaining: u64,
    reset: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Timestamp,
    streak: u32,
}

#[derive(Debug, Default)]
struct State {
    budgets: HashMap<Identity, HashMap<String, Budget>>,
    pauses: HashMap<Identity, Pause>,
}

#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<State>);

impl Budgets {
    /// Until when the identity must not ask for this bucket.
    pub(super) fn blocked(&self, who: Identity, bucket: &str, now: Timestamp) -> Option<Timestamp> {
        let state = lock(&self.0);
        let pause = state.pauses.get(&who).map(|pause| pause.until);
        let empty = state.budgets.get(&who).and_then(|buckets| buckets.get(bucket));
        let empty = empty.filter(|budget| budget.remaining == 0).map(|budget| budget.reset);
        pause.max(empty).filter(|until| *until > now)
    }

    /// What is left; as good as endless while nothing is known.
    pub(super) fn remaining(&self, who: Identity, bucket: &str, now: Timestamp) -> u64 {
        let state = lock(&self.0);
        let budget = state.budgets.get(&who).and_then(|buckets| buckets.get(bucket));
        match budget {
            Some(budget) if budget.reset > now => budget.remaining,
            Some(budget) => budget.limit,
            None => u64::MAX,
        }
    }

    /// Takes in what an answer says of its budget.
    pub(super) fn note(&self, who: Identity, asked: &str, headers: &HeaderMap) {
        let number = |name: &str| header(headers, name)?.parse::<i64>().ok();
        let (Some(limit), Some(remaining), Some(reset)) = (
            number("x-ratelimit-limit"),
            number("x-ratelimit-remaining"),
            number("x-ratelimit-reset").and_then(|at| Timestamp::from_second(at).ok()),
        ) else {
            return;
        };
        let budget = Budget {
            limit: u64::try_from(limit).unwrap_or(0),
            remaining: u64::try_from(remaining).unwrap_or(0),
            reset,
        };
        let bucket = header(headers, "x-ratelimit-resource").filter(|name| name.len() <= 64).unwrap_or(asked);
        let mut state = lock(&self.0);
        let buckets = state.budgets.entry(who).or_default();
        if buckets.len() < 64 || buckets.contains_key(bucket) {
            // Answers overtake each other: within a window what is left only falls.
            let known = buckets.entry(bucket.into()).or_insert(budget);
            if budget.reset > known.reset
                || (budget.reset == known.reset && budget.remaining <= known.remaining)
            {
                *known = budget;
            }
        }
    }

    /// A good answer ends a streak of secondary limits.
    pub(super) fn answered(&self, who: Identity, now: Timestamp) {
        let mut state = lock(&self.0);
        if state.pauses.get(&who).is_some_and(|pause| pause.until <= now) {
            state.pauses.remove(&who);
        }
    }

    /// A refusal for a limit: when to come back. `None` when the refusal is about something else.
    pub(super) fn refused(
        &self,
        who: Identity,
        status: u16,
        headers: &HeaderMap,
        message: &str,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let after = retry_after(headers);
        let empty = header(headers, "x-ratelimit-remaining") == Some("0");
        let lower = message.to_ascii_lowercase();
        let said = lower.contains("rate limit") || lower.contains("abuse detection");
        if !(status == 429 || after.is_some() || empty || said) {
            return None;
        }
        if empty {
            // The bucket itself is blocked by `note`; other buckets of the identity go on.
            let reset = header(headers, "x-ratelimit-reset").and_then(|text| text.parse().ok());
            let reset = reset.and_then(|at| Timestamp::from_second(at).ok()).filter(|at| *at > now);
            let latest = later(now, BELIEVED_SECONDS);
            let until = reset.unwrap_or_else(|| later(now, SECONDARY_SECONDS));
            return Some(until.max(later(now, after.unwrap_or(0))).min(latest));
        }
        let mut state = lock(&self.0);
        let pause = state.pauses.entry(who).or_insert(Pause { until: now, streak: 0 });
        let own = (SECONDARY_SECONDS << pause.streak.min(10)).min(LONGEST_SECONDS);
        let until = later(now, after.unwrap_or(own));
        // Several requests under way may be refused at once: that is one refusal.
        if pause.until <= now {
            pause.streak += 1;
        }
        pause.until = pause.until.max(until);
        Some(pause.until)
    }

    pub(super) fn states(&self, identities: &Identities, now: Timestamp) -> Vec<BudgetState> {
        let state = lock(&self.0);
        let mut all = vec![];
        for (who, buckets) in &state.budgets {
            let paused_until = state.pauses.get(who).map(|pause| pause.until).filter(|until| *until > now);
            all.extend(buckets.iter().map(|(bucket, budget)| BudgetState {
                identity: identities.name(*who),
                bucket: bucket.clone(),
                limit: budget.limit,
                remaining: budget.remaining,
                reset: budget.reset,
                paused_until,
            }));
        }
        all.sort_by(|a, b| (&a.identity, &a.bucket).cmp(&(&b.identity, &b.bucket)));
        all
    }
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Retry-After` in seconds, between 1 second and a day.
fn retry_after(headers: &HeaderMap) -> Option<i64> {
    header(headers, "retry-after")?.trim().parse::<i64>().ok().map(|s| s.clamp(1, BELIEVED_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (http::HeaderName::from_static(k), http::HeaderValue::from_static(v)))
            .collect()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_empty_bucket_blocks_itself_only_until_its_reset() {
        let budgets = Budgets::default();
        let empty = headers(&[
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "500"),
            ("x-ratelimit-resource", "core"),
        ]);
        budgets.note(Identity::Token, "core", &empty);
        assert_eq!(budgets.refused(Identity::Token, 403, &empty, "", at(100)), Some(at(500)));
        assert_eq!(budgets.blocked(Identity::Token, "core", at(100)), Some(at(500)));
        assert_eq!(budgets.blocked(Identity::Token, "search", at(100)), None);
        assert_eq!(budgets.blocked(Identity::Token, "core", at(500)), None);
        assert_eq!(budgets.remaining(Identity::Token, "core", at(501)), 5000);
    }

    #[test]
    fn secondary_limits_grow_until_an_answer() {
        let budgets = Budgets::default();
        let refused =
            |now| budgets.refused(Identity::Token, 403, &HeaderMap::new(), "a secondary rate limit", at(now));
        assert_eq!(refused(0), Some(at(60)));
        assert_eq!(refused(1), Some(at(121)), "the second refusal in flight waits no less");
        assert_eq!(refused(121), Some(at(241)));
        assert_eq!(budgets.blocked(Identity::Token, "anything", at(200)), Some(at(241)));
        budgets.answered(Identity::Token, at(241));
        assert_eq!(refused(300), Some(at(360)));
    }

    #[test]
    fn retry_after_is_believed_and_a_plain_refusal_is_no_limit() {
        let budgets = Budgets::default();
        let after = headers(&[("retry-after", "7")]);
        assert_eq!(budgets.refused(Identity::Token, 429, &after, "", at(0)), Some(at(7)));
        assert_eq!(
            budgets.refused(Identity::Token, 403, &HeaderMap::new(), "Resource not accessible", at(0)),
            None
        );
    }
}
