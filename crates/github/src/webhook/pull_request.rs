//! `pull_request`.

use super::parts::{Repository, User, login, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{PrNumber, PullRequest, PullRequestState, Sha};

#[derive(Deserialize)]
struct Payload {
    pull_request: Raw,
    repository: Repository,
}

#[derive(Deserialize)]
struct Raw {
    number: u64,
    title: String,
    #[serde(default, deserialize_with = "nullable")]
    body: String,
    state: String,
    #[serde(default, deserialize_with = "nullable")]
    draft: bool,
    #[serde(default, deserialize_with = "nullable")]
    merged: bool,
    #[serde(default)]
    user: Option<User>,
    #[serde(default, deserialize_with = "nullable")]
    labels: Vec<Label>,
    head: End,
    base: End,
    #[serde(default)]
    merge_commit_sha: Option<Sha>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default)]
    closed_at: Option<Timestamp>,
    #[serde(default)]
    merged_at: Option<Timestamp>,
    #[serde(default)]
    html_url: String,
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct End {
    sha: Sha,
    #[serde(rename = "ref")]
    git_ref: String,
    #[serde(default)]
    repo: Option<Repository>,
}

pub(super) fn read(body: &[u8]) -> Result<PullRequest, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let pr = payload.pull_request;
    let merged = pr.merged || pr.merged_at.is_some();
    let state = match pr.state.as_str() {
        _ if merged => PullRequestState::Merged,
        "closed" => PullRequestState::Closed,
        _ => PullRequestState::Open,
    };
    Ok(PullRequest {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        number: PrNumber(pr.number),
        title: pr.title,
        body: pr.body,
        state,
        draft: pr.draft,
        author: login(pr.user),
        labels: pr.labels.into_iter().map(|label| label.name).collect(),
        head_sha: pr.head.sha,
        head_ref: pr.head.git_ref,
        head_repo: pr.head.repo.map(|repo| repo.full_name),
        base_sha: pr.base.sha,
        base_ref: pr.base.git_ref,
        // Before the merge GitHub puts the test merge here, which is not part of any branch.
        merge_commit_sha: pr.merge_commit_sha.filter(|_| merged),
        created_at: pr.created_at,
        updated_at: pr.updated_at,
        closed_at: pr.closed_at,
        merged_at: pr.merged_at,
        html_url: pr.html_url,
    })
}
