//! Domain types of Trunkline: ids, jobs, runs, runners, clock, randomness, evidence.
//!
//! Everything here is pure: no I/O, no wall clock, no ambient randomness (but for [`SystemClock`] and
//! [`Rng::from_os`], the one home of each). Every other crate meets in these types.
//!
//! | look for | in |
//! |---|---|
//! | names and numbers with a grammar | [`ids`] |
//! | a job and what may happen to it | [`job`] |
//! | `workflow / job (config, shard, shards, runner)` | [`job_name`] |
//! | runs, commits, pull requests, comments, reviews | [`run`], [`commit`], [`pull_request`], [`comment`] |
//! | a runner's life cycle | [`runner`] |
//! | why something was decided, what is to be done | [`evidence`], [`action`] |
//! | what is wrong in a user's file | [`problem`] |
//! | time and chance | [`clock`], [`rng`] |

pub mod action;
pub mod clock;
pub mod comment;
pub mod commit;
pub mod evidence;
pub mod ids;
pub mod job;
pub mod job_name;
pub mod problem;
pub mod pull_request;
pub mod rng;
pub mod run;
pub mod runner;

pub use action::Action;
pub use clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use comment::{IssueComment, Review, ReviewState};
pub use commit::{Commit, Push};
pub use evidence::{Evidence, Link};
pub use ids::{
    BranchName, DeliveryId, InvalidId, JobId, Label, PrNumber, RepoName, RunId, RunnerId, RunnerName, Sha,
};
pub use job::{Applied, Conclusion, Job, JobStatus, Step};
pub use job_name::JobName;
pub use problem::{Problem, Severity};
pub use pull_request::{PullRequest, PullRequestState};
pub use rng::Rng;
pub use run::Run;
pub use runner::{Runner, RunnerState};
