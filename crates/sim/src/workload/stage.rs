//! What the workload needs of the world it plays in.
//!
//! The generator names what people and GitHub Actions would do; the stage gives ids, sends webhooks, finds
//! runners and lets jobs take their time. A seam, because the same generator plays on the simulated GitHub
//! and, for tests, on a list in memory.

use super::outcome::Work;
use trunkline_model::{BranchName, Commit, Conclusion, JobId, Label, PrNumber, RunId, Sha};

/// A push to a branch.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPush {
    /// Where to.
    pub branch: BranchName,
    /// Tip before; `None` for a new branch.
    pub before: Option<Sha>,
    /// New commits, oldest first; never empty.
    pub commits: Vec<Commit>,
    /// Who pushed.
    pub pusher: String,
}

/// A pull request that is opened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPull {
    /// Its number.
    pub number: PrNumber,
    /// Title.
    pub title: String,
    /// Description.
    pub body: String,
    /// Author's login.
    pub author: String,
    /// Branch in the project's repository.
    pub head_branch: BranchName,
    /// Its tip.
    pub head_sha: Sha,
    /// Tip of trunk when it was opened.
    pub base_sha: Sha,
    /// Labels.
    pub labels: Vec<String>,
}

/// A workflow run that starts.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Name of the workflow.
    pub workflow: String,
    /// `push`, `pull_request` or `schedule`.
    pub event: String,
    /// Branch.
    pub branch: BranchName,
    /// Commit under test.
    pub sha: Sha,
    /// Pull request, when it is for one.
    pub pull: Option<PrNumber>,
    /// Who triggered it.
    pub actor: String,
}

/// A job that becomes ready for a runner.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Name, without the workflow.
    pub name: String,
    /// `runs-on`.
    pub labels: Vec<Label>,
    /// How long it will take, how it will end and what its log will say.
    pub work: Work,
}

/// A world that the workload plays in.
pub trait Stage {
    /// Commits arrive on a branch.
    fn push(&mut self, push: NewPush);
    /// A pull request opens.
    fn open_pull(&mut self, pull: NewPull);
    /// New commits on a pull request's branch.
    fn update_pull(&mut self, number: PrNumber, head_sha: &Sha);
    /// A pull request closes, as merged when a commit is given.
    fn close_pull(&mut self, number: PrNumber, merged_as: Option<&Sha>);
    /// Somebody comments on a pull request.
    fn comment(&mut self, number: PrNumber, author: &str, body: &str);
    /// A workflow run starts.
    fn start_run(&mut self, run: NewRun) -> RunId;
    /// Somebody re-runs the failed jobs of a finished run. The jobs follow by [`Stage::queue_job`].
    fn start_attempt(&mut self, run: RunId, actor: &str);
    /// A job of the run's newest attempt wants a runner.
    fn queue_job(&mut self, run: RunId, job: NewJob) -> JobId;
    /// A job of the run's newest attempt is skipped.
    fn skip_job(&mut self, run: RunId, name: &str) -> JobId;
    /// Cancels every unfinished job of the run.
    fn cancel_run(&mut self, run: RunId);
    /// All jobs of the newest attempt have ended.
    fn finish_run(&mut self, run: RunId, conclusion: Conclusion);
    /// How a job ended; `None` while it has not.
    fn conclusion(&self, job: JobId) -> Option<Conclusion>;
}
