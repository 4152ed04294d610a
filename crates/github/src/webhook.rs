//! Webhooks: is it GitHub's ([`signature`]), and what does it say ([`parse`]).
//!
//! One file per payload, each with lean types for the fields we use and one conversion into the model. What is
//! optional anywhere in GitHub's history is optional here; a payload is refused only when it cannot be used at all.

mod check_run;
mod comment;
mod job;
mod parts;
mod pull_request;
mod push;
mod review;
mod run;
pub mod signature;

pub use check_run::CheckRun;
pub(crate) use job::RawJob;
pub(crate) use run::RawRun;

use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{IssueComment, Job, PullRequest, Push, RepoName, Review, Run};

/// A delivery, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// `action` of the payload, when it has one.
    pub action: Option<String>,
    /// The repository it is about, when it is about one.
    pub repo: Option<RepoName>,
    /// What it says.
    pub event: Event,
}

/// What a delivery says, in the model's types.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `workflow_job`
    WorkflowJob(Job),
    /// `workflow_run`
    WorkflowRun(Run),
    /// `push`
    Push(Push),
    /// `pull_request`
    PullRequest(PullRequest),
    /// `check_run`
    CheckRun(CheckRun),
    /// `issue_comment`
    IssueComment(IssueComment),
    /// `pull_request_review`
    Review(Review),
    /// `ping`: a hook was made.
    Ping,
    /// Any other event; the log has it.
    Other,
}

/// Why a payload cannot be used. The place is GitHub's field or the byte; values are not repeated.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, not UTF-8, nested too deeply, or a needed field is absent.
    #[error("read the {event} payload")]
    Json {
        /// The event's name.
        event: &'static str,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    repository: Option<parts::Repository>,
}

/// Reads the payload of the event `name` (`X-GitHub-Event`), received at `received_at`.
///
/// Linear in the size of the body; nesting is bounded by the JSON reader (128 levels).
///
/// # Errors
/// For bodies that are not JSON, and for the seven typed events when what identifies them is missing.
pub fn parse(name: &str, body: &[u8], received_at: Timestamp) -> Result<Delivery, ParseError> {
    let event = match name {
        "workflow_job" => Event::WorkflowJob(job::read(body).map_err(at("workflow_job"))?),
        "workflow_run" => Event::WorkflowRun(run::read(body).map_err(at("workflow_run"))?),
        "push" => Event::Push(push::read(body, received_at).map_err(at("push"))?),
        "pull_request" => Event::PullRequest(pull_request::read(body).map_err(at("pull_request"))?),
        "check_run" => Event::CheckRun(check_run::read(body).map_err(at("check_run"))?),
        "issue_comment" => Event::IssueComment(comment::read(body).map_err(at("issue_comment"))?),
        "pull_request_review" => {
            Event::Review(review::read(body, received_at).map_err(at("pull_request_review"))?)
        }
        "ping" => Event::Ping,
        _ => Event::Other,
    };
    let head: Head = serde_json::from_slice(body).map_err(at("webhook"))?;
    let repo = head.repository.and_then(|repository| repository.full_name.parse().ok());
    Ok(Delivery { action: head.action, repo, event })
}

fn at(event: &'static str) -> impl Fn(serde_json::Error) -> ParseError {
    move |source| ParseError::Json { event, source }
}

#[cfg(test)]
mod tests;
