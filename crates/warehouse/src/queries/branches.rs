//! Repositories and branches.

use super::{BRANCHES, REPOS};
use crate::{Engine, Error, params::Params, read::Answer};
use jiff::Timestamp;
use trunkline_model::RepoName;

/// A branch with its newest push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRow {
    /// Name without `refs/heads/`.
    pub branch: String,
    /// Commits known on it.
    pub commits: u64,
    /// When it was last pushed to.
    pub newest_at: Timestamp,
}

pub(crate) async fn branches(engine: &dyn Engine, repo: &RepoName) -> Result<Vec<BranchRow>, Error> {
    let mut out = Vec::new();
    for batch in &engine.query(&BRANCHES, Params::new().text("repo", repo.as_str())).await? {
        let answer = Answer { query: BRANCHES.name, batch };
        let (branch, commits) = (answer.texts("branch")?, answer.numbers("commits")?);
        let newest_at = answer.times("newest_at")?;
        out.extend(answer.rows().map(|row| BranchRow {
            branch: branch.get(row).to_owned(),
            commits: commits.get(row),
            newest_at: newest_at.get(row),
        }));
    }
    Ok(out)
}

pub(crate) async fn repos(engine: &dyn Engine) -> Result<Vec<RepoName>, Error> {
    let mut out = Vec::new();
    for batch in &engine.query(&REPOS, Params::new()).await? {
        let answer = Answer { query: REPOS.name, batch };
        let repo = answer.texts("repo")?;
        for row in answer.rows() {
            out.push(repo.get(row).parse().map_err(|_| Error::Value(repo.get(row).to_owned()))?);
        }
    }
    Ok(out)
}
