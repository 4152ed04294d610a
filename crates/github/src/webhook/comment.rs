//! `issue_comment`.

use super::parts::{Repository, User, login, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{IssueComment, PrNumber};

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    action: String,
    comment: Raw,
    issue: Issue,
    repository: Repository,
}

#[derive(Deserialize)]
struct Raw {
    id: u64,
    #[serde(default, deserialize_with = "nullable")]
    body: String,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    author_association: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default)]
    html_url: String,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

pub(super) fn read(body: &[u8]) -> Result<IssueComment, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let comment = payload.comment;
    Ok(IssueComment {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        id: comment.id,
        number: PrNumber(payload.issue.number),
        on_pull_request: payload.issue.pull_request.is_some(),
        author: login(comment.user),
        author_association: comment.author_association,
        body: comment.body,
        deleted: payload.action == "deleted",
        created_at: comment.created_at,
        updated_at: comment.updated_at,
        html_url: comment.html_url,
    })
}
