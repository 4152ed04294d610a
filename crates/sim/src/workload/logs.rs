//! Logs as GitHub stores them: a time stamp on each line, folded groups, and an error that a person would find.
//!
//! All text is ours. A log is a pure function of its [`JobLog`], so it need not be kept: the world makes it when
//! somebody asks. Size is bounded by [`MAX_BYTES`].

mod compile;
mod lint;
mod testing;
mod trouble;

use super::{
    catalogue::Kind,
    outcome::{Cause, Outcome},
};
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;
use trunkline_model::{Conclusion, Rng};

/// No log is longer.
pub const MAX_BYTES: usize = 256 * 1024;

/// All that a log depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLog<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    /// Job name, without the workflow.
    pub name: &'a str,
    /// Commit under test.
    pub sha: &'a str,
    /// Runner that had it.
    pub runner: &'a str,
    /// What it did.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Chooses the words.
    pub seed: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: SignedDuration,
}

/// Writes the log of a job. Equal input, equal text.
pub fn log_for(job: &JobLog<'_>) -> String {
    let mut log = Log::new(job);
    log.set_up(job);
    let infrastructure = match job.outcome.cause {
        Cause::Infrastructure { seed } => Some(seed),
        _ => None,
    };
    if let Some(seed) = infrastructure {
        trouble::infrastructure(&mut log, job, seed);
    } else {
        let failing = match job.outcome.cause {
            Cause::Broken { seed } => Some(seed),
            Cause::Flaky { seed } => Some(seed.wrapping_add(1_000)),
            Cause::Fine | Cause::Infrastructure { .. } | Cause::Timeout => None,
        };
        let ends_early = matches!(job.outcome.conclusion, Conclusion::Cancelled | Conclusion::TimedOut);
        match job.kind {
            Kind::Test => testing::run(&mut log, job, failing, ends_early),
            Kind::Build | Kind::Binary | Kind::Docker => compile::run(&mut log, job, failing, ends_early),
            Kind::Lint | Kind::Docs => lint::run(&mut log, job, failing, ends_early),
        }
        match job.outcome.conclusion {
            Conclusion::TimedOut => trouble::timed_out(&mut log, job),
            Conclusion::Cancelled => log.line("##[error]The operation was canceled."),
            Conclusion::Failure => log.line("##[error]Process completed with exit code 1."),
            _ => {}
        }
    }
    log.tear_down();
    log.text
}

/// A log in the making, with its own clock.
struct Log {
    text: String,
    /// Tenths of microseconds since the epoch, as GitHub prints them.
    ticks: i128,
    pace: i128,
    rng: Rng,
}

impl Log {
    fn new(job: &JobLog<'_>) -> Self {
        // Time passes evenly over a usual number of lines, so that the last lines lie near the end of the job.
        let pace = job.duration.as_nanos() / 100 / 200;
        let rng = Rng::from_seed(job.seed);
        Self {
            text: String::with_capacity(32 * 1024),
            ticks: job.started_at.as_nanosecond() / 100,
            pace,
            rng,
        }
    }

    /// One line at the present time. The last 4 KB of the bound are kept for the end of the job.
    fn line(&mut self, line: &str) {
        if self.text.len() + line.len() + 32 > MAX_BYTES - 4_096 && !line.starts_with("##[error]") {
            return;
        }
        let second = i64::try_from(self.ticks.div_euclid(10_000_000)).unwrap_or(0);
        let second = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let stamp = second.strftime("%Y-%m-%dT%H:%M:%S");
        let _ = writeln!(self.text, "{stamp}.{:07}Z {line}", self.ticks.rem_euclid(10_000_000));
        self.ticks += 200 + self.rng.below(9_000) as i128;
    }

    fn lines(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.line(line));
    }

    /// Some of the job's time passes.
    fn pass(&mut self) {
        let part = self.rng.below(200) as i128;
        self.ticks += self.pace * part / 100;
    }

    /// A folded group with the command that a step runs.
    fn step(&mut self, command: &str) {
        self.line(&format!("##[group]Run {command}"));
        self.line(&format!("\u{1b}[36;1m{command}\u{1b}[0m"));
        self.lines(&["shell: /usr/bin/bash -e {0}", "env:", "  GIT_DEFAULT_BRANCH: main", "##[endgroup]"]);
    }

    fn set_up(&mut self, job: &JobLog<'_>) {
        self.line("Current runner version: '2.330.0'");
        self.line(&format!("Runner name: '{}'", job.runner));
        self.line(&format!("Machine name: '{}'", job.runner));
        self.lines(&[
            "##[group]GITHUB_TOKEN Permissions",
            "Contents: read",
            "Metadata: read",
            "##[endgroup]",
        ]);
        self.lines(&["Secret source: Actions", "Prepare workflow directory", "Prepare all required actions"]);
        self.line(&format!("Complete job name: {}", job.name));
        self.pass();
        self.step("git fetch --no-tags --prune --depth=1 origin");
        self.line(&format!("From https://github.com/{}", job.repo));
        self.line(&format!(" * branch            {} -> FETCH_HEAD", job.sha));
        self.line(&format!("HEAD is now at {}", job.sha.get(..12).unwrap_or(job.sha)));
        self.pass();
    }

    fn tear_down(&mut self) {
        self.lines(&[
            "##[group]Run ./.github/actions/teardown-linux",
            "with:",
            "##[endgroup]",
            "Post job cleanup.",
            "[command]/usr/bin/git version",
            "git version 2.51.0",
            "Cleaning up orphan processes",
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(kind: Kind, outcome: Outcome, seed: u64) -> JobLog<'static> {
        JobLog {
            repo: "acme/torchlite",
            name: "linux-jammy-py3.10-gcc11 / test (default, 2, 5, linux.2xlarge)",
            sha: "0123456789abcdef0123456789abcdef01234567",
            runner: "tl-1",
            kind,
            outcome,
            seed,
            started_at: "2026-03-02T10:00:00Z".parse().unwrap(),
            duration: SignedDuration::from_mins(45),
        }
    }

    const KINDS: [Kind; 6] = [Kind::Build, Kind::Test, Kind::Lint, Kind::Docs, Kind::Binary, Kind::Docker];

    /// Lines that say what went wrong, without time and step lines.
    fn errors(text: &str) -> Vec<String> {
        let body = text.lines().map(|l| l.split_once("Z ").unwrap().1);
        body.filter(|l| ["FAILED", "error:", "Error (", "ERROR:"].iter().any(|e| l.contains(e)))
            .map(String::from)
            .collect()
    }

    #[test]
    fn a_breakage_shows_the_same_error_in_every_job() {
        for kind in KINDS {
            let outcome = Outcome::failure(Cause::Broken { seed: 77 });
            let (one, two) = (log_for(&job(kind, outcome, 1)), log_for(&job(kind, outcome, 2)));
            assert_ne!(one, two);
            assert!(!errors(&one).is_empty(), "{kind:?}");
            let strip = |lines: Vec<String>| -> Vec<String> {
                lines.into_iter().map(|l| l.split('[').next().unwrap_or("").to_owned()).collect()
            };
            assert_eq!(strip(errors(&one)), strip(errors(&two)), "{kind:?}");
        }
    }

    #[test]
    fn success_has_no_error_and_cancellation_says_so() {
        for kind in KINDS {
            let fine = log_for(&job(kind, Outcome::SUCCESS, 4));
            assert!(!fine.contains("##[error]"), "{kind:?}");
            assert!(errors(&fine).is_empty(), "{kind:?}: {:?}", errors(&fine));
            let cancelled = Outcome { conclusion: Conclusion::Cancelled, cause: Cause::Fine };
            assert!(log_for(&job(kind, cancelled, 4)).contains("##[error]The operation was canceled."));
            let timeout = log_for(&job(kind, Outcome::failure(Cause::Timeout), 4));
            assert!(timeout.contains("exceeded the maximum execution time"));
        }
    }

    #[test]
    fn the_last_line_lies_near_the_end_of_the_job() {
        let log = log_for(&job(Kind::Test, Outcome::SUCCESS, 4));
        let last = log.lines().last().unwrap().split_once(' ').unwrap().0;
        let last: Timestamp = last.parse().unwrap();
        let took = last.duration_since("2026-03-02T10:00:00Z".parse().unwrap());
        assert!((SignedDuration::from_mins(10)..SignedDuration::from_mins(46)).contains(&took), "{took}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn logs_are_bounded_stamped_and_repeatable(seed in any::<u64>(), kind in 0..6usize, cause in 0..5usize) {
            let outcome = match cause {
                0 => Outcome::SUCCESS,
                1 => Outcome::failure(Cause::Broken { seed }),
                2 => Outcome::failure(Cause::Flaky { seed }),
                3 => Outcome::failure(Cause::Infrastructure { seed }),
                _ => Outcome::failure(Cause::Timeout),
            };
            let job = job(KINDS[kind], outcome, seed);
            let text = log_for(&job);
            prop_assert_eq!(&text, &log_for(&job));
            prop_assert!(text.len() <= MAX_BYTES && text.len() > 1_000);
            let mut last = Timestamp::MIN;
            for line in text.lines() {
                let at: Timestamp = line.split_once(' ').unwrap().0.parse().unwrap();
                prop_assert!(at >= last);
                last = at;
            }
            prop_assert_eq!(text.contains("##[error]"), cause != 0);
        }
    }
}
