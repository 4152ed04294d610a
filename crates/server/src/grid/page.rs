//! One page of the grid: read, merged, laid out, encoded.

use super::{
    Encoded, Groups,
    cells::{Cell, Row},
    columns::Column,
    pages::Kept,
};
use crate::{app::Shared, error::ApiError};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use trunkline_model::{BranchName, RepoName, Sha};
use trunkline_warehouse::CommitRow;
use utoipa::ToSchema;

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PageQuery {
    pub(crate) repo: RepoName,
    pub(crate) branch: BranchName,
    pub(crate) before: Option<Sha>,
    pub(crate) limit: u32,
}

/// A page of the grid: commits × jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Grid {
    /// Repository.
    repo: String,
    /// Branch.
    branch: String,
    /// When this answer was made; it holds as long as its entity tag does.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// How old the oldest delivery was that this answer does not contain yet; absent when nobody takes deliveries in.
    #[schema(required)]
    intake_lag_seconds: Option<f64>,
    /// The newest event of the log at that time.
    last_seq: i64,
    /// Columns from left to right.
    columns: Vec<GridColumn>,
    /// Groups of columns, from left to right.
    groups: Vec<GridGroup>,
    /// Rows, newest first.
    commits: Vec<GridCommit>,
    /// Where the next page begins: give it as `before`. Absent on the last page.
    #[schema(required)]
    next: Option<String>,
}

/// The entity tag is made from here on.
const CONTENT_BEGINS: &[u8] = b"\"columns\":[";

/// A column: one job name.
#[derive(Debug, Serialize, ToSchema)]
struct GridColumn {
    /// `workflow / job (config, …)`.
    #[schema(value_type = String)]
    name: Arc<str>,
    /// Index in `groups`.
    group: usize,
}

/// A group of columns.
#[derive(Debug, Serialize, ToSchema)]
struct GridGroup {
    /// Its name.
    name: String,
    /// Whether it stays collapsed when groups are switched off.
    persistent: bool,
}

/// A row: one commit.
#[derive(Debug, Serialize, ToSchema)]
struct GridCommit {
    /// Its hash.
    sha: String,
    /// When it was pushed.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// First line of its message.
    title: String,
    /// Author's login, or name.
    author: String,
    /// Pull request it came from.
    #[schema(required)]
    pr: Option<u64>,
    /// One letter per column: O success, F flaky, X failure, C cancelled, T timed out, ? running, Q queued, S skipped,
    /// N neutral, U other, ~ no such job.
    cells: String,
    /// By column index: job that stands for the cell, and how many runs it has; only for cells that are none of O ~ S N.
    detail: BTreeMap<u32, (u64, u32)>,
}

/// The page, from memory when nothing changed.
pub(crate) async fn page(app: &Shared, query: PageQuery) -> Result<Arc<Encoded>, ApiError> {
    let slot = app.pages.slot(&query);
    let mut kept = slot.lock().await;
    // Before reading: what changes while the page is made outdates it.
    let version = app.pages.version(&query.repo);
    if let Some(known) = &*kept
        && known.version == version
    {
        app.metrics.page_hits.inc();
        return Ok(Arc::clone(&known.page));
    }
    app.metrics.page_misses.inc();
    let page = Arc::new(make(app, query).await?);
    *kept = Some(Kept { version, page: Arc::clone(&page) });
    Ok(page)
}

async fn make(app: &Shared, query: PageQuery) -> Result<Encoded, ApiError> {
    let (repo, before) = (&query.repo, query.before.as_ref());
    let mut commits = app.warehouse.commits(repo, &query.branch, before, query.limit + 1).await?;
    if commits.is_empty() {
        explain_nothing(app, &query).await?;
    }
    let more = commits.len() > query.limit as usize;
    commits.truncate(query.limit as usize);
    let next = commits.last().filter(|_| more).map(|commit| commit.sha.to_string());
    let shas: Vec<Sha> = commits.iter().map(|commit| commit.sha.clone()).collect();
    let known = app.cells.known(repo, &shas);
    let jobs = match known.missing.as_slice() {
        [] => Vec::new(),
        missing => app.warehouse.grid_jobs(repo, missing).await?,
    };
    let app = Arc::clone(app);
    let encoded = tokio::task::spawn_blocking(move || {
        let rows = app.cells.learn(&query.repo, known, &jobs);
        let now = app.clock.now();
        let last_seq = app.last_seq();
        let head = Head {
            as_of: now,
            intake_lag_seconds: app.progress.lag(last_seq, now).map(|lag| lag.seconds),
            last_seq,
        };
        let grid = lay_out(&query, &head, &app.config.grid.groups, commits, &rows, next);
        let json = serde_json::to_vec(&grid).expect("a grid is plain JSON");
        let content = json.windows(CONTENT_BEGINS.len()).position(|window| window == CONTENT_BEGINS);
        Encoded::new(json, content.unwrap_or(0))
    });
    Ok(encoded.await?)
}

/// A page without commits is right only for a branch whose commits end there; else says what does not exist.
async fn explain_nothing(app: &Shared, query: &PageQuery) -> Result<(), ApiError> {
    let branches = app.warehouse.branches(&query.repo).await?;
    let exists = branches.iter().any(|known| known.branch == query.branch.as_str());
    match (&query.before, exists) {
        (None, true) => Ok(()),
        // A repository known by its jobs only: nothing was pushed yet.
        (None, false) if branches.is_empty() => Ok(()),
        (_, false) => {
            let names: Vec<&str> = branches.iter().take(20).map(|known| known.branch.as_str()).collect();
            let message = format!("`{}` has no branch `{}`", query.repo, query.branch);
            Err(ApiError::not_found("no_such_branch", message).hint(format!("known: {}", names.join(", "))))
        }
        // The branch may end at this commit: then the page is rightly empty.
        (Some(before), true) if app.warehouse.commit(&query.repo, before).await?.is_some() => Ok(()),
        (Some(before), true) => {
            let message = format!("commit `{before}` is not on branch `{}`", query.branch);
            Err(ApiError::not_found("no_such_commit", message).hint("give the `next` of the page before"))
        }
    }
}

struct Head {
    as_of: Timestamp,
    intake_lag_seconds: Option<f64>,
    last_seq: i64,
}

fn lay_out(
    query: &PageQuery,
    head: &Head,
    groups: &Groups,
    commits: Vec<CommitRow>,
    rows: &HashMap<Sha, Row>,
    next: Option<String>,
) -> Grid {
    let cells = |commit: &CommitRow| rows.get(&commit.sha).map_or(&[] as &[Cell], |row| row);
    // Columns of this page by address: each exists once, unless all were forgotten between two rows.
    let mut place: HashMap<*const Column, u32> = HashMap::new();
    let mut used: Vec<&Column> = Vec::new();
    for cell in commits.iter().flat_map(cells) {
        place.entry(Arc::as_ptr(&cell.column)).or_insert_with(|| {
            used.push(&cell.column);
            0
        });
    }
    used.sort_unstable_by(|one, other| one.place().cmp(&other.place()));
    let mut columns: Vec<GridColumn> = Vec::with_capacity(used.len());
    let mut shown: Vec<u16> = Vec::new();
    for column in used {
        if columns.last().is_none_or(|last| last.name != column.name) {
            if shown.last() != Some(&column.group) {
                shown.push(column.group);
            }
            columns.push(GridColumn { name: Arc::clone(&column.name), group: shown.len() - 1 });
        }
        place.insert(std::ptr::from_ref(column), u32::try_from(columns.len() - 1).unwrap_or(u32::MAX));
    }
    let group = |index: &u16| {
        let group = groups.all().get(usize::from(*index));
        GridGroup {
            name: group.map_or_else(String::new, |group| group.name.clone()),
            persistent: group.is_some_and(|group| group.persistent),
        }
    };
    let width = columns.len();
    let rows = commits.iter().map(|commit| {
        let mut letters = vec![b'~'; width];
        let mut detail = BTreeMap::new();
        for cell in cells(commit) {
            let Some(&at) = place.get(&Arc::as_ptr(&cell.column)) else { continue };
            letters[at as usize] = cell.letter.as_char() as u8;
            if cell.letter.has_detail() {
                detail.insert(at, (cell.job, cell.runs));
            }
        }
        (letters, detail)
    });
    let rows: Vec<_> = rows.collect();
    let commits = commits.into_iter().zip(rows).map(|(commit, (letters, detail))| GridCommit {
        sha: commit.sha.to_string(),
        time: commit.pushed_at,
        title: commit.title,
        author: commit.author,
        pr: commit.pr.map(|pr| pr.0),
        cells: letters.into_iter().map(char::from).collect(),
        detail,
    });
    Grid {
        repo: query.repo.to_string(),
        branch: query.branch.to_string(),
        as_of: head.as_of,
        intake_lag_seconds: head.intake_lag_seconds,
        last_seq: head.last_seq,
        groups: shown.iter().map(group).collect(),
        columns,
        commits: commits.collect(),
        next,
    }
}
