//! The cells of the grid.

use super::{GRID_JOBS, GRID_SPAN};
use crate::{
    Engine, Error, GridExclusions,
    load::sha_key,
    params::Params,
    queries::jobs::{parse_conclusion, parse_status},
    read::Answer,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use trunkline_model::{Conclusion, JobId, JobStatus, RepoName, RunId, Sha};

/// One run of one cell: only what the grid shows. The rest is in [`JobRow`](crate::JobRow).
///
/// Names are shared between rows: a page has some 75,000 rows, but few names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridJob {
    /// The commit's place among those that were asked for.
    pub commit: usize,
    /// Column: `workflow / job`.
    pub full_name: Arc<str>,
    /// Job.
    pub id: JobId,
    /// Run.
    pub run_id: RunId,
    /// Attempt of the run.
    pub attempt: u32,
    /// Where it stands.
    pub status: JobStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
}

/// Jobs of some commits, by job id.
pub(crate) async fn grid_jobs(
    engine: &dyn Engine,
    repo: &RepoName,
    shas: &[Sha],
    skip: &GridExclusions,
) -> Result<Vec<GridJob>, Error> {
    let params =
        Params::new().text("repo", repo.as_str()).numbers("sha_keys", shas.iter().map(sha_key).collect());
    let Some((first_id, last_id)) = span(engine, params.clone()).await? else { return Ok(Vec::new()) };
    let params = params
        .number("first_id", first_id)
        .number("last_id", last_id)
        .texts("skip_names", &skip.names)
        .texts("skip_workflows", &skip.workflows)
        .texts("skip_events", &skip.events);
    let batches = engine.query(&GRID_JOBS, params).await?;
    let wanted: HashMap<&str, usize> = shas.iter().map(Sha::as_str).zip(0..).collect();
    let (mut names, mut last) = (Shared::default(), None);
    let mut out = Vec::with_capacity(batches.iter().map(arrow::array::RecordBatch::num_rows).sum());
    for batch in &batches {
        let answer = Answer { query: GRID_JOBS.name, batch };
        let (head_sha, full_name) = (answer.texts("head_sha")?, answer.texts("full_name")?);
        let (id, run_id) = (answer.numbers("id")?, answer.numbers("run_id")?);
        let attempt = answer.numbers("run_attempt")?;
        let (status, conclusion) = (answer.texts("status")?, answer.texts("conclusion")?);
        for row in answer.rows() {
            // The key is only the beginning of the hash. Rows of one commit tend to follow each other.
            let hash = head_sha.get(row);
            if last.is_none_or(|commit: usize| shas[commit].as_str() != hash) {
                last = wanted.get(hash).copied();
            }
            let Some(commit) = last else { continue };
            out.push(GridJob {
                commit,
                full_name: names.get(full_name.get(row)),
                id: JobId(id.get(row)),
                run_id: RunId(run_id.get(row)),
                attempt: u32::try_from(attempt.get(row)).unwrap_or(u32::MAX),
                status: parse_status(status.get(row)),
                conclusion: conclusion.opt(row).map(parse_conclusion),
            });
        }
    }
    out.sort_unstable_by_key(|job| job.id);
    Ok(out)
}

/// Between which ids the jobs lie; nothing when there are none.
async fn span(engine: &dyn Engine, params: Params) -> Result<Option<(u64, u64)>, Error> {
    for batch in &engine.query(&GRID_SPAN, params).await? {
        let answer = Answer { query: GRID_SPAN.name, batch };
        if batch.num_rows() > 0 {
            let span = (answer.numbers("first_id")?.get(0), answer.numbers("last_id")?.get(0));
            return Ok((span.1 > 0).then_some(span));
        }
    }
    Ok(None)
}

/// Texts that occur often, kept once.
#[derive(Default)]
struct Shared {
    known: HashSet<Arc<str>>,
    last: Option<Arc<str>>,
}

impl Shared {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(last) = self.last.as_ref().filter(|last| ***last == *text) {
            return Arc::clone(last);
        }
        let found = match self.known.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                self.known.insert(Arc::clone(&new));
                new
            }
        };
        self.last = Some(Arc::clone(&found));
        found
    }
}
