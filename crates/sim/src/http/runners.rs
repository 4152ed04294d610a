//! Runner registrations of repositories and organisations.

use super::{
    State,
    answer::{self, Answer, Page, Refusal},
};
use crate::world::{Scope, payload};
use axum::{
    Router,
    body::Bytes,
    extract::{self, Path, Query},
    http::{StatusCode, Uri},
    response::IntoResponse as _,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_model::{Label, RunnerId, RunnerName};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/repos/{owner}/{repo}/actions/runners", get(list_of_repo))
        .route("/repos/{owner}/{repo}/actions/runners/generate-jitconfig", post(register_in_repo))
        .route("/repos/{owner}/{repo}/actions/runners/{id}", get(get_of_repo).delete(delete_of_repo))
        .route("/orgs/{org}/actions/runners", get(list_of_org))
        .route("/orgs/{org}/actions/runners/generate-jitconfig", post(register_in_org))
        .route("/orgs/{org}/actions/runners/{id}", get(get_of_org).delete(delete_of_org))
}

type Shared = extract::State<State>;
type InRepo = Path<(String, String)>;

fn scope_of_repo(state: &State, owner: &str, repo: &str) -> Result<Scope, Refusal> {
    let repo = answer::repo(owner, repo)?;
    let known = state.world.with(|world| world.repo(&repo).is_some());
    if known { Ok(Scope::Repo(repo)) } else { Err(Refusal::not_found()) }
}

fn scope_of_org(state: &State, org: String) -> Result<Scope, Refusal> {
    let known =
        state.world.with(|world| world.repos().any(|repo| repo.name.owner().eq_ignore_ascii_case(&org)));
    if known { Ok(Scope::Org(org)) } else { Err(Refusal::not_found()) }
}

#[derive(Debug, Default, Deserialize)]
struct Filter {
    name: Option<String>,
}

fn list(state: &State, scope: &Scope, filter: &Filter, page: Page, uri: &Uri) -> Answer {
    let fits = |name: &str| filter.name.as_ref().is_none_or(|wanted| wanted == name);
    let all: Vec<_> = state.world.with(|world| {
        let of_scope = world.runners().filter(|r| r.scope.same(scope) && fits(r.name.as_str()));
        of_scope.map(payload::runner).collect()
    });
    let total = all.len();
    let (runners, more) = page.cut(all);
    page.answer(state, uri, json!({ "total_count": total, "runners": runners }), more)
}

async fn list_of_repo(
    extract::State(state): Shared,
    Path((owner, repo)): InRepo,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    list(&state, &scope_of_repo(&state, &owner, &repo)?, &filter, page, &uri)
}

async fn list_of_org(
    extract::State(state): Shared,
    Path(org): Path<String>,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Answer {
    list(&state, &scope_of_org(&state, org)?, &filter, page, &uri)
}

fn get_one(state: &State, scope: &Scope, id: u64) -> Answer {
    let found = state.world.with(|world| world.runner(scope, RunnerId(id)).map(payload::runner));
    answer::ok(found.ok_or_else(Refusal::not_found)?)
}

async fn get_of_repo(
    extract::State(state): Shared,
    Path((owner, repo, id)): Path<(String, String, u64)>,
) -> Answer {
    get_one(&state, &scope_of_repo(&state, &owner, &repo)?, id)
}

async fn get_of_org(extract::State(state): Shared, Path((org, id)): Path<(String, u64)>) -> Answer {
    get_one(&state, &scope_of_org(&state, org)?, id)
}

fn delete(state: &State, scope: &Scope, id: u64) -> Answer {
    state.world.with(|world| world.delete_runner(scope, RunnerId(id)))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn delete_of_repo(
    extract::State(state): Shared,
    Path((owner, repo, id)): Path<(String, String, u64)>,
) -> Answer {
    delete(&state, &scope_of_repo(&state, &owner, &repo)?, id)
}

async fn delete_of_org(extract::State(state): Shared, Path((org, id)): Path<(String, u64)>) -> Answer {
    delete(&state, &scope_of_org(&state, org)?, id)
}

/// Reads what is asked for; what is missing is named, as GitHub does it.
fn order(body: &Bytes) -> Result<(RunnerName, u64, Vec<Label>), Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal(StatusCode::BAD_REQUEST, "Problems parsing JSON".into()))?;
    let missing = |key: &str| Refusal::invalid(format!("Invalid request.\n\n\"{key}\" wasn't supplied."));
    let name = body["name"].as_str().ok_or_else(|| missing("name"))?;
    let group = body["runner_group_id"].as_u64().ok_or_else(|| missing("runner_group_id"))?;
    let labels = body["labels"].as_array().ok_or_else(|| missing("labels"))?;
    let labels: Option<Vec<Label>> = labels.iter().map(|label| label.as_str()?.parse().ok()).collect();
    Ok((
        name.parse().map_err(|error| Refusal::invalid(format!("Invalid request.\n\n{error}")))?,
        group,
        labels.ok_or_else(|| Refusal::invalid("Invalid request.\n\nA label is not a label."))?,
    ))
}

fn register(state: &State, scope: &Scope, body: &Bytes) -> Answer {
    let (name, group, labels) = order(body)?;
    let (runner, jit) = state.world.with(|world| {
        let made = world.register_runner(scope, &name, group, &labels, &state.base)?;
        let runner = world.runner(scope, made.id).map(payload::runner).unwrap_or_default();
        Ok::<_, Refusal>((runner, made.jit))
    })?;
    let body = json!({ "runner": runner, "encoded_jit_config": jit.encode() });
    answer::with(StatusCode::CREATED, body)
}

async fn register_in_repo(extract::State(state): Shared, Path((owner, repo)): InRepo, body: Bytes) -> Answer {
    register(&state, &scope_of_repo(&state, &owner, &repo)?, &body)
}

async fn register_in_org(extract::State(state): Shared, Path(org): Path<String>, body: Bytes) -> Answer {
    register(&state, &scope_of_org(&state, org)?, &body)
}
