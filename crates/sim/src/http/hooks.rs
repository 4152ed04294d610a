//! GitHub's record of deliveries, and sending again.

use super::{
    State,
    answer::{self, Answer, Refusal},
};
use crate::world::{Attempt, WorldConfig, payload};
use axum::{
    Router,
    extract::{self, Path, Query},
    http::{StatusCode, Uri},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_model::RepoName;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/app/hook/deliveries", get(list_of_app))
        .route("/app/hook/deliveries/{id}", get(one_of_app))
        .route("/app/hook/deliveries/{id}/attempts", post(redeliver_of_app))
        .route("/repos/{owner}/{repo}/hooks", get(hooks))
        .route("/repos/{owner}/{repo}/hooks/{hook}/deliveries", get(list_of_repo))
        .route("/repos/{owner}/{repo}/hooks/{hook}/deliveries/{id}", get(one_of_repo))
        .route("/repos/{owner}/{repo}/hooks/{hook}/deliveries/{id}/attempts", post(redeliver_of_repo))
}

type Shared = extract::State<State>;

/// Pages of the record follow a cursor: newer attempts do not move what was seen.
#[derive(Debug, Default, Deserialize)]
struct From {
    per_page: Option<usize>,
    cursor: Option<String>,
}

fn list(state: &State, repo: Option<&RepoName>, from: &From, uri: &Uri) -> Answer {
    let per_page = from.per_page.unwrap_or(30).clamp(1, 100);
    let below = match &from.cursor {
        None => u64::MAX,
        Some(cursor) => {
            let id = cursor.strip_prefix("v1_").and_then(|id| id.parse().ok());
            id.ok_or_else(|| Refusal(StatusCode::BAD_REQUEST, "Invalid cursor".into()))?
        }
    };
    let (page, next) = state.world.with(|world| {
        let fits = |a: &&Attempt| a.id < below && repo.is_none_or(|repo| a.webhook.repo.same(repo));
        let found: Vec<_> = world.attempts().filter(fits).take(per_page + 1).collect();
        let next = found.get(per_page).and_then(|_| found.get(per_page - 1)).map(|last| last.id);
        let page: Vec<_> =
            found.into_iter().take(per_page).map(|a| payload::attempt(a, world.config())).collect();
        (page, next)
    });
    match next {
        None => answer::ok(Value::Array(page)),
        Some(id) => answer::linked(state, uri, "cursor", &format!("v1_{id}"), Value::Array(page)),
    }
}

fn detail(attempt: &Attempt, config: &WorldConfig) -> Value {
    let mut value = payload::attempt(attempt, config);
    let webhook = &attempt.webhook;
    value["url"] = "https://trunkline.example/webhooks/github".into();
    value["request"] = json!({
        "headers": {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/5150001",
            "X-GitHub-Delivery": webhook.guid,
            "X-GitHub-Event": webhook.event,
            "X-GitHub-Hook-ID": config.hook_id.to_string(),
        },
        "payload": serde_json::from_slice::<Value>(&webhook.body).unwrap_or_default(),
    });
    value["response"] = json!({ "headers": {}, "payload": "" });
    value
}

fn one(state: &State, repo: Option<&RepoName>, id: u64) -> Answer {
    let found = state.world.with(|world| {
        let attempt = world.attempt(id).filter(|a| repo.is_none_or(|repo| a.webhook.repo.same(repo)));
        attempt.map(|attempt| detail(attempt, world.config()))
    });
    answer::ok(found.ok_or_else(Refusal::not_found)?)
}

fn redeliver(state: &State, repo: Option<&RepoName>, id: u64) -> Answer {
    state.world.with(|world| {
        let found = world.attempt(id).filter(|a| repo.is_none_or(|repo| a.webhook.repo.same(repo)));
        found.ok_or_else(Refusal::not_found)?;
        world.redeliver(id).map_err(Refusal::from)
    })?;
    answer::with(StatusCode::ACCEPTED, json!({}))
}

/// The repository of a path, if it has that hook.
fn hooked(state: &State, owner: &str, repo: &str, hook: u64) -> Result<RepoName, Refusal> {
    let name = answer::repo(owner, repo)?;
    let known = state.world.with(|world| world.repo(&name).is_some() && world.config().hook_id == hook);
    if known { Ok(name) } else { Err(Refusal::not_found()) }
}

async fn list_of_app(extract::State(state): Shared, Query(from): Query<From>, uri: Uri) -> Answer {
    list(&state, None, &from, &uri)
}

async fn one_of_app(extract::State(state): Shared, Path(id): Path<u64>) -> Answer {
    one(&state, None, id)
}

async fn redeliver_of_app(extract::State(state): Shared, Path(id): Path<u64>) -> Answer {
    redeliver(&state, None, id)
}

async fn hooks(extract::State(state): Shared, Path((owner, repo)): Path<(String, String)>) -> Answer {
    let hook = state.world.with(|world| world.config().hook_id);
    hooked(&state, &owner, &repo, hook)?;
    answer::ok(json!([{
        "type": "Repository",
        "id": hook,
        "name": "web",
        "active": true,
        "events": ["*"],
        "config": { "content_type": "json", "insecure_ssl": "0", "url": "https://trunkline.example/webhooks/github" },
    }]))
}

async fn list_of_repo(
    extract::State(state): Shared,
    Path((owner, repo, hook)): Path<(String, String, u64)>,
    Query(from): Query<From>,
    uri: Uri,
) -> Answer {
    list(&state, Some(&hooked(&state, &owner, &repo, hook)?), &from, &uri)
}

async fn one_of_repo(
    extract::State(state): Shared,
    Path((owner, repo, hook, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    one(&state, Some(&hooked(&state, &owner, &repo, hook)?), id)
}

async fn redeliver_of_repo(
    extract::State(state): Shared,
    Path((owner, repo, hook, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    redeliver(&state, Some(&hooked(&state, &owner, &repo, hook)?), id)
}
