//! Repositories: commits, files, pull requests, comments.

use super::{
    State,
    answer::{self, Answer, Page, Refusal},
};
use crate::world::{Repository, payload};
use axum::{
    Router,
    body::Bytes,
    extract::{self, Path, Query},
    http::{HeaderMap, StatusCode, Uri, header},
    response::IntoResponse as _,
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_model::{BranchName, PrNumber, PullRequestState, Sha};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/repos/{owner}/{repo}", get(repository))
        .route("/repos/{owner}/{repo}/commits", get(commits))
        .route("/repos/{owner}/{repo}/commits/{sha}", get(commit))
        .route("/repos/{owner}/{repo}/contents/{*path}", get(contents))
        .route("/repos/{owner}/{repo}/pulls", get(pulls))
        .route("/repos/{owner}/{repo}/pulls/{number}", get(pull))
        .route("/repos/{owner}/{repo}/issues/{number}/comments", get(comments).post(add_comment))
}

type Shared = extract::State<State>;
type InRepo = Path<(String, String)>;

/// Asks a repository something.
fn ask<T>(
    state: &State,
    owner: &str,
    repo: &str,
    ask: impl FnOnce(&Repository) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let name = answer::repo(owner, repo)?;
    state.world.with(|world| ask(world.repo(&name).ok_or_else(Refusal::not_found)?))
}

async fn repository(extract::State(state): Shared, Path((owner, repo)): InRepo) -> Answer {
    answer::ok(ask(&state, &owner, &repo, |repo| Ok(payload::repository(repo)))?)
}

#[derive(Debug, Default, Deserialize)]
struct From {
    sha: Option<String>,
}

/// Commits of a branch, or of the branch that has a commit up to it; newest first.
async fn commits(
    extract::State(state): Shared,
    Path((owner, repo)): InRepo,
    Query(from): Query<From>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    let (found, more) = ask(&state, &owner, &repo, |repo| {
        let start = from.sha.as_deref().unwrap_or(repo.default_branch.as_str());
        let branch = start.parse::<BranchName>().ok().and_then(|branch| repo.branches.get(&branch));
        let list: Vec<_> = match (branch, start.parse::<Sha>()) {
            (Some(branch), _) => branch.iter().rev().collect(),
            (None, Ok(sha)) => {
                let branch = repo.branches.values().find(|branch| branch.iter().any(|c| c.sha == sha));
                let newest_first = branch.ok_or_else(Refusal::not_found)?.iter().rev();
                newest_first.skip_while(|commit| commit.sha != sha).collect()
            }
            (None, Err(_)) if from.sha.is_none() => vec![],
            (None, Err(_)) => return Err(Refusal::not_found()),
        };
        let (page, more) = page.cut(list);
        Ok((page.into_iter().map(|commit| payload::commit(commit, repo)).collect::<Vec<_>>(), more))
    })?;
    page.answer(&state, &uri, Value::Array(found), more)
}

async fn commit(
    extract::State(state): Shared,
    Path((owner, repo, sha)): Path<(String, String, String)>,
) -> Answer {
    answer::ok(ask(&state, &owner, &repo, |repo| {
        let tip = || repo.branches.get(&sha.parse::<BranchName>().ok()?)?.back();
        let found = sha.parse::<Sha>().ok().and_then(|sha| repo.commit(&sha)).or_else(tip);
        let no_commit = || Refusal::invalid(format!("No commit found for SHA: {sha}"));
        Ok(payload::commit(found.ok_or_else(no_commit)?, repo))
    })?)
}

async fn contents(
    extract::State(state): Shared,
    Path((owner, repo, path)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let text =
        ask(&state, &owner, &repo, |repo| repo.files.get(&path).cloned().ok_or_else(Refusal::not_found))?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("raw") {
        return Ok(text.into_response());
    }
    let mut content = String::new();
    for line in STANDARD.encode(&text).as_bytes().chunks(60) {
        content.push_str(&String::from_utf8_lossy(line));
        content.push('\n');
    }
    answer::ok(json!({
        "type": "file",
        "encoding": "base64",
        "size": text.len(),
        "name": path.rsplit('/').next(),
        "path": path,
        "content": content,
        "sha": format!("{:040x}", payload::stable_id(&text, u64::MAX)),
        "url": format!("https://api.github.com/repos/{owner}/{repo}/contents/{path}"),
    }))
}

#[derive(Debug, Default, Deserialize)]
struct PullFilter {
    state: Option<String>,
}

async fn pulls(
    extract::State(state): Shared,
    Path((owner, repo)): InRepo,
    Query(filter): Query<PullFilter>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    let (found, more) = ask(&state, &owner, &repo, |repo| {
        let wanted = filter.state.as_deref().unwrap_or("open");
        let newest_first =
            repo.pulls.values().rev().filter(|pull| {
                wanted == "all" || (wanted == "open") == (pull.state == PullRequestState::Open)
            });
        let (page, more) = page.cut(newest_first.collect());
        Ok((page.into_iter().map(|pull| payload::pull(pull, repo)).collect::<Vec<_>>(), more))
    })?;
    page.answer(&state, &uri, Value::Array(found), more)
}

async fn pull(
    extract::State(state): Shared,
    Path((owner, repo, number)): Path<(String, String, u64)>,
) -> Answer {
    answer::ok(ask(&state, &owner, &repo, |repo| {
        let pull = repo.pulls.get(&PrNumber(number)).ok_or_else(Refusal::not_found)?;
        Ok(payload::pull(pull, repo))
    })?)
}

async fn comments(
    extract::State(state): Shared,
    Path((owner, repo, number)): Path<(String, String, u64)>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    let (found, more) = ask(&state, &owner, &repo, |repo| {
        let of_issue = repo.comments.iter().filter(|comment| comment.number == PrNumber(number));
        let (page, more) = page.cut(of_issue.collect());
        Ok((page.into_iter().map(payload::comment).collect::<Vec<_>>(), more))
    })?;
    page.answer(&state, &uri, Value::Array(found), more)
}

async fn add_comment(
    extract::State(state): Shared,
    Path((owner, repo, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Answer {
    let name = answer::repo(&owner, &repo)?;
    let body: Value = serde_json::from_slice(&body)
        .map_err(|_| Refusal(StatusCode::BAD_REQUEST, "Problems parsing JSON".into()))?;
    let text = body["body"].as_str().ok_or_else(|| Refusal::invalid("\"body\" wasn't supplied."))?;
    let made = state.world.with(|world| {
        let id = world.comment(&name, PrNumber(number), "trunkline[bot]", text)?;
        let comment = world.repo(&name).and_then(|repo| repo.comments.iter().rev().find(|c| c.id == id));
        Ok::<_, Refusal>(comment.map(payload::comment).unwrap_or_default())
    })?;
    answer::with(StatusCode::CREATED, made)
}
