//! Which repositories there are.

use crate::{app::Shared, error::ApiError};
use axum::{Json, extract::State};
use serde::Serialize;
use trunkline_warehouse::BranchRow;
use utoipa::ToSchema;

/// Branches listed per repository, the busiest first.
const BRANCHES: usize = 100;

/// Repositories.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Repos {
    /// By name.
    repos: Vec<Repo>,
}

/// A repository.
#[derive(Debug, Serialize, ToSchema)]
struct Repo {
    /// `owner/name`.
    name: String,
    /// Branches something was pushed to, the busiest first.
    branches: Vec<String>,
    /// The branch to show first.
    default_branch: String,
}

/// Lists the repositories that something is known of.
#[utoipa::path(get, path = "/api/v1/repos", tag = "hud", responses(
    (status = 200, description = "Repositories by name", body = Repos),
    (status = 503, description = "The warehouse cannot be reached", body = crate::error::Error),
))]
pub(super) async fn repos(State(app): State<Shared>) -> Result<Json<Repos>, ApiError> {
    let mut repos = Vec::new();
    for repo in app.directory.all(&app).await? {
        let branches = app.warehouse.branches(&repo).await?;
        let default_branch = default_branch(&branches);
        let branches = branches.into_iter().take(BRANCHES).map(|branch| branch.branch).collect();
        repos.push(Repo { name: repo.to_string(), branches, default_branch });
    }
    Ok(Json(Repos { repos }))
}

/// Deliveries seldom say which branch is the default: a well-known name, else the busiest.
fn default_branch(branches: &[BranchRow]) -> String {
    let known = |name: &str| branches.iter().any(|branch| branch.branch == name).then(|| name.to_owned());
    let busiest = || branches.first().map(|branch| branch.branch.clone());
    known("main").or_else(|| known("master")).or_else(busiest).unwrap_or_else(|| "main".into())
}
