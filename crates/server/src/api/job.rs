//! A job as pages see it.

use crate::grid::{Letter, merge::Seen};
use jiff::Timestamp;
use serde::Serialize;
use trunkline_model::JobStatus;
use trunkline_warehouse::JobRow;
use utoipa::ToSchema;

/// A job.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Job {
    /// GitHub's id.
    pub(super) id: u64,
    /// `workflow / job (config, …)`.
    pub(super) name: String,
    /// `queued`, `waiting`, `in_progress` or `completed`.
    status: String,
    /// GitHub's word; absent until it ended.
    #[schema(required)]
    conclusion: Option<String>,
    /// How the grid shows it: O X C T ? Q S N U.
    letter: String,
    /// Workflow run.
    run_id: u64,
    /// Attempt of the run, from 1.
    attempt: u32,
    /// How long it waited for a runner, so far if it still waits.
    #[schema(required)]
    queue_seconds: Option<i64>,
    /// How long it ran, so far if it still runs.
    #[schema(required)]
    run_seconds: Option<i64>,
    /// When GitHub made it.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it began to run.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// Runner that has or had it.
    #[schema(required)]
    runner_name: Option<String>,
    /// `runs-on`.
    labels: Vec<String>,
    /// Its page at GitHub.
    html_url: String,
    /// What triggered the run; empty while that is unknown.
    event: String,
}

impl Job {
    pub(super) fn of(row: JobRow, now: Timestamp) -> Self {
        let letter = Letter::of(row.status, row.conclusion);
        let since = |from: Timestamp| now.duration_since(from).as_secs().max(0);
        let waits = matches!(row.status, JobStatus::Queued | JobStatus::Waiting);
        let runs = row.status == JobStatus::InProgress;
        let queue_seconds = if waits { Some(since(row.created_at)) } else { row.queue_seconds() };
        let run_seconds = if runs { row.started_at.map(since) } else { row.run_seconds() };
        Self {
            id: row.id.0,
            name: row.full_name,
            status: row.status.as_str().into(),
            conclusion: row.conclusion.map(|conclusion| conclusion.as_str().into()),
            letter: letter.as_char().into(),
            run_id: row.run_id.0,
            attempt: row.attempt,
            queue_seconds,
            run_seconds: run_seconds.filter(|_| !waits),
            created_at: row.created_at,
            // Queued payloads carry the time of creation here.
            started_at: row.started_at.filter(|_| !waits),
            completed_at: row.completed_at,
            runner_name: row.runner_name,
            labels: row.labels,
            html_url: row.html_url,
            event: row.event,
        }
    }
}

/// What merging looks at.
pub(super) fn seen(row: &JobRow) -> Seen {
    Seen {
        job: row.id.0,
        run: row.run_id.0,
        attempt: row.attempt,
        status: row.status,
        conclusion: row.conclusion,
    }
}
