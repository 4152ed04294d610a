//! A past for the project: what the generator would have done before the world began, played without a world.
//!
//! [`live_through`] runs a generator on a list in memory, where every job finds a runner soon, until a number of
//! commits has landed and all their jobs have ended. The generator goes on from there in the real world, with
//! its open pull requests and its broken trunk.

use super::{
    config::{WorkloadConfig, seconds},
    generator::Generator,
    outcome::Work,
    stage::{NewJob, NewPull, NewPush, NewRun, Stage},
    steps::steps,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};
use trunkline_model::{
    Conclusion, IssueComment, Job, JobId, JobStatus, PrNumber, PullRequest, PullRequestState, Push, RepoName,
    Rng, Run, RunId, Sha,
};

/// All that happened, each thing in its final state and in order of its beginning.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Pushes to trunk and to branches.
    pub pushes: Vec<Push>,
    /// Pull requests.
    pub pulls: Vec<PullRequest>,
    /// Comments on them.
    pub comments: Vec<IssueComment>,
    /// Workflow runs.
    pub runs: Vec<Run>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// What each job did: its log is made from it.
    pub works: HashMap<JobId, Work>,
    /// When the last of it ended.
    pub ends_at: Option<Timestamp>,
}

/// The first ids that a past may use; the world goes on above [`History`]'s last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstIds {
    /// Of runs.
    pub run: u64,
    /// Of jobs.
    pub job: u64,
    /// Of comments.
    pub comment: u64,
}

impl Default for FirstIds {
    fn default() -> Self {
        Self { run: 19_000_000_000, job: 54_000_000_000, comment: 3_500_000_000 }
    }
}

/// Lands `commits` commits and ends all their jobs before `until`. The generator rests; see [`Generator::resume`].
pub fn live_through(
    config: &WorkloadConfig,
    commits: u64,
    until: Timestamp,
    first: FirstIds,
) -> (Generator, History) {
    let mut start = until - seconds(config.commit_gap_seconds(until) * (commits as f64 + 2.0));
    let mut tries = 0;
    loop {
        let (generator, history) = play(config, commits, start, first);
        let late = history.ends_at.map_or(SignedDuration::ZERO, |end| end.duration_since(until));
        tries += 1;
        if !late.is_positive() || tries == 8 {
            return (generator, history);
        }
        start -= late + SignedDuration::from_secs(60);
    }
}

fn play(config: &WorkloadConfig, commits: u64, start: Timestamp, first: FirstIds) -> (Generator, History) {
    let mut stage = Past::new(config, start, first);
    let mut generator = Generator::new(config.clone(), start);
    if commits == 0 {
        generator.pause();
        return (generator, History::default());
    }
    let mut now = start;
    loop {
        stage.now = now;
        generator.step(&mut stage, now);
        if generator.stats().commits >= commits {
            generator.pause();
            if generator.is_quiet() {
                break;
            }
        }
        // Coarse ticks: nobody sees the seconds of the past.
        let next = generator.next_due().into_iter().chain(stage.next_end()).min();
        now = next.map_or(now, |at| at.max(now)) + SignedDuration::from_secs(5);
    }
    (generator, stage.into_history())
}

/// A world in memory: jobs find runners, take their time and end.
struct Past {
    repo: RepoName,
    now: Timestamp,
    ids: FirstIds,
    rng: Rng,
    history: History,
    pulls: BTreeMap<PrNumber, usize>,
    runs: HashMap<RunId, usize>,
    jobs: HashMap<JobId, usize>,
    ends: BinaryHeap<Reverse<Timestamp>>,
}

impl Past {
    fn new(config: &WorkloadConfig, now: Timestamp, ids: FirstIds) -> Self {
        Self {
            repo: config.repo.clone(),
            now,
            ids,
            rng: Rng::from_seed(config.seed ^ 0x5157),
            history: History::default(),
            pulls: BTreeMap::new(),
            runs: HashMap::new(),
            jobs: HashMap::new(),
            ends: BinaryHeap::new(),
        }
    }

    fn next_end(&mut self) -> Option<Timestamp> {
        while self.ends.peek().is_some_and(|Reverse(at)| *at <= self.now) {
            self.ends.pop();
        }
        self.ends.peek().map(|Reverse(at)| *at)
    }

    fn into_history(mut self) -> History {
        let ends = self.history.jobs.iter().filter_map(|job| job.completed_at);
        self.history.ends_at = ends.chain(self.history.runs.iter().map(|run| run.updated_at)).max();
        self.history
    }

    fn run(&mut self, id: RunId) -> Option<&mut Run> {
        self.runs.get(&id).map(|at| &mut self.history.runs[*at])
    }

    fn pull(&mut self, number: PrNumber) -> Option<&mut PullRequest> {
        self.pulls.get(&number).map(|at| &mut self.history.pulls[*at])
    }

    fn add_job(&mut self, run: RunId, name: &str) -> Option<&mut Job> {
        self.ids.job += 1 + self.rng.below(40);
        let id = JobId(self.ids.job);
        let run = &self.history.runs[*self.runs.get(&run)?];
        self.jobs.insert(id, self.history.jobs.len());
        self.history.jobs.push(Job {
            repo: self.repo.clone(),
            id,
            run_id: run.id,
            run_attempt: run.attempt,
            name: name.to_owned(),
            workflow_name: run.name.clone(),
            head_sha: run.head_sha.clone(),
            head_branch: run.head_branch.clone(),
            status: JobStatus::Completed,
            conclusion: None,
            labels: vec![],
            runner_id: None,
            runner_name: None,
            runner_group_id: None,
            runner_group_name: None,
            created_at: self.now,
            started_at: None,
            completed_at: None,
            gate_updated_at: None,
            html_url: format!("https://github.com/{}/actions/runs/{}/job/{id}", self.repo, run.id),
            steps: vec![],
        });
        self.history.jobs.last_mut()
    }
}

impl Stage for Past {
    fn push(&mut self, push: NewPush) {
        let Some(head) = push.commits.last().cloned() else { return };
        let zeros = || "0".repeat(40).parse().expect("40 hexadecimal digits");
        self.history.pushes.push(Push {
            repo: self.repo.clone(),
            git_ref: format!("refs/heads/{}", push.branch),
            before: push.before.unwrap_or_else(zeros),
            after: head.sha.clone(),
            forced: false,
            commits: push.commits,
            head_commit: Some(head),
            pusher: push.pusher,
            pushed_at: self.now,
        });
    }

    fn open_pull(&mut self, pull: NewPull) {
        self.pulls.insert(pull.number, self.history.pulls.len());
        self.history.pulls.push(PullRequest {
            html_url: format!("https://github.com/{}/pull/{}", self.repo, pull.number),
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
        });
    }

    fn update_pull(&mut self, number: PrNumber, head_sha: &Sha) {
        let now = self.now;
        if let Some(pull) = self.pull(number) {
            pull.head_sha = head_sha.clone();
            pull.updated_at = now;
        }
    }

    fn close_pull(&mut self, number: PrNumber, merged_as: Option<&Sha>) {
        let now = self.now;
        if let Some(pull) = self.pull(number) {
            pull.state =
                if merged_as.is_some() { PullRequestState::Merged } else { PullRequestState::Closed };
            pull.merge_commit_sha = merged_as.cloned();
            pull.merged_at = merged_as.map(|_| now);
            pull.closed_at = Some(now);
            pull.updated_at = now;
        }
    }

    fn comment(&mut self, number: PrNumber, author: &str, body: &str) {
        self.ids.comment += 1 + self.rng.below(900);
        let id = self.ids.comment;
        self.history.comments.push(IssueComment {
            repo: self.repo.clone(),
            id,
            number,
            on_pull_request: true,
            author: author.to_owned(),
            author_association: "MEMBER".into(),
            body: body.to_owned(),
            deleted: false,
            created_at: self.now,
            updated_at: self.now,
            html_url: format!("https://github.com/{}/pull/{number}#issuecomment-{id}", self.repo),
        });
    }

    fn start_run(&mut self, run: NewRun) -> RunId {
        self.ids.run += 1 + self.rng.below(400);
        let id = RunId(self.ids.run);
        self.runs.insert(id, self.history.runs.len());
        self.history.runs.push(Run {
            repo: self.repo.clone(),
            id,
            attempt: 1,
            workflow_id: super::catalogue::fnv(&run.workflow) % 100_000_000,
            name: run.workflow,
            event: run.event,
            status: "in_progress".into(),
            conclusion: None,
            head_sha: run.sha,
            head_branch: Some(run.branch.to_string()),
            head_repo: Some(self.repo.to_string()),
            actor: Some(run.actor.clone()),
            triggering_actor: Some(run.actor),
            pull_requests: run.pull.into_iter().collect(),
            created_at: self.now,
            run_started_at: Some(self.now),
            updated_at: self.now,
            html_url: format!("https://github.com/{}/actions/runs/{id}", self.repo),
        });
        id
    }

    fn start_attempt(&mut self, run: RunId, actor: &str) {
        let now = self.now;
        if let Some(run) = self.run(run) {
            run.attempt += 1;
            run.status = "in_progress".into();
            run.conclusion = None;
            run.triggering_actor = Some(actor.to_owned());
            run.run_started_at = Some(now);
            run.updated_at = now;
        }
    }

    fn queue_job(&mut self, run: RunId, job: NewJob) -> JobId {
        let hosted = job.labels.iter().any(|label| super::catalogue::is_hosted(label.as_str()));
        let wait = if hosted { 2.0 + self.rng.exponential(4.0) } else { 15.0 + self.rng.exponential(45.0) };
        let (started, number) = (self.now + seconds(wait), self.rng.below(1_000_000));
        let completed = started + job.work.duration;
        let outcome = job.work.outcome;
        let Some(entry) = self.add_job(run, &job.name) else { return JobId(0) };
        let id = entry.id;
        entry.runner_id = Some(number);
        entry.runner_name =
            Some(if hosted { format!("GitHub Actions {number}") } else { format!("torchlite-{number:06}") });
        entry.runner_group_id = Some(u64::from(!hosted) + 1);
        entry.runner_group_name = Some(if hosted { "GitHub Actions".into() } else { "default".into() });
        entry.labels = job.labels;
        entry.started_at = Some(started);
        entry.completed_at = Some(completed);
        entry.conclusion = Some(outcome.conclusion);
        entry.steps = steps(&job.work, outcome.conclusion, started);
        self.ends.push(Reverse(completed));
        self.history.works.insert(id, job.work);
        id
    }

    fn skip_job(&mut self, run: RunId, name: &str) -> JobId {
        let now = self.now;
        let Some(job) = self.add_job(run, name) else { return JobId(0) };
        job.conclusion = Some(Conclusion::Skipped);
        job.started_at = Some(now);
        job.completed_at = Some(now);
        job.id
    }

    fn cancel_run(&mut self, run: RunId) {
        let now = self.now;
        let (works, jobs) = (&mut self.history.works, &mut self.history.jobs);
        for job in
            jobs.iter_mut().filter(|job| job.run_id == run && job.completed_at.is_some_and(|at| at > now))
        {
            job.conclusion = Some(Conclusion::Cancelled);
            job.completed_at = Some(now);
            if let Some(started) = job.started_at.filter(|at| *at < now) {
                if let Some(work) = works.get_mut(&job.id) {
                    work.outcome.conclusion = Conclusion::Cancelled;
                    work.duration = now.duration_since(started);
                    job.steps = steps(work, Conclusion::Cancelled, started);
                }
            } else {
                // Cancelled before a runner had it.
                job.started_at = Some(now);
                (job.runner_id, job.runner_name, job.runner_group_id, job.runner_group_name) =
                    (None, None, None, None);
                job.steps.clear();
                works.remove(&job.id);
            }
        }
    }

    fn finish_run(&mut self, run: RunId, conclusion: Conclusion) {
        let now = self.now;
        if let Some(run) = self.run(run) {
            run.status = "completed".into();
            run.conclusion = Some(conclusion);
            run.updated_at = now;
        }
    }

    fn conclusion(&self, job: JobId) -> Option<Conclusion> {
        let Some(at) = self.jobs.get(&job) else { return Some(Conclusion::Cancelled) };
        let job = &self.history.jobs[*at];
        job.conclusion.filter(|_| job.completed_at.is_some_and(|at| at <= self.now))
    }
}

#[cfg(test)]
mod tests;
