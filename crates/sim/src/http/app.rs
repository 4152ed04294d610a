//! The App, its installation and its tokens; rate limits.

use super::{
    State,
    answer::{self, Answer, Page, Refusal},
};
use crate::world::{Bucket, payload};
use axum::{
    Router,
    extract::{self, Path, Query},
    http::{StatusCode, Uri},
    routing::{get, post},
};
use serde_json::{Value, json};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/app", get(app))
        .route("/app/installations", get(installations))
        .route("/app/installations/{id}/access_tokens", post(access_token))
        .route("/orgs/{org}/installation", get(of_org))
        .route("/repos/{owner}/{repo}/installation", get(of_repo))
        .route("/installation/repositories", get(repositories))
        .route("/rate_limit", get(rate_limit))
}

fn permissions() -> Value {
    json!({
        "actions": "write",
        "administration": "write",
        "checks": "read",
        "contents": "read",
        "issues": "write",
        "metadata": "read",
        "organization_self_hosted_runners": "write",
        "pull_requests": "write",
    })
}

fn owner(state: &State) -> String {
    state.world.with(|world| {
        world.repos().next().map_or_else(|| "acme".to_owned(), |repo| repo.name.owner().to_owned())
    })
}

fn installation(state: &State) -> Value {
    let (app, id) = state.world.with(|world| (world.config().app_id, world.config().installation_id));
    let owner = owner(state);
    json!({
        "id": id,
        "account": payload::organization(&owner),
        "repository_selection": "all",
        "app_id": app,
        "app_slug": "trunkline",
        "target_id": payload::stable_id(&owner, 100_000_000),
        "target_type": "Organization",
        "permissions": permissions(),
        "events": ["workflow_job", "workflow_run", "push", "pull_request", "issue_comment", "check_run"],
        "suspended_at": Value::Null,
    })
}

async fn app(extract::State(state): extract::State<State>) -> Answer {
    let id = state.world.with(|world| world.config().app_id);
    answer::ok(json!({
        "id": id,
        "slug": "trunkline",
        "name": "Trunkline",
        "owner": payload::organization(&owner(&state)),
        "description": "",
        "permissions": permissions(),
        "events": ["workflow_job", "workflow_run", "push", "pull_request", "issue_comment", "check_run"],
        "installations_count": 1,
    }))
}

async fn installations(extract::State(state): extract::State<State>) -> Answer {
    answer::ok(json!([installation(&state)]))
}

async fn of_org(extract::State(state): extract::State<State>, Path(org): Path<String>) -> Answer {
    let known =
        state.world.with(|world| world.repos().any(|repo| repo.name.owner().eq_ignore_ascii_case(&org)));
    if known { answer::ok(installation(&state)) } else { Err(Refusal::not_found()) }
}

async fn of_repo(
    extract::State(state): extract::State<State>,
    Path((owner, repo)): Path<(String, String)>,
) -> Answer {
    let repo = answer::repo(&owner, &repo)?;
    let known = state.world.with(|world| world.repo(&repo).is_some());
    if known { answer::ok(installation(&state)) } else { Err(Refusal::not_found()) }
}

async fn access_token(extract::State(state): extract::State<State>, Path(id): Path<u64>) -> Answer {
    if id != state.world.with(|world| world.config().installation_id) {
        return Err(Refusal::not_found());
    }
    let (token, expires_at) = state.tokens.mint(state.world.now());
    let body = json!({
        "token": token,
        "expires_at": expires_at,
        "permissions": permissions(),
        "repository_selection": "all",
    });
    answer::with(StatusCode::CREATED, body)
}

async fn repositories(
    extract::State(state): extract::State<State>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    let all: Vec<_> = state.world.with(|world| world.repos().map(payload::repository).collect());
    let total = all.len();
    let (repositories, more) = page.cut(all);
    let body = json!({ "total_count": total, "repositories": repositories });
    page.answer(&state, &uri, body, more)
}

async fn rate_limit(extract::State(state): extract::State<State>) -> Answer {
    let now = state.world.now();
    let faults = state.faults.get();
    let resource = |bucket: Bucket| {
        let mut budget = state.world.with(|world| world.budgets().left(bucket, now));
        if faults.rate_limited {
            budget.used = budget.limit;
        }
        json!({ "limit": budget.limit, "used": budget.used, "remaining": budget.remaining(),
            "reset": budget.reset.as_second() })
    };
    let core = resource(Bucket::Core);
    let search = json!({ "limit": 30, "used": 0, "remaining": 30, "reset": now.as_second() + 60 });
    answer::ok(json!({
        "resources": { "core": core, "search": search, "actions_runner_registration": resource(Bucket::Registration) },
        "rate": core,
    }))
}
