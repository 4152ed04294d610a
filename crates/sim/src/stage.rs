//! The workload's stage: one repository of the shared world.

use crate::{
    SharedWorld,
    workload::{NewJob, NewPull, NewPush, NewRun, Stage, Work, log_for, logs::JobLog, steps::steps},
    world::{Execution, Finish, JobSpec, Phase, PullSpec, PushSpec, RunSpec, Script, World, WorldError},
};
use std::sync::Arc;
use trunkline_model::{Conclusion, JobId, PrNumber, RepoName, RunId, Sha, Step};

/// A repository of the world, for a [`Generator`](crate::workload::Generator) or a scenario.
#[derive(Debug, Clone)]
pub struct SharedStage {
    world: SharedWorld,
    repo: RepoName,
}

impl SharedStage {
    /// The stage of a repository that the world has.
    pub fn new(world: SharedWorld, repo: RepoName) -> Self {
        Self { world, repo }
    }

    /// Does something; what the world refuses is told to the log, people cannot do anything about it.
    fn act<T>(
        &self,
        what: &'static str,
        act: impl FnOnce(&mut World, &RepoName) -> Result<T, WorldError>,
    ) -> Option<T> {
        let result = self.world.with(|world| act(world, &self.repo));
        result.inspect_err(|error| tracing::warn!(%error, what, "the simulated GitHub refused")).ok()
    }
}

/// Steps and log of the workload's jobs.
#[derive(Debug)]
pub(crate) struct WorkScript(pub(crate) Work);

impl WorkScript {
    /// The work as it went: a cancelled job took less time than planned.
    fn as_it_went(&self, run: &Execution<'_>) -> Work {
        let mut work = self.0.clone();
        work.duration = run.duration;
        work.outcome.conclusion = run.conclusion;
        work
    }
}

impl Script for WorkScript {
    fn steps(&self, run: &Execution<'_>) -> Vec<Step> {
        steps(&self.as_it_went(run), run.conclusion, run.started_at)
    }

    fn log(&self, run: &Execution<'_>) -> Option<String> {
        let work = self.as_it_went(run);
        Some(log_for(&JobLog {
            repo: run.job.repo.as_str(),
            name: &run.job.name,
            sha: run.job.head_sha.as_str(),
            runner: run.runner,
            kind: work.kind,
            outcome: work.outcome,
            seed: work.log_seed,
            started_at: run.started_at,
            duration: run.duration,
        }))
    }
}

impl Stage for SharedStage {
    fn push(&mut self, push: NewPush) {
        let NewPush { branch, before, commits, pusher } = push;
        self.act("push", |world, repo| world.push(repo, &PushSpec { branch, before, commits, pusher }));
    }

    fn open_pull(&mut self, pull: NewPull) {
        let NewPull { number, title, body, author, head_branch, head_sha, base_sha, labels } = pull;
        let spec = PullSpec { number, title, body, author, head_branch, head_sha, base_sha, labels };
        self.act("open a pull request", |world, repo| world.open_pull(repo, spec));
    }

    fn update_pull(&mut self, number: PrNumber, head_sha: &Sha) {
        self.act("update a pull request", |world, repo| world.update_pull(repo, number, head_sha));
    }

    fn close_pull(&mut self, number: PrNumber, merged_as: Option<&Sha>) {
        self.act("close a pull request", |world, repo| world.close_pull(repo, number, merged_as));
    }

    fn comment(&mut self, number: PrNumber, author: &str, body: &str) {
        self.act("comment", |world, repo| world.comment(repo, number, author, body));
    }

    fn start_run(&mut self, run: NewRun) -> RunId {
        let NewRun { workflow, event, branch, sha, pull, actor } = run;
        let spec = RunSpec { workflow, event, branch, sha, pull, actor, finish: Finish::ByCaller };
        self.act("start a run", |world, repo| world.start_run(repo, spec)).unwrap_or(RunId(0))
    }

    fn start_attempt(&mut self, run: RunId, actor: &str) {
        self.act("start an attempt", |world, _| world.start_attempt(run, actor, Finish::ByCaller));
    }

    fn queue_job(&mut self, run: RunId, job: NewJob) -> JobId {
        let NewJob { name, labels, work } = job;
        let spec = JobSpec::new(name, labels, work.duration)
            .ending(work.outcome.conclusion)
            .scripted(Arc::new(WorkScript(work)));
        self.act("queue a job", |world, _| world.queue_job(run, spec)).unwrap_or(JobId(0))
    }

    fn skip_job(&mut self, run: RunId, name: &str) -> JobId {
        self.act("skip a job", |world, _| world.skip_job(run, name)).unwrap_or(JobId(0))
    }

    fn cancel_run(&mut self, run: RunId) {
        self.act("cancel a run", |world, _| world.cancel_run(run));
    }

    fn finish_run(&mut self, run: RunId, conclusion: Conclusion) {
        self.world.with(|world| world.finish_run(run, conclusion));
    }

    fn conclusion(&self, job: JobId) -> Option<Conclusion> {
        // A job that was refused or forgotten keeps nobody waiting.
        self.world.with(|world| match world.job(job) {
            None => Some(Conclusion::Cancelled),
            Some(job) => job.job.conclusion.filter(|_| job.phase == Phase::Done),
        })
    }
}
