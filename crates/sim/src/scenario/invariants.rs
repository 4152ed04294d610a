//! What holds in every run, whatever the scenario.

use super::system::{JobRow, SystemFacts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use trunkline_model::JobStatus;

/// One invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// No job ran on two runners, no runner ran two jobs.
    OneRunnerPerJob,
    /// Trunkline knows every job of GitHub, and where it stands.
    NoJobLost,
    /// No runner was ended while it had a job.
    NoBusyRunnerTerminated,
    /// No delivery was stored twice, no effect was done twice.
    NoEffectTwice,
    /// Every delivery that Trunkline acknowledged is in its log.
    NoDeliveryLost,
    /// The warehouse has every job and commit as GitHub has it.
    WarehouseIsTrue,
    /// Every action that was decided says why.
    EveryActionExplained,
    /// Never more machines at once than configured: nothing is spent above the budget.
    WithinLimits,
    /// At the end nothing is queued, running, pending or left over.
    EndsQuiescent,
}

impl Invariant {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::OneRunnerPerJob,
        Self::NoJobLost,
        Self::NoBusyRunnerTerminated,
        Self::NoEffectTwice,
        Self::NoDeliveryLost,
        Self::WarehouseIsTrue,
        Self::EveryActionExplained,
        Self::WithinLimits,
        Self::EndsQuiescent,
    ];

    /// Those that hold at every moment; the others only when all is quiet.
    pub const ALWAYS: [Self; 6] = [
        Self::OneRunnerPerJob,
        Self::NoBusyRunnerTerminated,
        Self::NoEffectTwice,
        Self::NoDeliveryLost,
        Self::EveryActionExplained,
        Self::WithinLimits,
    ];

    /// Those that take time to come true: what [`Step::WaitUntilQuiet`](super::Step) waits for.
    pub const IN_TIME: [Self; 3] = [Self::EndsQuiescent, Self::NoJobLost, Self::WarehouseIsTrue];

    /// The word in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneRunnerPerJob => "one_runner_per_job",
            Self::NoJobLost => "no_job_lost",
            Self::NoBusyRunnerTerminated => "no_busy_runner_terminated",
            Self::NoEffectTwice => "no_effect_twice",
            Self::NoDeliveryLost => "no_delivery_lost",
            Self::WarehouseIsTrue => "warehouse_is_true",
            Self::EveryActionExplained => "every_action_explained",
            Self::WithinLimits => "within_limits",
            Self::EndsQuiescent => "ends_quiescent",
        }
    }

    /// Every way in which the facts break it; empty when it holds.
    pub fn violations(self, facts: &SystemFacts) -> Vec<String> {
        match self {
            Self::OneRunnerPerJob => one_runner_per_job(facts),
            Self::NoJobLost => no_job_lost(facts),
            Self::NoBusyRunnerTerminated => facts
                .runners
                .iter()
                .filter(|runner| runner.terminated_busy)
                .map(|runner| {
                    format!("runner `{}` was ended while it had job {:?}", runner.name, runner.jobs)
                })
                .collect(),
            Self::NoEffectTwice => no_effect_twice(facts),
            Self::NoDeliveryLost => {
                let lost = facts.deliveries_lost.iter();
                lost.map(|guid| format!("delivery `{guid}` was acknowledged and is not in the log")).collect()
            }
            Self::WarehouseIsTrue => warehouse_is_true(facts),
            Self::EveryActionExplained => {
                facts.unexplained.iter().map(|key| format!("effect `{key}` does not say why")).collect()
            }
            Self::WithinLimits => facts
                .machines_allowed
                .filter(|allowed| facts.most_machines > *allowed)
                .map(|allowed| format!("{} machines ran at once, {allowed} are allowed", facts.most_machines))
                .into_iter()
                .collect(),
            Self::EndsQuiescent => ends_quiescent(facts),
        }
    }
}

fn one_runner_per_job(facts: &SystemFacts) -> Vec<String> {
    let jobs = facts.jobs.iter().filter_map(|job| {
        let runners: BTreeSet<_> = job.runners.iter().collect();
        (runners.len() > 1)
            .then(|| format!("job `{}` ({}) had {} runners: {runners:?}", job.name, job.id, runners.len()))
    });
    let runners = facts.runners.iter().filter_map(|runner| {
        let jobs: BTreeSet<_> = runner.jobs.iter().collect();
        (jobs.len() > 1).then(|| format!("runner `{}` had {} jobs: {jobs:?}", runner.name, jobs.len()))
    });
    jobs.chain(runners).collect()
}

fn no_job_lost(facts: &SystemFacts) -> Vec<String> {
    let lost = |job: &&super::system::JobFact| job.known != Some((job.status, job.conclusion));
    facts
        .jobs
        .iter()
        .filter(lost)
        .map(|job| {
            let known = job.known.map_or("unknown".into(), |(status, conclusion)| state(status, conclusion));
            format!(
                "job `{}` ({}) is {} at GitHub and {known} to Trunkline",
                job.name,
                job.id,
                state(job.status, job.conclusion)
            )
        })
        .collect()
}

fn state(status: JobStatus, conclusion: Option<trunkline_model::Conclusion>) -> String {
    conclusion.map_or_else(|| status.as_str().to_owned(), |conclusion| conclusion.as_str().to_owned())
}

fn warehouse_is_true(facts: &SystemFacts) -> Vec<String> {
    let wrong = facts.jobs.iter().filter(|job| job.row.as_ref() != Some(&job.truth)).map(|job| {
        let row = job.row.as_ref().map_or("no row".into(), words);
        format!("job `{}` ({}): {} at GitHub, {row} in the warehouse", job.name, job.id, words(&job.truth))
    });
    let missing = facts.commits_missing.iter().map(|sha| format!("commit {sha} is not in the warehouse"));
    wrong.chain(missing).collect()
}

fn words(row: &JobRow) -> String {
    let state = row.conclusion.as_ref().unwrap_or(&row.status);
    let runner = row.runner.as_deref().unwrap_or("no runner");
    let time =
        |ms: Option<i64>| ms.map_or("never".to_owned(), |ms| format!("{}.{:03} s", ms / 1_000, ms % 1_000));
    format!("{state} on {runner} from {} to {}", time(row.started_ms), time(row.completed_ms))
}

fn no_effect_twice(facts: &SystemFacts) -> Vec<String> {
    let effects = facts.effects_done.iter().filter(|(_, times)| **times > 1);
    let mut violations: Vec<_> =
        effects.map(|(key, times)| format!("effect `{key}` was done {times} times")).collect();
    let machines = facts.runners.iter().filter(|runner| runner.machines > 1);
    violations
        .extend(machines.map(|runner| format!("runner `{}` got {} machines", runner.name, runner.machines)));
    if facts.stored_twice > 0 {
        violations.push(format!("{} deliveries were stored twice", facts.stored_twice));
    }
    violations
}

fn ends_quiescent(facts: &SystemFacts) -> Vec<String> {
    let mut violations = Vec::new();
    let mut some = |number: usize, what: &str, example: Option<String>| {
        if number > 0 {
            let example = example.map(|name| format!(", such as `{name}`")).unwrap_or_default();
            violations.push(format!("{number} {what}{example}"));
        }
    };
    let open: Vec<_> = facts.jobs.iter().filter(|job| job.status != JobStatus::Completed).collect();
    some(open.len(), "jobs have not ended", open.first().map(|job| job.name.clone()));
    let left: Vec<_> = facts.runners.iter().filter(|runner| runner.running || runner.registered).collect();
    some(left.len(), "runners are left", left.first().map(|runner| runner.name.clone()));
    some(usize::try_from(facts.effects_pending).unwrap_or(usize::MAX), "effects are pending", None);
    some(
        usize::try_from(facts.events_behind).unwrap_or(usize::MAX),
        "stored deliveries are not worked off",
        None,
    );
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::system::{JobFact, RunnerFact};
    use trunkline_model::{Conclusion, JobId};

    fn job() -> JobFact {
        JobFact {
            id: JobId(1),
            name: "build".into(),
            labels: vec![],
            status: JobStatus::Completed,
            conclusion: Some(Conclusion::Success),
            runners: vec!["r1".into()],
            hosted: false,
            known: Some((JobStatus::Completed, Some(Conclusion::Success))),
            truth: JobRow { status: "completed".into(), ..JobRow::default() },
            row: Some(JobRow { status: "completed".into(), ..JobRow::default() }),
        }
    }

    fn runner() -> RunnerFact {
        RunnerFact {
            name: "r1".into(),
            running: false,
            registered: false,
            jobs: vec![JobId(1)],
            terminated_busy: false,
            machines: 1,
        }
    }

    fn broken(facts: &SystemFacts) -> Vec<Invariant> {
        Invariant::ALL.into_iter().filter(|invariant| !invariant.violations(facts).is_empty()).collect()
    }

    #[test]
    fn each_violation_is_seen_by_its_invariant_alone() {
        use Invariant::*;
        let fine = SystemFacts { jobs: vec![job()], runners: vec![runner()], ..SystemFacts::default() };
        assert_eq!(broken(&fine), []);
        let with_job = |change: fn(&mut JobFact)| {
            let mut facts = fine.clone();
            change(&mut facts.jobs[0]);
            broken(&facts)
        };
        assert_eq!(with_job(|job| job.runners.push("r2".into())), [OneRunnerPerJob]);
        assert_eq!(with_job(|job| job.known = None), [NoJobLost]);
        assert_eq!(with_job(|job| job.known = Some((JobStatus::Queued, None))), [NoJobLost]);
        let queued = |job: &mut JobFact| {
            (job.status, job.conclusion, job.known) =
                (JobStatus::Queued, None, Some((JobStatus::Queued, None)));
        };
        assert_eq!(with_job(queued), [EndsQuiescent]);
        let with_runner = |change: fn(&mut RunnerFact)| {
            let mut facts = fine.clone();
            change(&mut facts.runners[0]);
            broken(&facts)
        };
        assert_eq!(with_runner(|runner| runner.jobs.push(JobId(2))), [OneRunnerPerJob]);
        assert_eq!(with_runner(|runner| runner.terminated_busy = true), [NoBusyRunnerTerminated]);
        assert_eq!(with_runner(|runner| runner.machines = 2), [NoEffectTwice]);
        assert_eq!(with_runner(|runner| runner.registered = true), [EndsQuiescent]);
        let facts = SystemFacts { effects_done: [("jit:r1".into(), 2)].into(), ..fine.clone() };
        assert_eq!(broken(&facts), [NoEffectTwice]);
        assert_eq!(with_job(|job| job.row = None), [WarehouseIsTrue]);
        assert_eq!(with_job(|job| job.truth.completed_ms = Some(1)), [WarehouseIsTrue]);
        let facts = SystemFacts { commits_missing: vec!["abc".into()], ..fine.clone() };
        assert_eq!(broken(&facts), [WarehouseIsTrue]);
        let facts = SystemFacts { deliveries_lost: vec!["guid".into()], ..fine.clone() };
        assert_eq!(broken(&facts), [NoDeliveryLost]);
        let facts = SystemFacts { unexplained: vec!["launch".into()], ..fine.clone() };
        assert_eq!(broken(&facts), [EveryActionExplained]);
        let with_limit =
            |machines_allowed| SystemFacts { most_machines: 3, machines_allowed, ..fine.clone() };
        assert_eq!(broken(&with_limit(Some(2))), [WithinLimits]);
        assert_eq!((broken(&with_limit(Some(3))), broken(&with_limit(None))), (vec![], vec![]));
        assert_eq!(broken(&SystemFacts { stored_twice: 1, ..fine.clone() }), [NoEffectTwice]);
        assert_eq!(broken(&SystemFacts { effects_pending: 1, events_behind: 2, ..fine }), [EndsQuiescent]);
    }
}
