//! Workflow runs and their attempts.

use super::{Phase, World, WorldError};
use trunkline_model::{BranchName, Conclusion, JobId, JobStatus, PrNumber, RepoName, Run, RunId, Sha};

/// A workflow run that starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// Name of the workflow.
    pub workflow: String,
    /// `push`, `pull_request`, `schedule`, …
    pub event: String,
    /// Branch.
    pub branch: BranchName,
    /// Commit under test.
    pub sha: Sha,
    /// Pull request, when it is for one.
    pub pull: Option<PrNumber>,
    /// Who triggered it.
    pub actor: String,
    /// Who says when it has ended.
    pub finish: Finish,
}

/// Who says that the newest attempt of a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The world, when all jobs of the attempt have ended.
    WithJobs,
    /// [`World::finish_run`]: further jobs may come though all have ended so far.
    ByCaller,
}

/// A run with all that the world knows of it.
#[derive(Debug, Clone)]
pub struct SimRun {
    /// As GitHub shows it.
    pub run: Run,
    /// Counts the runs of the repository.
    pub number: u64,
    /// Jobs of all attempts, in the order they were made.
    pub jobs: Vec<JobId>,
    /// Who ends the newest attempt.
    pub finish: Finish,
    /// How it ends once its last job, which its runner still has to stop, has ended.
    pub(super) ending: Option<Conclusion>,
}

impl World {
    /// Starts a run.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] without the repository.
    pub fn start_run(&mut self, repo: &RepoName, spec: RunSpec) -> Result<RunId, WorldError> {
        let now = self.now;
        let repo = self.repo_mut(repo).ok_or(WorldError::NotFound)?;
        repo.runs += 1;
        let (name, number) = (repo.name.clone(), repo.runs);
        let id = RunId(super::next(&mut self.next.run));
        let run = Run {
            id,
            attempt: 1,
            workflow_id: super::payload::stable_id(&spec.workflow, 100_000_000),
            name: spec.workflow,
            event: spec.event,
            status: "queued".into(),
            conclusion: None,
            head_sha: spec.sha,
            head_branch: Some(spec.branch.to_string()),
            head_repo: Some(name.to_string()),
            actor: Some(spec.actor.clone()),
            triggering_actor: Some(spec.actor),
            pull_requests: spec.pull.into_iter().collect(),
            created_at: now,
            run_started_at: Some(now),
            updated_at: now,
            html_url: format!("https://github.com/{name}/actions/runs/{id}"),
            repo: name,
        };
        self.runs.insert(id, SimRun { run, number, jobs: vec![], finish: spec.finish, ending: None });
        self.emit_run(id, "requested");
        Ok(id)
    }

    /// Starts a further attempt of an ended run; its jobs follow by [`World::queue_job`].
    ///
    /// # Errors
    /// [`WorldError::Forbidden`] while the run has not ended.
    pub fn start_attempt(&mut self, id: RunId, actor: &str, finish: Finish) -> Result<(), WorldError> {
        let now = self.now;
        let entry = self.runs.get_mut(&id).ok_or(WorldError::NotFound)?;
        let run = &mut entry.run;
        if run.status != "completed" {
            return Err(WorldError::Forbidden("This workflow run is already running".into()));
        }
        run.attempt += 1;
        (run.status, run.conclusion) = ("queued".into(), None);
        run.triggering_actor = Some(actor.to_owned());
        (run.run_started_at, run.updated_at) = (Some(now), now);
        entry.finish = finish;
        self.finished.retain(|finished| *finished != id);
        self.emit_run(id, "requested");
        Ok(())
    }

    /// A further attempt of all failed and cancelled jobs, as `rerun-failed-jobs` does it. It ends with its jobs.
    ///
    /// # Errors
    /// [`WorldError::Forbidden`] while the run has not ended or when nothing failed.
    pub fn rerun_failed_jobs(&mut self, id: RunId, actor: &str) -> Result<(), WorldError> {
        let failed = self.failed_jobs(id)?;
        if failed.is_empty() {
            return Err(WorldError::Forbidden("This workflow run has no failed jobs".into()));
        }
        self.start_attempt(id, actor, Finish::WithJobs)?;
        for job in failed {
            let Some(spec) = self.jobs.get(&job).map(|job| job.spec.clone()) else { continue };
            self.queue_job(id, spec)?;
        }
        Ok(())
    }

    /// The newest job of each name that failed or was cancelled on its way.
    fn failed_jobs(&self, id: RunId) -> Result<Vec<JobId>, WorldError> {
        let run = self.runs.get(&id).ok_or(WorldError::NotFound)?;
        let attempt = run.run.attempt;
        let failed = |id: &&JobId| {
            self.jobs.get(*id).is_some_and(|job| {
                let ends = job.job.conclusion;
                job.job.run_attempt == attempt
                    && ends.is_some_and(|end| end.is_failure() || end == Conclusion::Cancelled)
            })
        };
        Ok(run.jobs.iter().filter(failed).copied().collect())
    }

    /// Cancels every unfinished job of a run. Jobs on a runner with a listener end when it has stopped.
    ///
    /// # Errors
    /// [`WorldError::Conflict`] when the run has ended.
    pub fn cancel_run(&mut self, id: RunId) -> Result<(), WorldError> {
        let run = self.runs.get(&id).ok_or(WorldError::NotFound)?;
        if run.run.status == "completed" {
            return Err(WorldError::Conflict("Cannot cancel a workflow run that is completed.".into()));
        }
        for job in run.jobs.clone() {
            match self.jobs.get(&job).map(|job| job.phase) {
                None | Some(Phase::Done) => {}
                Some(Phase::Running(runner)) if self.is_remote(runner) => {
                    if let Some(job) = self.jobs.get_mut(&job) {
                        job.cancel_requested = true;
                    }
                    self.changed();
                }
                Some(_) => self.end_job(job, Conclusion::Cancelled),
            }
        }
        Ok(())
    }

    /// Ends the newest attempt of a run, as soon as its last job has ended; nothing when it has ended.
    pub fn finish_run(&mut self, id: RunId, conclusion: Conclusion) {
        let now = self.now;
        let open = self.open_jobs(id) > 0;
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.run.status != "completed") else { return };
        run.ending = open.then_some(conclusion);
        if open {
            return;
        }
        (run.run.status, run.run.conclusion) = ("completed".into(), Some(conclusion));
        run.run.updated_at = now;
        self.emit_run(id, "completed");
        self.finished.push_back(id);
        while self.finished.len() > self.config.keep_runs {
            let Some(oldest) = self.finished.pop_front() else { break };
            for job in self.runs.remove(&oldest).map(|run| run.jobs).unwrap_or_default() {
                self.jobs.remove(&job);
            }
        }
    }

    /// Jobs of the run that have not ended.
    fn open_jobs(&self, id: RunId) -> usize {
        let Some(run) = self.runs.get(&id) else { return 0 };
        run.jobs.iter().filter(|job| self.jobs.get(job).is_some_and(|job| job.phase != Phase::Done)).count()
    }

    /// A job of the run began: the run is in progress.
    pub(super) fn run_began(&mut self, id: RunId) {
        let now = self.now;
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.run.status == "queued") else { return };
        (run.run.status, run.run.updated_at) = ("in_progress".into(), now);
        self.emit_run(id, "in_progress");
    }

    /// A job of the run ended: perhaps the run has.
    pub(super) fn job_of_run_ended(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else { return };
        if let Some(conclusion) = run.ending {
            return self.finish_run(id, conclusion);
        }
        if run.finish == Finish::ByCaller {
            return;
        }
        let attempt = run.run.attempt;
        let jobs = run.jobs.iter().filter_map(|job| self.jobs.get(job));
        let mut ends = Vec::new();
        for job in jobs.filter(|job| job.job.run_attempt == attempt) {
            if job.job.status != JobStatus::Completed {
                return;
            }
            ends.extend(job.job.conclusion);
        }
        let conclusion = if ends.iter().any(|end| end.is_failure()) {
            Conclusion::Failure
        } else if ends.contains(&Conclusion::Cancelled) {
            Conclusion::Cancelled
        } else {
            Conclusion::Success
        };
        self.finish_run(id, conclusion);
    }
}
