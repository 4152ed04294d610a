//! What the generator keeps in mind: open pull requests, the commit about to land.

use crate::workload::people::Person;
use std::collections::BTreeMap;
use trunkline_model::{BranchName, PrNumber, Rng, Sha};

/// An open pull request.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) number: PrNumber,
    pub(super) title: String,
    pub(super) author: Person,
    pub(super) branch: BranchName,
    pub(super) broken: BTreeMap<usize, u64>,
}

/// A commit about to land on trunk.
pub(super) struct Landing {
    pub(super) number: PrNumber,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) author: Person,
    /// Whether it closes an open pull request.
    pub(super) branch: bool,
    /// Whether it may break something: reverts and fixes do not.
    pub(super) adds: bool,
}

pub(super) fn new_sha(rng: &mut Rng) -> Sha {
    rng.hex(40).parse().expect("40 hexadecimal digits")
}
