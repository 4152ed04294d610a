//! Which deliveries are missing, from GitHub's log and ours. Pure.

use crate::client::HookDelivery;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// Why a delivery should come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// We never stored it, whatever GitHub believes.
    NotSeen,
    /// Stored, but GitHub never got a good answer; harmless to repeat.
    NeverOk,
}

/// A delivery to ask for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its id over all attempts.
    pub guid: String,
    /// GitHub's id of the newest attempt: what to fetch or redeliver.
    pub attempt: u64,
    /// `X-GitHub-Event`.
    pub event: String,
    /// When it was first tried.
    pub first_tried: Timestamp,
    /// Why.
    pub why: Why,
}

/// Of the attempts GitHub lists, the deliveries that never got an OK or that we have not seen, oldest first.
///
/// `seen` holds delivery ids in lower case. A delivery with one good attempt and in `seen` is done, however many
/// attempts failed before.
pub fn missing<S: std::hash::BuildHasher>(
    listed: &[HookDelivery],
    seen: &HashSet<String, S>,
) -> Vec<Missing> {
    let mut groups: BTreeMap<String, Vec<&HookDelivery>> = BTreeMap::new();
    for attempt in listed {
        groups.entry(attempt.guid.to_ascii_lowercase()).or_default().push(attempt);
    }
    let mut all: Vec<Missing> = groups
        .into_iter()
        .filter_map(|(guid, attempts)| {
            let why = match (seen.contains(&guid), attempts.iter().any(|attempt| attempt.is_ok())) {
                (true, true) => return None,
                (true, false) => Why::NeverOk,
                (false, _) => Why::NotSeen,
            };
            let newest = attempts.iter().max_by_key(|attempt| (attempt.delivered_at, attempt.id))?;
            let first_tried = attempts.iter().map(|attempt| attempt.delivered_at).min()?;
            Some(Missing { attempt: newest.id, event: newest.event.clone(), guid, first_tried, why })
        })
        .collect();
    all.sort_by_key(|missing| (missing.first_tried, missing.attempt));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attempt(id: u64, guid: &str, second: i64, status: &str) -> HookDelivery {
        HookDelivery {
            id,
            guid: guid.into(),
            delivered_at: Timestamp::from_second(second).unwrap(),
            redelivery: false,
            status: status.into(),
            status_code: 0,
            event: "push".into(),
            action: None,
            repository_id: None,
        }
    }

    #[test]
    fn a_group_is_done_by_one_good_attempt_that_we_saw() {
        let listed = [
            attempt(5, "C", 50, "OK"),
            attempt(4, "a", 40, "OK"),
            attempt(3, "b", 30, "timed out"),
            attempt(2, "b", 20, "Invalid HTTP Response: 503"),
            attempt(1, "a", 10, "timed out"),
        ];
        let seen: HashSet<String> = ["a", "b"].map(String::from).into();
        let found = missing(&listed, &seen);
        let short: Vec<_> = found.iter().map(|m| (m.guid.as_str(), m.attempt, m.why)).collect();
        assert_eq!(short, [("b", 3, Why::NeverOk), ("c", 5, Why::NotSeen)]);
    }

    proptest! {
        #[test]
        fn nothing_is_named_twice_and_nothing_unseen_is_passed_over(
            listed in proptest::collection::vec((0u64..50, "[a-e]", 0i64..9, "OK|failed"), 0..30),
            seen in proptest::collection::hash_set("[a-e]", 0..5),
        ) {
            let listed: Vec<_> = listed.iter().map(|(id, guid, at, status)| attempt(*id, guid, *at, status)).collect();
            let found = missing(&listed, &seen);
            let guids: HashSet<_> = found.iter().map(|m| m.guid.clone()).collect();
            prop_assert_eq!(guids.len(), found.len());
            for attempt in &listed {
                prop_assert!(seen.contains(&attempt.guid) || guids.contains(&attempt.guid));
            }
        }
    }
}
