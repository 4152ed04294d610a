//! The result of a run: for programs as JSON, for people as text.

use super::values::Length;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::fmt::Write as _;

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its name.
    pub scenario: String,
    /// Whether every check passed.
    pub passed: bool,
    /// Expectations and invariants.
    pub checks: Vec<Check>,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// Numbers worth a look.
    pub figures: Figures,
}

/// One expectation or invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked, such as `jobs.build` or `no_job_lost`.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was expected and found, or every violation (at most ten).
    pub detail: String,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Virtual time.
    pub at: Timestamp,
    /// In words.
    pub what: String,
}

/// Numbers of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Virtual time that passed, in seconds.
    pub virtual_seconds: f64,
    /// Moments at which the system was moved.
    pub moments: u64,
    /// Jobs at GitHub.
    pub jobs: u64,
    /// Jobs that ended.
    pub completed: u64,
    /// Runners launched.
    pub launched: u64,
    /// Requests to GitHub.
    pub calls: u64,
    /// Deliveries stored.
    pub stored_deliveries: u64,
}

impl Report {
    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.ok)
    }

    /// For people. Colour supports the words and never replaces them.
    pub fn to_text(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        let mut out = format!("{}\n\n", paint("1", &self.scenario));
        let start = self.timeline.first().map(|moment| moment.at);
        for moment in &self.timeline {
            let passed = start.map_or(SignedDuration::ZERO, |start| moment.at.duration_since(start));
            let _ = writeln!(out, "{}  {}", paint("2", &format!("{:>8}", clock(passed))), moment.what);
        }
        out.push('\n');
        for check in &self.checks {
            let word = if check.ok { paint("32", "ok  ") } else { paint("1;31", "FAIL") };
            let _ = write!(out, "{word}  {}", check.name);
            match check.detail.lines().count() {
                0 => {}
                1 => {
                    let _ = write!(out, ": {}", check.detail);
                }
                _ => check.detail.lines().for_each(|line| {
                    let _ = write!(out, "\n        {line}");
                }),
            }
            out.push('\n');
        }
        let figures = &self.figures;
        let lasted = SignedDuration::from_millis((figures.virtual_seconds * 1_000.0) as i64);
        let failed = self.failures().count();
        let verdict = if self.passed { paint("32", "passed") } else { paint("1;31", "failed") };
        let _ = writeln!(
            out,
            "\n{verdict}: {} of {} checks hold; {} jobs, {} runners launched, {} requests to GitHub, {} deliveries stored in {} of virtual time",
            self.checks.len() - failed,
            self.checks.len(),
            figures.jobs,
            figures.launched,
            figures.calls,
            figures.stored_deliveries,
            clock(lasted),
        );
        out
    }
}

/// `12s`, `1h30m`: whole seconds, short.
fn clock(passed: SignedDuration) -> String {
    let seconds = passed.as_secs().max(0);
    Length::from_secs(seconds).to_string()
}
