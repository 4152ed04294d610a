//! Breakages: what a bad commit breaks, and until when.

use super::catalogue::{Catalogue, Kind};
use std::collections::BTreeSet;
use trunkline_model::{PrNumber, Rng, Sha};

/// One or several jobs that fail from a commit on, until its revert or fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breakage {
    /// Chooses the error: the same in every job and on every commit.
    pub(super) seed: u64,
    /// Positions in the catalogue.
    pub(super) jobs: BTreeSet<usize>,
    /// The commit that brought it.
    pub(super) culprit: Sha,
    /// Its title, as merged.
    pub(super) title: String,
    /// Its pull request.
    pub(super) pull: PrNumber,
    /// Whether the pull request was ever opened in this world.
    pub(super) opened: bool,
    /// Further commits that land before the cure.
    pub(super) lasts: u32,
}

impl Breakage {
    /// Draws what breaks: a linter, a build, one shard, or the same test on several platforms.
    pub(super) fn jobs(catalogue: &Catalogue, only: Option<&[&str]>, rng: &mut Rng) -> BTreeSet<usize> {
        let allowed = |workflow: &str| only.is_none_or(|only| only.contains(&workflow));
        let of = |kinds: &[Kind]| -> Vec<usize> {
            let fits =
                |(_, job): &(usize, &super::JobTemplate)| kinds.contains(&job.kind) && allowed(job.workflow);
            catalogue.jobs.iter().enumerate().filter(fits).map(|(at, _)| at).collect()
        };
        let sort = rng.unit();
        let candidates = if sort < 0.15 {
            of(&[Kind::Lint, Kind::Docs])
        } else if sort < 0.35 {
            of(&[Kind::Build, Kind::Binary])
        } else {
            of(&[Kind::Test])
        };
        let Some(&first) = rng.pick(&candidates) else { return BTreeSet::new() };
        let mut broken = BTreeSet::from([first]);
        let job = &catalogue.jobs[first];
        if sort >= 0.65 && !job.config.is_empty() {
            // The same test file runs in the same configuration elsewhere, in some shard.
            for &at in &candidates {
                let other = &catalogue.jobs[at];
                if other.config == job.config
                    && other.group != job.group
                    && rng.chance(0.25)
                    && broken.len() < 6
                {
                    broken.insert(at);
                }
            }
        }
        broken
    }

    /// How many further commits land before the cure: geometric with the given mean, at most 12.
    pub(super) fn draw_length(mean: f64, rng: &mut Rng) -> u32 {
        let go_on = 1.0 - 1.0 / mean.max(1.0);
        let mut lasts = 1;
        while lasts < 12 && rng.chance(go_on) {
            lasts += 1;
        }
        lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::WorkloadConfig;

    #[test]
    fn breakages_stay_in_the_workflows_asked_for() {
        let catalogue = Catalogue::new(&WorkloadConfig::pytorch_like());
        let mut rng = Rng::from_seed(1);
        let mut several = 0;
        for _ in 0..200 {
            let broken = Breakage::jobs(&catalogue, Some(&["pull", "Lint"]), &mut rng);
            assert!(!broken.is_empty());
            assert!(broken.iter().all(|&at| matches!(catalogue.jobs[at].workflow, "pull" | "Lint")));
            several += usize::from(broken.len() > 1);
        }
        assert!(several > 10, "{several}");
    }
}
