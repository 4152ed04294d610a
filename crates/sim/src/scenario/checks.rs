//! Compares what is expected with what is true.

use super::{
    expect::{Expect, JobState},
    invariants::Invariant,
    report::Check,
    system::{JobFact, SystemFacts},
    values::Count,
};
use std::collections::BTreeMap;
use trunkline_model::{Conclusion, JobStatus};

/// Violations named in one check.
const MAX_NAMED: usize = 10;

pub(super) fn evaluate(expect: &Expect, facts: &SystemFacts) -> Vec<Check> {
    let mut checks: Vec<_> = expect.jobs.iter().map(|(name, state)| job(name, *state, facts)).collect();
    let ended = |conclusion: fn(Conclusion) -> bool| {
        facts.jobs.iter().filter(|job| job.conclusion.is_some_and(conclusion)).count() as u64
    };
    let counts = &expect.counts;
    let totals = [
        ("commits", counts.commits, facts.commits),
        ("jobs", counts.jobs, facts.jobs.len() as u64),
        ("completed", counts.completed, ended(|_| true)),
        ("success", counts.success, ended(|conclusion| conclusion == Conclusion::Success)),
        ("failure", counts.failure, ended(Conclusion::is_failure)),
        ("cancelled", counts.cancelled, ended(|conclusion| conclusion == Conclusion::Cancelled)),
        ("launched", counts.launched, facts.launched()),
        ("stored_deliveries", counts.stored_deliveries, facts.stored_deliveries),
        ("starts", counts.starts, facts.starts),
    ];
    for (name, wanted, found) in totals {
        checks.extend(wanted.map(|wanted| count(format!("counts.{name}"), wanted, found)));
    }
    if let Some(wanted) = expect.runners_left {
        let left = facts.runners.iter().filter(|runner| runner.running || runner.registered).count();
        checks.push(count("runners_left".into(), wanted, left as u64));
    }
    for call in &expect.calls {
        let fitting = facts.calls.iter().filter(|found| call.fits(&found.method, &found.path));
        let found = fitting.map(|call| call.count).sum();
        checks.push(count(format!("calls {} {}", call.method, call.path), call.count, found));
    }
    for invariant in Invariant::ALL.into_iter().filter(|invariant| !expect.except.contains(invariant)) {
        let violations = invariant.violations(facts);
        let mut named: Vec<_> = violations.iter().take(MAX_NAMED).cloned().collect();
        if violations.len() > MAX_NAMED {
            named.push(format!("and {} more", violations.len() - MAX_NAMED));
        }
        checks.push(Check {
            name: invariant.as_str().into(),
            ok: violations.is_empty(),
            detail: named.join("\n"),
        });
    }
    checks
}

fn count(name: String, wanted: Count, found: u64) -> Check {
    let ok = wanted.fits(found);
    let detail = if ok { found.to_string() } else { format!("expected {wanted}, found {found}") };
    Check { name, ok, detail }
}

fn job(name: &str, wanted: JobState, facts: &SystemFacts) -> Check {
    let wanted = wanted.as_str();
    // The newest of each name: older ones belong to older attempts.
    let fits = |job: &&JobFact| match name.strip_suffix('*') {
        Some(start) => job.name.starts_with(start),
        None => job.name == name,
    };
    let mut newest: BTreeMap<&str, &JobFact> = BTreeMap::new();
    for job in facts.jobs.iter().filter(fits) {
        let known = newest.entry(&job.name).or_insert(job);
        *known = if job.id > known.id { job } else { known };
    }
    let found: Vec<&JobFact> = newest.into_values().collect();
    let wrong: Vec<_> = found.iter().filter(|job| state(job) != wanted).collect();
    let (ok, detail) = match (found.len(), wrong.first()) {
        (0, _) => (false, format!("expected {wanted}, found no such job")),
        (1, None) => (true, wanted.into()),
        (many, None) => (true, format!("all {many} {wanted}")),
        (1, Some(job)) => (false, format!("expected {wanted}, found {}", state(job))),
        (many, Some(job)) => {
            let example = format!("`{}` is {}", job.name, state(job));
            (false, format!("expected all {many} {wanted}, but {} are not: {example}", wrong.len()))
        }
    };
    Check { name: format!("jobs.{name}"), ok, detail }
}

fn state(job: &JobFact) -> &'static str {
    match (job.status, job.conclusion) {
        (JobStatus::Completed, Some(conclusion)) => conclusion.as_str(),
        (status, _) => status.as_str(),
    }
}
