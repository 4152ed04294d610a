//! What the generator keeps in mind: open pull requests, the commit about to land, numbers, breakages.

use super::Generator;
use crate::workload::{failing::Breakage, people::Person};
use jiff::Timestamp;
use std::collections::BTreeMap;
use trunkline_model::{BranchName, Commit, PrNumber, Rng, Sha};

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

impl Generator {
    pub(super) fn pull_breakage(&mut self) -> BTreeMap<usize, u64> {
        if !self.rng.chance(self.config.failures.bad_pull) {
            return BTreeMap::new();
        }
        let workflows: Vec<_> = self.catalogue.on_pulls().collect();
        let seed = self.rng.u64();
        Breakage::jobs(&self.catalogue, Some(&workflows), &mut self.rng)
            .into_iter()
            .map(|at| (at, seed))
            .collect()
    }

    pub(super) fn trunk_breakages(&self) -> BTreeMap<usize, u64> {
        self.breakages.iter().flat_map(|b| b.jobs.iter().map(move |at| (*at, b.seed))).collect()
    }

    pub(super) fn number(&mut self) -> PrNumber {
        self.next_number += 1 + self.rng.below(5);
        PrNumber(self.next_number)
    }

    pub(super) fn commit(&self, sha: &Sha, message: String, author: Person, now: Timestamp) -> Commit {
        Commit {
            sha: sha.clone(),
            message,
            author_name: author.name.to_owned(),
            author_email: author.email(),
            author_login: Some(author.login.to_owned()),
            timestamp: now,
            url: format!("https://github.com/{}/commit/{sha}", self.config.repo),
        }
    }
}
