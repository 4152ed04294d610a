//! A fake GitHub: one repository with its runs, jobs and runners. Pure: time is passed in, webhooks come out.
//!
//! Jobs find runners as at GitHub: any idle online runner whose labels cover the job's, oldest job first; a runner
//! takes one job and is gone with it. Jobs for GitHub-hosted labels start by themselves.

pub mod drive;
pub mod http;
pub mod payload;
pub mod runner;
mod stage;

use crate::workload::{Work, catalogue::is_hosted, history::History};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use trunkline_model::{
    Applied, Conclusion, Job, JobId, JobStatus, Label, PrNumber, PullRequest, RepoName, Run, RunId,
};

/// Time a hosted runner takes to start.
const HOSTED_START: SignedDuration = SignedDuration::from_secs(20);

/// A webhook to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// `X-GitHub-Event`.
    pub event: &'static str,
    /// The payload.
    pub payload: serde_json::Value,
}

/// A registered runner.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeRunner {
    /// GitHub's id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Vec<Label>,
    /// What the JIT configuration proves itself with.
    secret: String,
    /// Whether the program is connected.
    pub online: bool,
    /// Its job.
    pub job: Option<JobId>,
    /// Whether its job has ended: it is about to be removed.
    done: bool,
}

/// The whole state.
#[derive(Debug)]
pub struct FakeGitHub {
    repo: RepoName,
    now: Timestamp,
    next_id: u64,
    runs: BTreeMap<RunId, Run>,
    jobs: BTreeMap<JobId, Job>,
    work: HashMap<JobId, Work>,
    /// Jobs of each run's newest attempt.
    of_run: HashMap<RunId, Vec<JobId>>,
    pulls: BTreeMap<PrNumber, PullRequest>,
    queued: BTreeSet<JobId>,
    running: BTreeMap<JobId, Timestamp>,
    hosted: BTreeMap<JobId, Timestamp>,
    runners: BTreeMap<u64, FakeRunner>,
    outgoing: Vec<Webhook>,
}

/// Why a runner cannot be registered or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such registration.
    NotFound,
    /// It has a job.
    Busy,
    /// The name is taken.
    NameTaken,
}

/// What a connected runner is told.
#[derive(Debug, Clone, PartialEq)]
pub enum RunnerNews {
    /// Nothing yet.
    Wait,
    /// Its job, and when that will have ended.
    Work(JobId, Timestamp),
    /// The registration is gone: exit.
    Gone,
}

impl FakeGitHub {
    /// An empty repository.
    pub fn new(repo: RepoName, now: Timestamp) -> Self {
        Self {
            repo,
            now,
            next_id: 60_000_000_000,
            runs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            work: HashMap::new(),
            of_run: HashMap::new(),
            pulls: BTreeMap::new(),
            queued: BTreeSet::new(),
            running: BTreeMap::new(),
            hosted: BTreeMap::new(),
            runners: BTreeMap::new(),
            outgoing: Vec::new(),
        }
    }

    /// Takes over a past and returns the webhooks it would have sent.
    pub fn adopt(&mut self, history: &History) -> Vec<Webhook> {
        let pushes = history.pushes.iter().map(payload::push);
        let pulls = history.pulls.iter().map(|pull| payload::pull_request(pull, "opened"));
        let runs = history.runs.iter().map(|run| payload::run(run, "completed"));
        let jobs = history.jobs.iter().map(|job| payload::job(job, "completed"));
        let webhooks = pushes.chain(pulls).chain(runs).chain(jobs).collect();
        self.pulls.extend(history.pulls.iter().map(|pull| (pull.number, pull.clone())));
        self.runs.extend(history.runs.iter().map(|run| (run.id, run.clone())));
        webhooks
    }

    /// What is to be sent since the last call, in order.
    pub fn take_webhooks(&mut self) -> Vec<Webhook> {
        std::mem::take(&mut self.outgoing)
    }

    /// Lets time pass: jobs end, hosted jobs start, waiting jobs find runners.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let due = |list: &BTreeMap<JobId, Timestamp>| {
            list.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect::<Vec<_>>()
        };
        for id in due(&self.running) {
            let conclusion = self.work.get(&id).map_or(Conclusion::Success, |work| work.outcome.conclusion);
            self.end_job(id, conclusion);
        }
        for id in due(&self.hosted) {
            self.hosted.remove(&id);
            self.start_job(id, None);
        }
        self.assign();
    }

    /// Registers a runner for one job.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`].
    pub fn register(
        &mut self,
        name: &str,
        labels: Vec<Label>,
        secret: String,
    ) -> Result<&FakeRunner, Refusal> {
        if self.runners.values().any(|runner| runner.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::NameTaken);
        }
        let id = self.id();
        let runner =
            FakeRunner { id, name: name.into(), labels, secret, online: false, job: None, done: false };
        Ok(self.runners.entry(id).or_insert(runner))
    }

    /// Removes a registration.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or [`Refusal::Busy`] while it has a job.
    pub fn remove(&mut self, id: u64) -> Result<(), Refusal> {
        let runner = self.runners.get(&id).ok_or(Refusal::NotFound)?;
        if runner.job.is_some() && !runner.done {
            return Err(Refusal::Busy);
        }
        self.runners.remove(&id);
        Ok(())
    }

    /// What the runner with this secret should do; connects it.
    pub fn runner_news(&mut self, secret: &str) -> RunnerNews {
        let Some(runner) = self.runners.values_mut().find(|runner| runner.secret == secret) else {
            return RunnerNews::Gone;
        };
        if runner.done {
            let id = runner.id;
            self.runners.remove(&id);
            return RunnerNews::Gone;
        }
        let job = runner.job;
        if !std::mem::replace(&mut runner.online, true) {
            self.assign();
            return RunnerNews::Wait;
        }
        job.map_or(RunnerNews::Wait, |job| {
            RunnerNews::Work(job, self.running.get(&job).copied().unwrap_or(self.now))
        })
    }

    /// All registrations.
    pub fn runners(&self) -> impl Iterator<Item = &FakeRunner> {
        self.runners.values()
    }

    /// One job.
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// Jobs of a run's newest attempt.
    pub fn jobs_of(&self, run: RunId) -> Vec<&Job> {
        self.of_run.get(&run).into_iter().flatten().filter_map(|id| self.jobs.get(id)).collect()
    }

    /// Runs that have queued jobs.
    pub fn queued_runs(&self) -> BTreeSet<RunId> {
        self.queued.iter().filter_map(|id| Some(self.jobs.get(id)?.run_id)).collect()
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Gives waiting jobs to idle runners, oldest job first.
    fn assign(&mut self) {
        for id in self.queued.clone() {
            let Some(job) = self.jobs.get(&id) else { continue };
            let covers = |runner: &FakeRunner| {
                job.labels.iter().all(|wanted| runner.labels.iter().any(|label| label.same(wanted)))
            };
            let idle = |runner: &&mut FakeRunner| runner.online && runner.job.is_none() && covers(runner);
            if let Some(runner) = self.runners.values_mut().find(idle) {
                runner.job = Some(id);
                let taken = (runner.id, runner.name.clone());
                self.start_job(id, Some(taken));
            }
        }
    }

    fn queue(&mut self, job: Job, work: Work) -> JobId {
        let id = job.id;
        let hosted = job.labels.iter().any(|label| is_hosted(label.as_str()));
        self.outgoing.push(payload::job(&job, "queued"));
        self.of_run.entry(job.run_id).or_default().push(id);
        self.jobs.insert(id, job);
        self.work.insert(id, work);
        if hosted {
            self.hosted.insert(id, self.now + HOSTED_START);
        } else {
            self.queued.insert(id);
        }
        id
    }

    fn start_job(&mut self, id: JobId, runner: Option<(u64, String)>) {
        self.queued.remove(&id);
        let duration = self.work.get(&id).map_or(SignedDuration::ZERO, |work| work.duration);
        self.running.insert(id, self.now + duration);
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.status = JobStatus::InProgress;
        job.started_at = Some(now);
        (job.runner_id, job.runner_name) = match runner {
            Some((id, name)) => (Some(id), Some(name)),
            None => (Some(1), Some("GitHub Actions 1".into())),
        };
        self.outgoing.push(payload::job(job, "in_progress"));
        let run = job.run_id;
        self.change_run(run, "in_progress", |run| run.status == "queued");
    }

    fn end_job(&mut self, id: JobId, conclusion: Conclusion) {
        self.queued.remove(&id);
        self.hosted.remove(&id);
        self.running.remove(&id);
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let mut ended = job.clone();
        ended.status = JobStatus::Completed;
        ended.conclusion = Some(conclusion);
        ended.completed_at = Some(now);
        if job.apply(&ended) == Applied::Changed {
            self.outgoing.push(payload::job(job, "completed"));
        }
        for runner in self.runners.values_mut().filter(|runner| runner.job == Some(id)) {
            runner.done = true;
        }
    }

    fn change_run(&mut self, id: RunId, action: &'static str, when: impl Fn(&Run) -> bool) {
        let now = self.now;
        let Some(run) = self.runs.get_mut(&id).filter(|run| when(run)) else { return };
        run.status = if action == "requested" { "queued".into() } else { action.into() };
        run.updated_at = now;
        self.outgoing.push(payload::run(run, action));
    }
}

#[cfg(test)]
mod tests;
