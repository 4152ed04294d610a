//! Made-up data for tests and benchmarks: equal settings and seed give equal rows on every machine.

use crate::{CheckRunRow, Rows};
use jiff::{SignedDuration, Timestamp};
use trunkline_model::{
    Commit, Conclusion, IssueComment, Job, JobId, JobStatus, PrNumber, PullRequest, PullRequestState, Push,
    RepoName, Review, ReviewState, Rng, Run, RunId, Sha, Step,
};

/// Shape of the data.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Repository.
    pub repo: RepoName,
    /// Commits on `main`, one push each but for the odd stack of three.
    pub commits: usize,
    /// Jobs of each commit.
    pub jobs_per_commit: usize,
    /// Time of the first push.
    pub start: Timestamp,
    /// Gap between pushes.
    pub gap: SignedDuration,
    /// Steps of each job.
    pub steps: u32,
}

impl Shape {
    /// A repository of PyTorch's size: 1,500 jobs per commit, a commit each quarter of an hour.
    pub fn large(commits: usize) -> Self {
        Self { commits, jobs_per_commit: 1_500, steps: 0, ..Self::small() }
    }

    /// A repository that fits into a test, with everything that is odd.
    pub fn small() -> Self {
        Self {
            repo: REPO.parse().expect("a constant name"),
            commits: 12,
            jobs_per_commit: 40,
            start: Timestamp::from_second(1_760_000_000).expect("a constant time"),
            gap: SignedDuration::from_mins(15),
            steps: 3,
        }
    }
}

const REPO: &str = "pytorch/pytorch";
const WORKFLOWS: [&str; 6] = ["pull", "trunk", "inductor", "Lint", "periodic", "Upload test stats"];
const LABELS: [&str; 5] =
    ["linux.2xlarge", "linux.4xlarge", "lf.linux.g5.4xlarge.nvidia.gpu", "macos-m1", "it's \"odd\""];
const TITLES: [&str; 4] = [
    "Fix the \"quoted\" thing",
    "Größe ändern — 日本語 🚀",
    "It's \\ a\tslash\n\nBody; -- $x {y:String}",
    "",
];

/// Makes commits and their jobs.
#[derive(Debug)]
pub struct Generator {
    shape: Shape,
    rng: Rng,
    commit: usize,
}

impl Generator {
    /// Starts at the first commit.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self { shape, rng: Rng::from_seed(seed), commit: 0 }
    }

    /// The next commit as a push with its runs and finished jobs; nothing after the last.
    pub fn next_commit(&mut self) -> Option<Rows> {
        if self.commit == self.shape.commits {
            return None;
        }
        let number = self.commit;
        self.commit += 1;
        let gap = self.shape.gap.checked_mul(i32::try_from(number).ok()?)?;
        let pushed_at = self.shape.start.checked_add(gap).ok()?;
        let sha = self.sha();
        let mut rows = Rows { pushes: vec![self.push(&sha, number, pushed_at)], ..Rows::default() };
        let first_run = (number * WORKFLOWS.len()) as u64 + 1_000;
        for (index, workflow) in (0_u64..).zip(WORKFLOWS) {
            let event = if workflow == "periodic" { "workflow_run" } else { "push" };
            rows.runs.push(self.run(first_run + index, workflow, event, &sha, pushed_at));
        }
        for index in 0..self.shape.jobs_per_commit {
            let id = (number * self.shape.jobs_per_commit + index) as u64 + 10_000;
            let job = self.job(id, first_run, index, &sha, pushed_at);
            rows.jobs.push(job);
        }
        Some(rows)
    }

    /// Every commit at once.
    pub fn all(mut self) -> Rows {
        let mut out = Rows::default();
        while let Some(rows) = self.next_commit() {
            out.pushes.extend(rows.pushes);
            out.runs.extend(rows.runs);
            out.jobs.extend(rows.jobs);
        }
        out
    }

    fn sha(&mut self) -> Sha {
        self.rng.hex(40).parse().expect("40 hexadecimal digits")
    }

    fn commit_of(&mut self, sha: &Sha, number: usize, at: Timestamp) -> Commit {
        let title = TITLES[number % TITLES.len()];
        Commit {
            sha: sha.clone(),
            message: title.replacen('\n', &format!(" (#{number})\n"), 1),
            author_name: "Ada Lovelace".into(),
            author_email: "ada@example.org".into(),
            author_login: (!number.is_multiple_of(3)).then(|| "ada".into()),
            timestamp: at,
            url: format!("https://github.com/{}/commit/{sha}", self.shape.repo),
        }
    }

    fn push(&mut self, sha: &Sha, number: usize, at: Timestamp) -> Push {
        let mut commits = Vec::new();
        if number % 5 == 4 {
            for _ in 0..2 {
                let below = self.sha();
                commits.push(self.commit_of(&below, number + 1, at));
            }
        }
        commits.push(self.commit_of(sha, number, at));
        Push {
            repo: self.shape.repo.clone(),
            git_ref: "refs/heads/main".into(),
            before: self.sha(),
            after: sha.clone(),
            forced: false,
            head_commit: commits.last().cloned(),
            commits,
            pusher: "merge-bot".into(),
            pushed_at: at,
        }
    }

    fn run(&mut self, id: u64, workflow: &str, event: &str, sha: &Sha, at: Timestamp) -> Run {
        Run {
            repo: self.shape.repo.clone(),
            id: RunId(id),
            attempt: 1,
            name: workflow.into(),
            workflow_id: 7,
            event: event.into(),
            status: "completed".into(),
            conclusion: Some(Conclusion::Success),
            head_sha: sha.clone(),
            head_branch: Some("main".into()),
            head_repo: None,
            actor: Some("ada".into()),
            triggering_actor: None,
            pull_requests: vec![PrNumber(1), PrNumber(2)],
            created_at: at,
            run_started_at: Some(at),
            updated_at: at,
            html_url: format!("https://github.com/{}/actions/runs/{id}", self.shape.repo),
        }
    }

    fn job(&mut self, id: u64, first_run: u64, index: usize, sha: &Sha, pushed_at: Timestamp) -> Job {
        let workflow = index % WORKFLOWS.len();
        let run = first_run + workflow as u64;
        let label = LABELS[index % LABELS.len()];
        let after = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
        let created_at = pushed_at + after(self.rng.below(60));
        let started_at = created_at + after(self.rng.below(900));
        let completed_at = started_at + after(60 + self.rng.below(7_200));
        let failed = self.rng.chance(0.03);
        Job {
            repo: self.shape.repo.clone(),
            id: JobId(id),
            run_id: RunId(run),
            run_attempt: 1,
            name: format!(
                "linux-jammy-py3.10-gcc11 / test (default, {}, {}, {label})",
                index, self.shape.jobs_per_commit
            ),
            workflow_name: WORKFLOWS[workflow].into(),
            head_sha: sha.clone(),
            head_branch: Some("main".into()),
            status: JobStatus::Completed,
            conclusion: Some(if failed { Conclusion::Failure } else { Conclusion::Success }),
            labels: vec![label.parse().expect("a constant label")],
            runner_id: Some(id * 3),
            runner_name: Some(format!("i-{}", self.rng.hex(17))),
            runner_group_id: Some(1),
            runner_group_name: Some("Default".into()),
            created_at,
            started_at: Some(started_at),
            completed_at: Some(completed_at),
            gate_updated_at: None,
            html_url: format!("https://github.com/{}/actions/runs/{run}/job/{id}", self.shape.repo),
            steps: (1..=self.shape.steps).map(|number| step(number, started_at, failed)).collect(),
        }
    }
}

fn step(number: u32, at: Timestamp, failed: bool) -> Step {
    Step {
        name: format!("Run 'step' \"{number}\" ✓"),
        number,
        status: "completed".into(),
        conclusion: Some(if failed { Conclusion::Failure } else { Conclusion::Success }),
        started_at: Some(at),
        completed_at: None,
    }
}

/// The shape's rows as they come in real life: each job three times (queued, running, done), some in the wrong order, some
/// twice, some never done, some without a run or with rare events; and a few rows of every other table.
pub fn untidy(shape: &Shape, seed: u64) -> Vec<Rows> {
    let mut generator = Generator::new(shape.clone(), seed);
    let mut rng = Rng::from_seed(seed ^ 0xA5A5);
    let mut batches = Vec::new();
    while let Some(tidy) = generator.next_commit() {
        let mut rows = Rows { pushes: tidy.pushes, runs: tidy.runs, ..Rows::default() };
        let mut late = Rows::default();
        for done in tidy.jobs {
            let mut life = vec![stage(&done, JobStatus::Queued), stage(&done, JobStatus::InProgress), done];
            let last = rng.below(20);
            life.truncate(if last < 2 {
                1
            } else if last < 4 {
                2
            } else {
                3
            });
            if rng.chance(0.2) {
                life.reverse();
            }
            if rng.chance(0.2) {
                late.jobs.push(life[0].clone());
            }
            rows.jobs.extend(life);
        }
        // A run that is never told: its jobs have no event.
        rows.runs.truncate(WORKFLOWS.len() - 1);
        late.pushes = rows.pushes.clone();
        rows.pull_requests = pull_requests(shape, &rows.pushes[0]);
        rows.reviews = vec![review(shape, &rows.pushes[0])];
        rows.comments = comments(shape, &rows.pushes[0]);
        rows.check_runs = vec![check_run(shape, &rows.pushes[0])];
        batches.push(rows);
        batches.push(late);
    }
    batches
}

/// The job as it was earlier.
fn stage(done: &Job, status: JobStatus) -> Job {
    let running = status == JobStatus::InProgress;
    Job {
        status,
        conclusion: None,
        completed_at: None,
        started_at: if running { done.started_at } else { Some(done.created_at) },
        runner_id: done.runner_id.filter(|_| running),
        runner_name: done.runner_name.clone().filter(|_| running),
        runner_group_id: None,
        runner_group_name: None,
        steps: vec![],
        ..done.clone()
    }
}

/// A number of its own for each push.
fn number(push: &Push) -> u64 {
    u64::try_from(push.pushed_at.as_second()).unwrap_or(0)
}

fn pull_requests(shape: &Shape, push: &Push) -> Vec<PullRequest> {
    let open = PullRequest {
        repo: shape.repo.clone(),
        number: PrNumber(number(push)),
        title: TITLES[1].into(),
        body: TITLES[2].into(),
        state: PullRequestState::Open,
        draft: true,
        author: "ada".into(),
        labels: vec!["ciflow/trunk".into(), "it's".into()],
        head_sha: push.after.clone(),
        head_ref: "fix".into(),
        head_repo: None,
        base_sha: push.before.clone(),
        base_ref: "main".into(),
        merge_commit_sha: None,
        created_at: push.pushed_at,
        updated_at: push.pushed_at,
        closed_at: None,
        merged_at: None,
        html_url: String::new(),
    };
    let later = push.pushed_at + SignedDuration::from_secs(5);
    let merged = PullRequest {
        state: PullRequestState::Merged,
        merge_commit_sha: Some(push.after.clone()),
        updated_at: later,
        merged_at: Some(later),
        closed_at: Some(later),
        ..open.clone()
    };
    vec![merged, open]
}

fn review(shape: &Shape, push: &Push) -> Review {
    Review {
        repo: shape.repo.clone(),
        id: number(push),
        number: PrNumber(number(push)),
        author: "grace".into(),
        author_association: "MEMBER".into(),
        state: ReviewState::Approved,
        commit_id: None,
        body: "👍".into(),
        submitted_at: push.pushed_at,
        html_url: String::new(),
    }
}

fn comments(shape: &Shape, push: &Push) -> Vec<IssueComment> {
    let comment = IssueComment {
        repo: shape.repo.clone(),
        id: number(push),
        number: PrNumber(number(push)),
        on_pull_request: true,
        author: "grace".into(),
        author_association: "MEMBER".into(),
        body: "@bot merge -f \"it's fine\"\r\n".into(),
        deleted: false,
        created_at: push.pushed_at,
        updated_at: push.pushed_at,
        html_url: String::new(),
    };
    vec![IssueComment { deleted: true, ..comment.clone() }, comment]
}

fn check_run(shape: &Shape, push: &Push) -> CheckRunRow {
    CheckRunRow {
        repo: shape.repo.clone(),
        id: number(push),
        name: "EasyCLA".into(),
        head_sha: push.after.clone(),
        status: "completed".into(),
        conclusion: Some(Conclusion::Neutral),
        app: "easycla".into(),
        external_id: String::new(),
        title: None,
        started_at: None,
        completed_at: Some(push.pushed_at),
        seen_at: push.pushed_at,
        html_url: String::new(),
    }
}
