//! A system of a few lines: jobs find a runner when Trunkline heard of them, by webhook or by its look at GitHub once
//! a minute.

use super::*;
use crate::scenario::{
    step::{Faults, KillAt},
    system::{CallFact, JobFact, JobRow, RunnerFact},
};
use crate::workload::Stage;
use std::collections::BTreeMap;
use trunkline_model::JobStatus;

pub(super) struct Toy {
    now: Timestamp,
    pub(super) facts: SystemFacts,
    faults: Faults,
    boot: SignedDuration,
    /// When a job's runner takes it and when the job ends.
    plans: BTreeMap<JobId, (Option<Timestamp>, SignedDuration, Conclusion, RunId)>,
    /// Jobs whose webhook arrived and was not worked off.
    heard: Vec<JobId>,
    /// A product that forgets what it was told, for the test of the checks.
    pub(super) forgetful: bool,
    looked: Timestamp,
    rng: Rng,
    next_id: u64,
    pub(super) finished: Vec<(RunId, Conclusion)>,
    pub(super) answers: u16,
}

impl Toy {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            now: scenario.start,
            facts: SystemFacts { starts: 1, ..SystemFacts::default() },
            faults: Faults::default(),
            boot: scenario.world.cloud.boot.get(),
            plans: BTreeMap::new(),
            heard: vec![],
            forgetful: false,
            looked: scenario.start,
            rng: Rng::from_seed(1),
            next_id: 0,
            finished: vec![],
            answers: 202,
        }
    }

    fn job(&mut self, id: JobId) -> &mut JobFact {
        self.facts.jobs.iter_mut().find(|job| job.id == id).unwrap()
    }

    fn end(&mut self, id: JobId, conclusion: Conclusion) {
        let job = self.job(id);
        (job.status, job.conclusion) = (JobStatus::Completed, Some(conclusion));
        job.known = Some((job.status, job.conclusion));
        for runner in self.facts.runners.iter_mut().filter(|runner| runner.jobs.contains(&id)) {
            (runner.running, runner.registered) = (false, false);
        }
    }
}

impl Stage for Toy {
    fn push(&mut self, push: NewPush) {
        self.facts.commits += u64::from(push.branch.as_str() == "main");
    }
    fn open_pull(&mut self, _: NewPull) {}
    fn update_pull(&mut self, _: PrNumber, _: &Sha) {}
    fn close_pull(&mut self, _: PrNumber, _: Option<&Sha>) {}
    fn comment(&mut self, _: PrNumber, _: &str, _: &str) {}
    fn start_run(&mut self, _: NewRun) -> RunId {
        self.next_id += 1;
        RunId(self.next_id)
    }
    fn start_attempt(&mut self, _: RunId, _: &str) {}
    fn queue_job(&mut self, run: RunId, job: NewJob) -> JobId {
        self.next_id += 1;
        let id = JobId(self.next_id);
        let hosted = workload::catalogue::is_hosted(job.labels[0].as_str());
        let fact = JobFact {
            id,
            name: job.name,
            labels: job.labels,
            status: JobStatus::Queued,
            conclusion: None,
            runners: vec![],
            hosted,
            known: None,
            truth: JobRow::default(),
            row: None,
        };
        self.facts.jobs.push(fact);
        self.plans.insert(id, (None, job.work.duration, job.work.outcome.conclusion, run));
        if !self.rng.chance(self.faults.drop.get()) {
            self.heard.push(id);
            self.facts.stored_deliveries += 1;
        }
        id
    }
    fn skip_job(&mut self, run: RunId, name: &str) -> JobId {
        let job = NewJob {
            name: name.into(),
            labels: vec!["none".parse().unwrap()],
            work: workload::Work::success(Kind::Test, SignedDuration::ZERO, 0),
        };
        let id = self.queue_job(run, job);
        self.end(id, Conclusion::Skipped);
        id
    }
    fn cancel_run(&mut self, run: RunId) {
        let open: Vec<_> = self.plans.iter().filter(|(_, plan)| plan.3 == run).map(|(id, _)| *id).collect();
        for id in open {
            if self.job(id).conclusion.is_none() {
                self.end(id, Conclusion::Cancelled);
            }
        }
    }
    fn finish_run(&mut self, run: RunId, conclusion: Conclusion) {
        self.finished.push((run, conclusion));
    }
    fn conclusion(&self, job: JobId) -> Option<Conclusion> {
        self.facts.jobs.iter().find(|fact| fact.id == job)?.conclusion
    }
}

impl System for Toy {
    fn stage(&mut self) -> &mut dyn Stage {
        self
    }

    fn set_faults(&mut self, faults: &Faults) {
        self.faults = *faults;
    }

    fn next_due(&mut self) -> Option<Timestamp> {
        let open = |id: &JobId| self.facts.jobs.iter().any(|job| job.id == *id && job.conclusion.is_none());
        let plans = self.plans.iter().filter(|(id, _)| open(id));
        let dues =
            plans.filter_map(|(_, plan)| plan.0.map(|at| if at > self.now { at } else { at + plan.1 }));
        dues.chain([self.looked + SignedDuration::from_mins(1)]).map(|at| at.max(self.now)).min()
    }

    async fn advance(&mut self, now: Timestamp) -> Result<(), SystemError> {
        assert!(now >= self.now, "time runs backwards");
        self.now = now;
        for (id, (takes, duration, ends, _)) in self.plans.clone() {
            let Some(takes) = takes.filter(|at| *at <= now) else { continue };
            if self.job(id).status == JobStatus::Queued {
                let name = format!("r{id}");
                let job = self.job(id);
                (job.status, job.known) = (JobStatus::InProgress, Some((JobStatus::InProgress, None)));
                job.runners.push(name.clone());
                self.facts.runners.iter_mut().filter(|r| r.name == name).for_each(|r| r.jobs.push(id));
            }
            if takes + duration <= now && self.job(id).conclusion.is_none() {
                self.end(id, ends);
            }
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), SystemError> {
        if self.now >= self.looked + SignedDuration::from_mins(1) {
            self.looked = self.now;
            self.facts.calls.push(CallFact {
                method: "GET".into(),
                path: "/repos/a/b/actions/runs".into(),
                count: 1,
            });
            let unknown = self.facts.jobs.iter().filter(|job| job.known.is_none());
            self.heard.extend(unknown.map(|job| job.id));
        }
        if self.forgetful {
            self.heard.clear();
        }
        for id in std::mem::take(&mut self.heard) {
            let at = self.now + self.boot;
            let job = self.job(id);
            if job.known.is_some() {
                continue;
            }
            job.known = Some((job.status, job.conclusion));
            if job.conclusion.is_none() {
                self.plans.entry(id).and_modify(|plan| plan.0 = Some(at));
                self.facts.runners.push(RunnerFact {
                    name: format!("r{id}"),
                    running: true,
                    registered: true,
                    jobs: vec![],
                    terminated_busy: false,
                    machines: 1,
                });
            }
        }
        Ok(())
    }

    async fn deliver(&mut self, _: Delivery) -> Result<u16, SystemError> {
        Ok(self.answers)
    }

    async fn kill(&mut self, _: Option<KillAt>) -> Result<(), SystemError> {
        self.heard.clear();
        Ok(())
    }

    async fn start(&mut self) -> Result<(), SystemError> {
        self.facts.starts += 1;
        Ok(())
    }

    async fn facts(&mut self) -> Result<SystemFacts, SystemError> {
        let mut facts = self.facts.clone();
        let row = |status: JobStatus| JobRow { status: status.as_str().into(), ..JobRow::default() };
        for job in &mut facts.jobs {
            (job.truth, job.row) = (row(job.status), job.known.map(|(status, _)| row(status)));
        }
        Ok(facts)
    }
}
