//! `steps`: what happens, one after the other.

use super::{file::Chance, values::Length};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use trunkline_model::{BranchName, Conclusion, Label, PrNumber};

/// One step: a mapping with one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Virtual time passes; the world and Trunkline do what falls due.
    Advance(Length),
    /// A commit lands, with the jobs that it starts.
    Push(Push),
    /// One job on the newest commit.
    QueueJob(JobSpec),
    /// Several jobs on the newest commit.
    QueueJobs(Vec<JobSpec>),
    /// The run of a job is cancelled.
    Cancel(JobRef),
    /// The failed jobs of a job's run are started again.
    Rerun(JobRef),
    /// A pull request opens.
    OpenPull(OpenPull),
    /// Somebody comments on a pull request.
    Comment(Comment),
    /// A webhook of one's own arrives.
    Deliver(Deliver),
    /// Sets what is wrong, from now on; what is not named is well again.
    Fault(Faults),
    /// Trunkline dies without a word and is started again on the same data.
    Kill(Kill),
    /// Trunkline is not there for so long: deliveries find nobody.
    Down(Length),
    /// People of `world.workload` rest, or begin again.
    Workload(Work),
    /// Time passes until nothing is left to do, at most this long.
    WaitUntilQuiet(Length),
}

/// `push`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Where to.
    #[serde(default = "main_branch")]
    pub branch: BranchName,
    /// Title of the commit.
    #[serde(default = "change")]
    pub title: String,
    /// Author's login.
    #[serde(default = "author")]
    pub author: String,
    /// Jobs that it starts.
    #[serde(default)]
    pub jobs: Vec<JobSpec>,
}

fn main_branch() -> BranchName {
    "main".parse().expect("a branch name")
}

fn change() -> String {
    "A change".into()
}

fn author() -> String {
    "dokonkwo".into()
}

/// A job made by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Name, without the workflow. With a `count`, a number follows.
    pub name: String,
    /// Workflow.
    #[serde(default = "workflow")]
    pub workflow: String,
    /// Labels that it asks for.
    pub runs_on: Vec<Label>,
    /// How long it takes on a runner.
    #[serde(default = "five_minutes")]
    pub takes: Length,
    /// How it ends.
    #[serde(default = "success")]
    pub ends: Conclusion,
    /// How it ends when it is run again.
    #[serde(default = "success")]
    pub ends_on_rerun: Conclusion,
    /// How many of it.
    #[serde(default = "one")]
    pub count: u32,
}

fn workflow() -> String {
    "ci".into()
}

fn five_minutes() -> Length {
    Length::from_secs(300)
}

fn success() -> Conclusion {
    Conclusion::Success
}

fn one() -> u32 {
    1
}

impl JobSpec {
    /// The names of all its jobs.
    pub fn names(&self) -> Vec<String> {
        match self.count {
            1 => vec![self.name.clone()],
            n => (1..=n).map(|number| format!("{} {number}", self.name)).collect(),
        }
    }
}

/// Names a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRef {
    /// Its name, without the workflow; the newest of that name is meant.
    pub job: String,
}

/// `open_pull`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPull {
    /// Its number.
    pub number: PrNumber,
    /// Title.
    #[serde(default = "change")]
    pub title: String,
    /// Author's login.
    #[serde(default = "author")]
    pub author: String,
    /// Jobs that its first commit starts.
    #[serde(default)]
    pub jobs: Vec<JobSpec>,
}

/// `comment`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// On which pull request.
    pub pull: PrNumber,
    /// Author's login.
    #[serde(default = "author")]
    pub author: String,
    /// Text.
    pub body: String,
}

/// `deliver`: a webhook that the world did not send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// `X-GitHub-Event`.
    pub event: String,
    /// File with the body, relative to the scenario file.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// The body, written here.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// `X-GitHub-Delivery`; one that fits the step when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Whether the signature is good.
    #[serde(default)]
    pub signature: SignatureKind,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// HTTP status that must come back.
    #[serde(default)]
    pub answer: Option<u16>,
}

/// How a delivery is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureKind {
    /// With the right secret.
    #[default]
    Valid,
    /// With another secret.
    Wrong,
    /// Not at all.
    Missing,
}

/// `fault`: what is wrong with the world.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Part of the webhooks that never arrive.
    pub drop: Chance,
    /// Part of the webhooks that arrive twice.
    pub duplicate: Chance,
    /// Part of the webhooks that later ones overtake.
    pub reorder: Chance,
    /// How late webhooks arrive.
    pub delay: Length,
    /// Part of the API requests that are answered with 502.
    pub server_errors: Chance,
    /// Every API request is answered with 403 and a rate-limit notice.
    pub rate_limited: bool,
    /// GitHub is down: no API request succeeds, no webhook is sent, jobs get no runners.
    pub outage: bool,
}

/// `kill`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`kill` takes `process`, or a place such as `{ after_calls: 3 }`")]
pub enum Kill {
    /// In the middle of whatever it does; where that is, the seed says.
    Somewhere(Victim),
    /// Exactly there.
    Exactly(KillAt),
}

impl Kill {
    /// Where, when that is said.
    pub fn place(self) -> Option<KillAt> {
        match self {
            Self::Somewhere(Victim::Process) => None,
            Self::Exactly(at) => Some(at),
        }
    }
}

/// What `kill` kills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Victim {
    /// Trunkline.
    Process,
}

/// Where a kill cuts Trunkline off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillAt {
    /// Calls to GitHub and the cloud that are still answered.
    pub after_calls: u64,
    /// What becomes of the next one. Its answer never arrives.
    #[serde(default)]
    pub next_call: NextCall,
}

/// What becomes of the call that a kill cuts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextCall {
    /// It is carried out.
    #[default]
    Done,
    /// It never leaves.
    Lost,
}

/// What `workload` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// No further commits.
    Pause,
    /// Commits again.
    Resume,
}
