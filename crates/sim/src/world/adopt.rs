//! Taking over a past: what happened before the world began is there, and nobody is told.

use super::{Finish, JobSpec, Phase, Repository, Script, SimJob, SimRun, World, repo};
use crate::workload::history::History;
use jiff::SignedDuration;
use std::sync::Arc;
use trunkline_model::JobId;

impl World {
    /// Adds a past to the repositories it is about. `script` gives the steps and log of a job that had a runner.
    /// What a repository the world does not have did is passed over.
    pub fn adopt(&mut self, past: &History, script: impl Fn(JobId) -> Option<Arc<dyn Script>>) {
        for push in &past.pushes {
            let Some((repo, branch)) =
                self.repo_mut(&push.repo).zip(push.git_ref.strip_prefix("refs/heads/"))
            else {
                continue;
            };
            if let Ok(branch) = branch.parse() {
                repo.branches.entry(branch).or_default().extend(push.commits.iter().cloned());
            }
        }
        for pull in &past.pulls {
            self.in_repo(&pull.repo, |repo| drop(repo.pulls.insert(pull.number, pull.clone())));
        }
        for comment in &past.comments {
            self.in_repo(&comment.repo, |repo| repo.comments.push_back(comment.clone()));
        }
        for run in &past.runs {
            let Some(repo) = self.repo_mut(&run.repo) else { continue };
            repo.runs += 1;
            let (number, finish) = (repo.runs, Finish::WithJobs);
            let entry = SimRun { run: run.clone(), number, jobs: vec![], finish, ending: None };
            self.runs.insert(run.id, entry);
            self.finished.push_back(run.id);
            self.next.run = self.next.run.max(run.id.0 + 1);
        }
        for job in &past.jobs {
            let Some(run) = self.runs.get_mut(&job.run_id) else { continue };
            run.jobs.push(job.id);
            let duration = match (job.started_at, job.completed_at) {
                (Some(from), Some(to)) => to.duration_since(from),
                _ => SignedDuration::ZERO,
            };
            let mut spec = JobSpec::new(job.name.clone(), job.labels.clone(), duration);
            spec.conclusion = job.conclusion.unwrap_or(spec.conclusion);
            if let Some(script) = script(job.id) {
                spec = spec.scripted(script);
            }
            let entry = SimJob {
                job: job.clone(),
                spec,
                phase: Phase::Done,
                runners: job.runner_name.iter().filter_map(|name| name.parse().ok()).collect(),
                cancel_requested: false,
                reported: String::new(),
            };
            self.jobs.insert(job.id, entry);
            self.next.job = self.next.job.max(job.id.0 + 1);
        }
        let newest = past.comments.iter().map(|comment| comment.id + 1).max();
        self.next.comment = self.next.comment.max(newest.unwrap_or(0));
        self.changed();
    }

    fn in_repo(&mut self, name: &trunkline_model::RepoName, act: impl FnOnce(&mut Repository)) {
        if let Some(repo) = self.repos.get_mut(&repo::key(name)) {
            act(repo);
        }
    }
}
