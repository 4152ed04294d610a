//! Who waits for a runner, and how long.

use super::{LABEL_QUEUE_STATS, QUEUE_NOW};
use crate::{Engine, Error, params::Params, read::Answer};
use jiff::Timestamp;
use trunkline_model::RepoName;

/// Jobs of a label that wait now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelQueue {
    /// Label as written.
    pub label: String,
    /// Jobs that wait.
    pub queued: u64,
    /// Since when the oldest waits.
    pub oldest_at: Timestamp,
}

/// How long jobs of a label waited.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelQueueStats {
    /// Label as written.
    pub label: String,
    /// Jobs that started.
    pub jobs: u64,
    /// Half waited at most this long.
    pub p50_seconds: f64,
    /// 90 % waited at most this long.
    pub p90_seconds: f64,
    /// 99 % waited at most this long.
    pub p99_seconds: f64,
    /// Nobody waited longer.
    pub max_seconds: u64,
}

pub(crate) async fn now(
    engine: &dyn Engine,
    repo: Option<&RepoName>,
    since: Timestamp,
) -> Result<Vec<LabelQueue>, Error> {
    let params = Params::new().text("repo", repo.map_or("", RepoName::as_str)).time("since", since);
    let mut out = Vec::new();
    for batch in &engine.query(&QUEUE_NOW, params).await? {
        let answer = Answer { query: QUEUE_NOW.name, batch };
        let (label, queued) = (answer.texts("label")?, answer.numbers("queued")?);
        let oldest_at = answer.times("oldest_at")?;
        out.extend(answer.rows().map(|row| LabelQueue {
            label: label.get(row).to_owned(),
            queued: queued.get(row),
            oldest_at: oldest_at.get(row),
        }));
    }
    Ok(out)
}

pub(crate) async fn stats(
    engine: &dyn Engine,
    repo: Option<&RepoName>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<LabelQueueStats>, Error> {
    let params =
        Params::new().text("repo", repo.map_or("", RepoName::as_str)).time("from", from).time("to", to);
    let mut out = Vec::new();
    for batch in &engine.query(&LABEL_QUEUE_STATS, params).await? {
        let answer = Answer { query: LABEL_QUEUE_STATS.name, batch };
        let (label, jobs) = (answer.texts("label")?, answer.numbers("jobs")?);
        let (p50, p90) = (answer.floats("p50_seconds")?, answer.floats("p90_seconds")?);
        let (p99, max) = (answer.floats("p99_seconds")?, answer.numbers("max_seconds")?);
        out.extend(answer.rows().map(|row| LabelQueueStats {
            label: label.get(row).to_owned(),
            jobs: jobs.get(row),
            p50_seconds: p50.get(row),
            p90_seconds: p90.get(row),
            p99_seconds: p99.get(row),
            max_seconds: max.get(row),
        }));
    }
    Ok(out)
}
