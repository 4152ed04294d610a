//! The runs behind one cell of the grid.

use super::{
    commits::no_such_commit,
    grid::parsed,
    job::{Job, seen},
};
use crate::{
    app::Shared,
    error::ApiError,
    grid::{merge::merge, names},
};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use trunkline_model::Sha;
use utoipa::{IntoParams, ToSchema};

/// The runs behind one cell.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cell {
    /// The one that stands for the cell, then failures, then the rest, newest first. Cancelled ones only if all are.
    runs: Vec<Job>,
}

/// Which cell.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CellParams {
    /// Commit: the full hash.
    sha: String,
    /// Name of the column.
    name: String,
}

/// Shows the runs behind one cell of the grid.
#[utoipa::path(get, path = "/api/v1/repos/{owner}/{name}/cell", tag = "hud",
    params(("owner" = String, Path, description = "Owner"), ("name" = String, Path, description = "Repository"), CellParams),
    responses(
        (status = 200, description = "The runs; none for an empty cell", body = Cell),
        (status = 400, description = "A parameter is wrong", body = crate::error::Error),
        (status = 404, description = "No such repository or commit", body = crate::error::Error),
    )
)]
pub(super) async fn cell(
    State(app): State<Shared>,
    Path((owner, name)): Path<(String, String)>,
    params: Result<Query<CellParams>, QueryRejection>,
) -> Result<Json<Cell>, ApiError> {
    let Query(params) = params.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
    let sha: Sha = parsed("sha", &params.sha)?;
    let repo = app.directory.find(&app, &owner, &name).await?;
    let members = match app.config.grid.fold_runner_prefixes {
        true => names::members(&params.name),
        false => vec![params.name],
    };
    let mut rows = Vec::new();
    for member in &members {
        rows.extend(app.warehouse.cell_jobs(&repo, &sha, member).await?);
    }
    if rows.is_empty() && app.warehouse.commit(&repo, &sha).await?.is_none() {
        return Err(no_such_commit(&repo, &sha));
    }
    let mut order = rows.iter().map(seen).collect();
    merge(&mut order);
    let now = app.clock.now();
    let mut jobs: Vec<Job> = rows.into_iter().map(|row| Job::of(row, now)).collect();
    let place = |job: &Job| order.iter().position(|run| run.job == job.id);
    jobs.retain(|job| place(job).is_some());
    jobs.sort_by_key(place);
    Ok(Json(Cell { runs: jobs }))
}
