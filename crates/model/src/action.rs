//! Something we intend to do outside, decided purely and done once by the outbox.

use crate::Evidence;
use serde::{Deserialize, Serialize};

/// An intended effect with its reason. Two actions with one `key` are one effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Which executor does it, such as `fleet.launch`.
    pub kind: String,
    /// Idempotency key: unique per intended effect over all time.
    pub key: String,
    /// What the executor needs to know.
    pub payload: serde_json::Value,
    /// Why.
    pub why: Evidence,
}
