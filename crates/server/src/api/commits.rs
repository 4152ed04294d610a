//! One commit with all its jobs.

use super::{
    grid::parsed,
    job::{Job, seen},
};
use crate::{
    app::Shared,
    error::ApiError,
    grid::{
        Letter,
        merge::{Seen, merge},
        names,
    },
};
use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use trunkline_model::{RepoName, Sha};
use trunkline_warehouse::{CommitRow, JobRow};
use utoipa::ToSchema;

/// A commit with all its jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommitPage {
    /// The commit.
    commit: Commit,
    /// Every run of every job, those that the grid leaves out too, by name and id.
    jobs: Vec<Job>,
    /// How many cells are in which state, several runs of one job counting once.
    counts: Counts,
}

/// A commit.
#[derive(Debug, Serialize, ToSchema)]
struct Commit {
    /// Its hash.
    sha: String,
    /// First line of its message; empty when only its jobs are known.
    title: String,
    /// Whole message.
    message: String,
    /// Author's login, or name.
    author: String,
    /// Pull request it came from.
    #[schema(required)]
    pr: Option<u64>,
    /// When it was pushed, or when its first job was made.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// Its page at GitHub.
    url: String,
}

/// How many cells are in which state.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
struct Counts {
    /// Failed or timed out.
    failure: usize,
    /// Running.
    running: usize,
    /// Waiting for a runner.
    queued: usize,
    /// Succeeded, flaky ones included.
    success: usize,
    /// Skipped, cancelled, neutral and others.
    other: usize,
}

/// Shows one commit with all its jobs.
#[utoipa::path(get, path = "/api/v1/repos/{owner}/{name}/commits/{sha}", tag = "hud",
    params(
        ("owner" = String, Path, description = "Owner"),
        ("name" = String, Path, description = "Repository"),
        ("sha" = String, Path, description = "Commit: the full hash"),
    ),
    responses(
        (status = 200, description = "The commit", body = CommitPage),
        (status = 400, description = "No full hash", body = crate::error::Error),
        (status = 404, description = "No such repository or commit", body = crate::error::Error),
    )
)]
pub(super) async fn commit(
    State(app): State<Shared>,
    Path((owner, name, sha)): Path<(String, String, String)>,
) -> Result<Json<CommitPage>, ApiError> {
    let sha: Sha = parsed("sha", &sha)?;
    let repo = app.directory.find(&app, &owner, &name).await?;
    let (commit, jobs) =
        tokio::try_join!(app.warehouse.commit(&repo, &sha), app.warehouse.commit_jobs(&repo, &sha))?;
    let commit = match (commit, jobs.iter().map(|job| job.created_at).min()) {
        (Some(row), _) => known(row),
        (None, Some(first)) => unpushed(&repo, &sha, first),
        (None, None) => return Err(no_such_commit(&repo, &sha)),
    };
    let counts = count(&jobs, app.config.grid.fold_runner_prefixes);
    let now = app.clock.now();
    let jobs = jobs.into_iter().map(|row| Job::of(row, now)).collect();
    Ok(Json(CommitPage { commit, jobs, counts }))
}

pub(super) fn no_such_commit(repo: &RepoName, sha: &Sha) -> ApiError {
    ApiError::not_found("no_such_commit", format!("nothing is known of commit `{sha}` in `{repo}`"))
        .hint("a push or a job must have been received for it")
}

fn known(row: CommitRow) -> Commit {
    Commit {
        sha: row.sha.to_string(),
        title: row.title,
        message: row.message,
        author: row.author,
        pr: row.pr.map(|pr| pr.0),
        time: row.pushed_at,
        url: row.url,
    }
}

/// Heads of pull requests from forks have jobs but no push here.
fn unpushed(repo: &RepoName, sha: &Sha, first_job: Timestamp) -> Commit {
    Commit {
        sha: sha.to_string(),
        title: String::new(),
        message: String::new(),
        author: String::new(),
        pr: None,
        time: first_job,
        url: format!("https://github.com/{repo}/commit/{sha}"),
    }
}

fn count(jobs: &[JobRow], fold: bool) -> Counts {
    let mut cells: HashMap<_, Vec<Seen>> = HashMap::new();
    for job in jobs {
        let name = if fold { names::column(&job.full_name) } else { (&*job.full_name).into() };
        cells.entry(name).or_default().push(seen(job));
    }
    let mut counts = Counts::default();
    for cell in cells.values_mut().filter_map(merge) {
        let count = match cell.letter {
            Letter::Failure | Letter::TimedOut => &mut counts.failure,
            Letter::Running => &mut counts.running,
            Letter::Queued => &mut counts.queued,
            Letter::Success | Letter::Flaky => &mut counts.success,
            Letter::Cancelled | Letter::Skipped | Letter::Neutral | Letter::Other | Letter::Absent => {
                &mut counts.other
            }
        };
        *count += 1;
    }
    counts
}
