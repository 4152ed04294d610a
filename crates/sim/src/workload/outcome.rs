//! How one job will end, and why: decided when it becomes ready, before any runner has it.

use super::{
    catalogue::{JobTemplate, Kind},
    config::WorkloadConfig,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use trunkline_model::{Conclusion, Rng};

/// Why a job ends as it does. The seed chooses the test, file or rule that fails: equal seeds, equal error text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nothing is wrong.
    Fine,
    /// The code under test is broken.
    Broken {
        /// Of the breakage: the same on every commit that carries it.
        seed: u64,
    },
    /// A test that sometimes fails.
    Flaky {
        /// Of the flaky test.
        seed: u64,
    },
    /// Machine, network or a service.
    Infrastructure {
        /// Of the incident.
        seed: u64,
    },
    /// Hung until its limit.
    Timeout,
}

/// A conclusion and its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// How the job ends when nobody cancels it.
    pub conclusion: Conclusion,
    /// Why.
    pub cause: Cause,
}

impl Outcome {
    /// All well.
    pub const SUCCESS: Self = Self { conclusion: Conclusion::Success, cause: Cause::Fine };

    /// A failure for a cause.
    pub fn failure(cause: Cause) -> Self {
        let conclusion = if cause == Cause::Timeout { Conclusion::TimedOut } else { Conclusion::Failure };
        Self { conclusion, cause }
    }

    /// Whether another try may well end better.
    pub fn is_chance(&self) -> bool {
        matches!(self.cause, Cause::Flaky { .. } | Cause::Infrastructure { .. } | Cause::Timeout)
    }
}

/// What a job will do once a runner has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What sort of job it is.
    pub kind: Kind,
    /// How long it takes.
    pub duration: SignedDuration,
    /// How it ends.
    pub outcome: Outcome,
    /// Chooses the words of its log.
    pub log_seed: u64,
}

/// A pool of flaky tests this large shares all flaky failures, so that the same ones come back.
const FLAKY_TESTS: u64 = 12;

impl Work {
    /// Work that ends well after a given time: for jobs made by hand.
    pub fn success(kind: Kind, duration: SignedDuration, log_seed: u64) -> Self {
        Self { kind, duration, outcome: Outcome::SUCCESS, log_seed }
    }

    /// Decides what happens to a job; `broken` is the seed of a breakage that the commit carries for it.
    ///
    /// A re-run of a job that failed by chance is drawn like any other.
    pub fn draw(template: &JobTemplate, broken: Option<u64>, config: &WorkloadConfig, rng: &mut Rng) -> Self {
        let full = template.draw_duration(config, rng);
        let (log_seed, chance, part, pick) = (rng.u64(), rng.unit(), rng.unit(), rng.u64());
        let rates = &config.failures;
        // Only tests are flaky; hosted runners have no infrastructure of ours to fail.
        let flaky = if template.kind == Kind::Test { rates.flaky } else { rates.flaky / 10.0 };
        let infrastructure = if template.hosted { 0.0 } else { rates.infrastructure };
        let outcome = match broken {
            Some(seed) => Outcome::failure(Cause::Broken { seed }),
            None if chance < flaky => Outcome::failure(Cause::Flaky { seed: pick % FLAKY_TESTS }),
            None if chance < flaky + infrastructure => {
                Outcome::failure(Cause::Infrastructure { seed: pick % 5 })
            }
            None if chance < flaky + infrastructure + rates.timeout => Outcome::failure(Cause::Timeout),
            None => Outcome::SUCCESS,
        };
        let duration = match outcome.cause {
            Cause::Fine => full,
            Cause::Broken { .. } | Cause::Flaky { .. } => share(full, 0.4 + 0.6 * part),
            Cause::Infrastructure { .. } => share(full, 0.05 + 0.3 * part),
            Cause::Timeout => template.limit(config),
        };
        Self { kind: template.kind, duration, outcome, log_seed }
    }
}

fn share(whole: SignedDuration, part: f64) -> SignedDuration {
    super::config::seconds((whole.as_secs_f64() * part).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Catalogue;

    #[test]
    fn most_demo_jobs_last_two_to_twelve_real_seconds() {
        let config = WorkloadConfig::demo();
        let catalogue = Catalogue::new(&config);
        let mut rng = Rng::from_seed(5);
        let real: Vec<f64> = catalogue
            .jobs
            .iter()
            .map(|job| Work::draw(job, None, &config, &mut rng).duration.as_secs_f64() / 60.0)
            .collect();
        let within = real.iter().filter(|s| (2.0..=12.0).contains(*s)).count();
        assert!(within * 10 >= real.len() * 8, "{within} of {}", real.len());
    }

    #[test]
    fn a_breakage_fails_its_jobs_always_and_with_the_same_cause() {
        let config = WorkloadConfig::tiny();
        let catalogue = Catalogue::new(&config);
        let mut rng = Rng::from_seed(5);
        for job in &catalogue.jobs {
            let work = Work::draw(job, Some(9), &config, &mut rng);
            assert_eq!(work.outcome, Outcome::failure(Cause::Broken { seed: 9 }));
            assert!(!work.outcome.is_chance());
            assert_eq!(Work::draw(job, None, &config, &mut rng).outcome, Outcome::SUCCESS);
        }
    }
}
