//! Commits of a branch.

use super::{COMMIT, COMMIT_POSITION, COMMITS};
use crate::{Engine, Error, params::Params, read::Answer};
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;
use trunkline_model::{BranchName, PrNumber, RepoName, Sha};

/// One commit: a row of the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRow {
    /// Its hash.
    pub sha: Sha,
    /// First line of the message.
    pub title: String,
    /// Whole message.
    pub message: String,
    /// Author's login, or the name when GitHub knows no login.
    pub author: String,
    /// Author's login.
    pub author_login: Option<String>,
    /// Pull request it came from.
    pub pr: Option<PrNumber>,
    /// When its push arrived.
    pub pushed_at: Timestamp,
    /// Committer time.
    pub committed_at: Timestamp,
    /// Its page at GitHub.
    pub url: String,
}

/// A page of a branch, newest first; empty when `before` is not on the branch.
pub(crate) async fn page(
    engine: &dyn Engine,
    repo: &RepoName,
    branch: &BranchName,
    before: Option<&Sha>,
    limit: u32,
) -> Result<Vec<CommitRow>, Error> {
    let git_ref = format!("refs/heads/{branch}");
    let mut params = Params::new()
        .text("repo", repo.as_str())
        .text("git_ref", &git_ref)
        .number("limit", u64::from(limit))
        .number("all", u64::from(before.is_none()))
        .text("before_sha", before.map_or("", Sha::as_str));
    let position = match before {
        Some(sha) => match position(engine, repo, &git_ref, sha).await? {
            Some(position) => position,
            None => return Ok(Vec::new()),
        },
        None => (Timestamp::UNIX_EPOCH, 0),
    };
    params = params.time("before_time", position.0).number("before_position", position.1);
    rows(COMMITS.name, &engine.query(&COMMITS, params).await?)
}

async fn position(
    engine: &dyn Engine,
    repo: &RepoName,
    git_ref: &str,
    sha: &Sha,
) -> Result<Option<(Timestamp, u64)>, Error> {
    let params = Params::new().text("repo", repo.as_str()).text("git_ref", git_ref).text("sha", sha.as_str());
    for batch in &engine.query(&COMMIT_POSITION, params).await? {
        let answer = Answer { query: COMMIT_POSITION.name, batch };
        if batch.num_rows() > 0 {
            return Ok(Some((answer.times("pushed_at")?.get(0), answer.numbers("position")?.get(0))));
        }
    }
    Ok(None)
}

pub(crate) async fn one(engine: &dyn Engine, repo: &RepoName, sha: &Sha) -> Result<Option<CommitRow>, Error> {
    let params = Params::new().text("repo", repo.as_str()).text("sha", sha.as_str());
    Ok(rows(COMMIT.name, &engine.query(&COMMIT, params).await?)?.into_iter().next())
}

fn rows(query: &'static str, batches: &[RecordBatch]) -> Result<Vec<CommitRow>, Error> {
    let mut out = Vec::new();
    for batch in batches {
        let answer = Answer { query, batch };
        let (sha, message) = (answer.texts("sha")?, answer.texts("message")?);
        let (author_name, author_login) = (answer.texts("author_name")?, answer.texts("author_login")?);
        let (pr, url) = (answer.numbers("pr")?, answer.texts("url")?);
        let (pushed_at, committed_at) = (answer.times("pushed_at")?, answer.times("committed_at")?);
        for row in answer.rows() {
            let message = message.get(row);
            out.push(CommitRow {
                sha: sha.get(row).parse().map_err(|_| Error::Value(sha.get(row).to_owned()))?,
                title: message.lines().next().unwrap_or("").to_owned(),
                message: message.to_owned(),
                author: author_login.opt(row).unwrap_or(author_name.get(row)).to_owned(),
                author_login: author_login.owned(row),
                pr: pr.opt(row).map(PrNumber),
                pushed_at: pushed_at.get(row),
                committed_at: committed_at.get(row),
                url: url.get(row).to_owned(),
            });
        }
    }
    Ok(out)
}
