//! The workload plays on the fake GitHub.

use super::{FakeGitHub, payload};
use crate::workload::stage::{NewJob, NewPull, NewPush, NewRun, Stage};
use crate::workload::{Kind, Work};
use jiff::SignedDuration;
use trunkline_model::{
    Conclusion, IssueComment, Job, JobId, JobStatus, PrNumber, PullRequest, PullRequestState, Push, Run,
    RunId, Sha,
};

impl FakeGitHub {
    fn zero() -> Sha {
        #[expect(clippy::expect_used, reason = "forty zeros are a hash")]
        "0".repeat(40).parse().expect("forty zeros are a hash")
    }

    fn new_job(&mut self, run: RunId, name: String) -> Option<Job> {
        let id = JobId(self.id());
        let run = self.runs.get(&run)?;
        Some(Job {
            repo: self.repo.clone(),
            id,
            run_id: run.id,
            run_attempt: run.attempt,
            name,
            workflow_name: run.name.clone(),
            head_sha: run.head_sha.clone(),
            head_branch: run.head_branch.clone(),
            status: JobStatus::Queued,
            conclusion: None,
            labels: vec![],
            runner_id: None,
            runner_name: None,
            runner_group_id: None,
            runner_group_name: None,
            created_at: self.now,
            started_at: Some(self.now),
            completed_at: None,
            gate_updated_at: None,
            html_url: format!("https://github.com/{}/actions/runs/{}/job/{id}", self.repo, run.id),
            steps: vec![],
        })
    }
}

impl Stage for FakeGitHub {
    fn push(&mut self, push: NewPush) {
        let head = push.commits.last().cloned();
        let after = head.as_ref().map_or_else(Self::zero, |commit| commit.sha.clone());
        let push = Push {
            repo: self.repo.clone(),
            git_ref: format!("refs/heads/{}", push.branch),
            before: push.before.unwrap_or_else(Self::zero),
            after,
            forced: false,
            commits: push.commits,
            head_commit: head,
            pusher: push.pusher,
            pushed_at: self.now,
        };
        self.outgoing.push(payload::push(&push));
    }

    fn open_pull(&mut self, pull: NewPull) {
        let opened = PullRequest {
            repo: self.repo.clone(),
            number: pull.number,
            title: pull.title,
            body: pull.body,
            state: PullRequestState::Open,
            draft: false,
            author: pull.author,
            labels: pull.labels,
            head_sha: pull.head_sha,
            head_ref: pull.head_branch.to_string(),
            head_repo: Some(self.repo.to_string()),
            base_sha: pull.base_sha,
            base_ref: "main".into(),
            merge_commit_sha: None,
            created_at: self.now,
            updated_at: self.now,
            closed_at: None,
            merged_at: None,
            html_url: format!("https://github.com/{}/pull/{}", self.repo, pull.number),
        };
        self.outgoing.push(payload::pull_request(&opened, "opened"));
        self.pulls.insert(opened.number, opened);
    }

    fn update_pull(&mut self, number: PrNumber, head_sha: &Sha) {
        let now = self.now;
        let Some(pull) = self.pulls.get_mut(&number) else { return };
        pull.head_sha = head_sha.clone();
        pull.updated_at = now;
        self.outgoing.push(payload::pull_request(pull, "synchronize"));
    }

    fn close_pull(&mut self, number: PrNumber, merged_as: Option<&Sha>) {
        let now = self.now;
        let Some(pull) = self.pulls.get_mut(&number) else { return };
        pull.state = if merged_as.is_some() { PullRequestState::Merged } else { PullRequestState::Closed };
        pull.merge_commit_sha = merged_as.cloned();
        pull.merged_at = merged_as.map(|_| now);
        (pull.closed_at, pull.updated_at) = (Some(now), now);
        self.outgoing.push(payload::pull_request(pull, "closed"));
    }

    fn comment(&mut self, number: PrNumber, author: &str, body: &str) {
        let id = self.id();
        let comment = IssueComment {
            repo: self.repo.clone(),
            id,
            number,
            on_pull_request: true,
            author: author.into(),
            author_association: "MEMBER".into(),
            body: body.into(),
            deleted: false,
            created_at: self.now,
            updated_at: self.now,
            html_url: format!("https://github.com/{}/pull/{number}#issuecomment-{id}", self.repo),
        };
        self.outgoing.push(payload::comment(&comment));
    }

    fn start_run(&mut self, new: NewRun) -> RunId {
        let id = RunId(self.id());
        let run = Run {
            repo: self.repo.clone(),
            id,
            attempt: 1,
            name: new.workflow,
            workflow_id: 1,
            event: new.event,
            status: "queued".into(),
            conclusion: None,
            head_sha: new.sha,
            head_branch: Some(new.branch.to_string()),
            head_repo: Some(self.repo.to_string()),
            actor: Some(new.actor.clone()),
            triggering_actor: Some(new.actor),
            pull_requests: new.pull.into_iter().collect(),
            created_at: self.now,
            run_started_at: Some(self.now),
            updated_at: self.now,
            html_url: format!("https://github.com/{}/actions/runs/{id}", self.repo),
        };
        self.runs.insert(id, run);
        self.change_run(id, "requested", |_| true);
        id
    }

    fn start_attempt(&mut self, run: RunId, actor: &str) {
        let now = self.now;
        if let Some(run) = self.runs.get_mut(&run) {
            run.attempt += 1;
            run.conclusion = None;
            run.run_started_at = Some(now);
            run.triggering_actor = Some(actor.into());
        }
        self.of_run.remove(&run);
        self.change_run(run, "requested", |_| true);
    }

    fn queue_job(&mut self, run: RunId, new: NewJob) -> JobId {
        let Some(mut job) = self.new_job(run, new.name) else { return JobId(0) };
        job.labels = new.labels;
        self.queue(job, new.work)
    }

    fn skip_job(&mut self, run: RunId, name: &str) -> JobId {
        let Some(job) = self.new_job(run, name.into()) else { return JobId(0) };
        let id = self.queue(job, Work::success(Kind::Test, SignedDuration::ZERO, 0));
        self.end_job(id, Conclusion::Skipped);
        id
    }

    fn cancel_run(&mut self, run: RunId) {
        let open: Vec<JobId> =
            self.jobs_of(run).iter().filter(|job| job.conclusion.is_none()).map(|job| job.id).collect();
        for id in open {
            self.end_job(id, Conclusion::Cancelled);
        }
    }

    fn finish_run(&mut self, run: RunId, conclusion: Conclusion) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.conclusion = Some(conclusion);
        }
        self.change_run(run, "completed", |_| true);
    }

    fn conclusion(&self, job: JobId) -> Option<Conclusion> {
        self.jobs.get(&job).map_or(Some(Conclusion::Cancelled), |job| job.conclusion)
    }
}
