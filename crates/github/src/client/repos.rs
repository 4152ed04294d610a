//! Files and commits.

use super::{Client, Error, Scope, pages::PER_PAGE};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use trunkline_model::{Commit, RepoName, Sha};

/// Which commits; the default is the default branch, newest first.
#[derive(Debug, Clone, Default)]
pub struct CommitQuery {
    /// Branch, tag or hash to start from.
    pub start: Option<String>,
    /// Only those that touch this path.
    pub path: Option<String>,
    /// Committed since then.
    pub since: Option<Timestamp>,
    /// Committed until then.
    pub until: Option<Timestamp>,
    /// At most so many. Without it all of them: a long history is thousands of requests.
    pub limit: Option<usize>,
}

#[derive(Deserialize)]
struct RawCommit {
    sha: Sha,
    #[serde(default)]
    html_url: String,
    commit: RawDetails,
    #[serde(default)]
    author: Option<RawUser>,
}

#[derive(Deserialize)]
struct RawDetails {
    #[serde(default)]
    message: String,
    #[serde(default)]
    author: Option<RawPerson>,
    #[serde(default)]
    committer: Option<RawPerson>,
}

#[derive(Deserialize, Default)]
struct RawPerson {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    date: Option<Timestamp>,
}

/// GitHub sends `{}` or `null` for people it does not know.
#[derive(Deserialize)]
struct RawUser {
    #[serde(default)]
    login: Option<String>,
}

impl From<RawCommit> for Commit {
    fn from(raw: RawCommit) -> Self {
        let author = raw.commit.author.unwrap_or_default();
        let committed = raw.commit.committer.and_then(|committer| committer.date);
        Self {
            sha: raw.sha,
            message: raw.commit.message,
            author_name: author.name.unwrap_or_default(),
            author_email: author.email.unwrap_or_default(),
            author_login: raw.author.and_then(|user| user.login),
            timestamp: committed.or(author.date).unwrap_or(Timestamp::UNIX_EPOCH),
            url: raw.html_url,
        }
    }
}

impl Client {
    /// A file's bytes, from a branch, tag or hash, or from the default branch.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such file; see [`Error`].
    pub async fn get_contents(
        &self,
        repo: &RepoName,
        path: &str,
        git_ref: Option<&str>,
    ) -> Result<Bytes, Error> {
        let segments = ["contents"].into_iter().chain(path.split('/'));
        let request =
            self.scoped(Method::GET, &Scope::from(repo), segments)?.maybe_query("ref", git_ref).raw();
        Ok(self.send(&request).await?.body)
    }

    /// Commits, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_commits(&self, repo: &RepoName, query: &CommitQuery) -> Result<Vec<Commit>, Error> {
        let request = self
            .scoped(Method::GET, &Scope::from(repo), ["commits"])?
            .query("per_page", PER_PAGE)
            .maybe_query("sha", query.start.as_ref())
            .maybe_query("path", query.path.as_ref())
            .maybe_query("since", query.since.map(|at| format!("{at:.0}")))
            .maybe_query("until", query.until.map(|at| format!("{at:.0}")));
        let limit = query.limit.unwrap_or(usize::MAX);
        let raw = self.pages(request, limit, |page: Vec<RawCommit>| page).await?;
        Ok(raw.into_iter().map(Commit::from).collect())
    }
}
