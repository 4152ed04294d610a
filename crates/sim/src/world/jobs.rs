//! A job's life: queued, perhaps assigned, running, ended.

use super::{Due, JobSpec, Listener, Phase, Removal, SimJob, World, WorldError, next, runners::SimRunner};
use jiff::SignedDuration;
use trunkline_model::{Conclusion, Job, JobId, JobStatus, RunId, RunnerId};

/// Name and id of GitHub's group of hosted runners.
const HOSTED_GROUP: (u64, &str) = (2, "GitHub Actions");
/// Name and id of the default group of self-hosted runners.
pub(super) const DEFAULT_GROUP: (u64, &str) = (1, "Default");

impl World {
    /// A job of the run's newest attempt wants a runner.
    ///
    /// # Errors
    /// [`WorldError::Invalid`] when the run has ended or the job has no label.
    pub fn queue_job(&mut self, run: RunId, spec: JobSpec) -> Result<JobId, WorldError> {
        if spec.labels.is_empty() {
            return Err(WorldError::Invalid("a job without a label is never served".into()));
        }
        let hosted = spec.hosted;
        let id = self.add_job(run, spec)?;
        self.emit_job(id, "queued");
        self.emit_check(id, "created");
        self.timers.set(self.now + self.config.queue_limit, Due::QueueLimit(id));
        if hosted {
            let (least, further) = self.config.hosted_delay;
            let further = self.rng.exponential(further.as_secs_f64());
            let wait = least + SignedDuration::try_from_secs_f64(further).unwrap_or_default();
            self.timers.set(self.now + wait, Due::HostedStart(id));
        } else {
            self.enqueue(id);
        }
        Ok(id)
    }

    /// A job of the run's newest attempt is skipped.
    ///
    /// # Errors
    /// [`WorldError::Invalid`] when the run has ended.
    pub fn skip_job(&mut self, run: RunId, name: &str) -> Result<JobId, WorldError> {
        let spec = JobSpec::new(name, vec![], SignedDuration::ZERO).ending(Conclusion::Skipped);
        let id = self.add_job(run, spec)?;
        self.end_job(id, Conclusion::Skipped);
        Ok(id)
    }

    fn add_job(&mut self, run: RunId, spec: JobSpec) -> Result<JobId, WorldError> {
        let now = self.now;
        let run = self.runs.get_mut(&run).ok_or(WorldError::NotFound)?;
        if run.run.status == "completed" {
            return Err(WorldError::Invalid("the run has ended".into()));
        }
        let id = JobId(next(&mut self.next.job));
        run.jobs.push(id);
        let job = Job {
            html_url: format!("https://github.com/{}/actions/runs/{}/job/{id}", run.run.repo, run.run.id),
            repo: run.run.repo.clone(),
            id,
            run_id: run.run.id,
            run_attempt: run.run.attempt,
            name: spec.name.clone(),
            workflow_name: run.run.name.clone(),
            head_sha: run.run.head_sha.clone(),
            head_branch: run.run.head_branch.clone(),
            status: JobStatus::Queued,
            conclusion: None,
            labels: spec.labels.clone(),
            runner_id: None,
            runner_name: None,
            runner_group_id: None,
            runner_group_name: None,
            created_at: now,
            started_at: Some(now),
            completed_at: None,
            gate_updated_at: None,
            steps: vec![],
        };
        let (runners, reported) = (vec![], String::new());
        let job = SimJob { job, spec, phase: Phase::Queued, runners, cancel_requested: false, reported };
        self.jobs.insert(id, job);
        Ok(id)
    }

    pub(super) fn start_hosted(&mut self, id: JobId) {
        let number = next(&mut self.next_hosted);
        self.start_job(id, Phase::Hosted, number, format!("GitHub Actions {number}"), HOSTED_GROUP);
        self.set_end(id);
    }

    /// The runner begins its assigned job.
    pub(super) fn start_assigned(&mut self, id: JobId, runner: RunnerId) {
        let Some(SimRunner { name, listener, .. }) = self.runners.get(&runner) else { return };
        let (name, listener) = (name.to_string(), *listener);
        self.start_job(id, Phase::Running(runner), runner.0, name.clone(), DEFAULT_GROUP);
        if let (Some(job), Ok(name)) = (self.jobs.get_mut(&id), name.parse()) {
            job.runners.push(name);
        }
        if let Some(history) = self.histories.get_mut(&runner) {
            history.jobs.push(id);
        }
        if listener == Listener::Driven {
            self.set_end(id);
        }
    }

    fn start_job(&mut self, id: JobId, phase: Phase, runner: u64, name: String, group: (u64, &str)) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.phase = phase;
        job.job.status = JobStatus::InProgress;
        job.job.started_at = Some(now);
        (job.job.runner_id, job.job.runner_name) = (Some(runner), Some(name));
        (job.job.runner_group_id, job.job.runner_group_name) = (Some(group.0), Some(group.1.into()));
        let run = job.job.run_id;
        self.emit_job(id, "in_progress");
        self.run_began(run);
    }

    fn set_end(&mut self, id: JobId) {
        if let Some(duration) = self.jobs.get(&id).map(|job| job.spec.duration) {
            self.timers.set(self.now + duration, Due::JobEnds(id));
        }
    }

    /// Ends a job, wherever it stands; its runner is removed.
    pub(super) fn end_job(&mut self, id: JobId, conclusion: Conclusion) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.phase != Phase::Done) else { return };
        let phase = std::mem::replace(&mut job.phase, Phase::Done);
        job.job.status = JobStatus::Completed;
        job.job.conclusion = Some(conclusion);
        job.job.completed_at = Some(now);
        if job.job.runner_id.is_none() {
            job.job.started_at = Some(now);
        }
        let run = job.job.run_id;
        self.emit_job(id, "completed");
        self.emit_check(id, "completed");
        match phase {
            Phase::Queued => self.dequeue(id),
            Phase::Running(runner) => self.remove_runner(runner, Removal::JobEnded),
            // It never began: the runner may take another.
            Phase::Assigned(runner) => self.free(runner),
            Phase::Hosted | Phase::Done => {}
        }
        self.job_of_run_ended(run);
    }
}
