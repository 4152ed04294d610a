//! Repositories: commits, files, pull requests, comments.

use super::{World, WorldError, next};
use std::collections::{BTreeMap, VecDeque};
use trunkline_model::{
    BranchName, Commit, IssueComment, PrNumber, PullRequest, PullRequestState, RepoName, Sha,
};

/// Commits and comments kept per branch and repository.
const KEEP: usize = 5_000;

/// A repository.
#[derive(Debug)]
pub struct Repository {
    /// Its name, as first given.
    pub name: RepoName,
    /// Its default branch.
    pub default_branch: BranchName,
    /// Commits by branch, oldest first.
    pub branches: BTreeMap<BranchName, VecDeque<Commit>>,
    /// Files of the default branch, by path.
    pub files: BTreeMap<String, String>,
    /// Pull requests.
    pub pulls: BTreeMap<PrNumber, PullRequest>,
    /// Comments, oldest first.
    pub comments: VecDeque<IssueComment>,
    /// Runs so far.
    pub(super) runs: u64,
}

/// What repositories are found by: GitHub compares names without regard to case.
pub(super) fn key(name: &RepoName) -> String {
    name.as_str().to_ascii_lowercase()
}

/// A push to a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushSpec {
    /// Where to.
    pub branch: BranchName,
    /// Tip before; `None` for a new branch.
    pub before: Option<Sha>,
    /// New commits, oldest first; never empty.
    pub commits: Vec<Commit>,
    /// Who pushed.
    pub pusher: String,
}

/// A pull request that is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSpec {
    /// Its number.
    pub number: PrNumber,
    /// Title.
    pub title: String,
    /// Description.
    pub body: String,
    /// Author's login.
    pub author: String,
    /// Branch in the same repository.
    pub head_branch: BranchName,
    /// Its tip.
    pub head_sha: Sha,
    /// Tip of the default branch.
    pub base_sha: Sha,
    /// Labels.
    pub labels: Vec<String>,
}

impl Repository {
    /// A commit of any branch.
    pub fn commit(&self, sha: &Sha) -> Option<&Commit> {
        self.branches.values().flatten().find(|commit| commit.sha == *sha)
    }
}

impl World {
    /// Makes a repository, or finds the one that is there.
    pub fn add_repo(&mut self, name: &RepoName, default_branch: BranchName) {
        self.changed();
        self.repos.entry(key(name)).or_insert_with(|| Repository {
            name: name.clone(),
            default_branch,
            branches: BTreeMap::new(),
            files: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: VecDeque::new(),
            runs: 0,
        });
    }

    /// A repository.
    pub fn repo(&self, name: &RepoName) -> Option<&Repository> {
        self.repos.get(&key(name))
    }

    /// All repositories, in order of their names.
    pub fn repos(&self) -> impl Iterator<Item = &Repository> {
        self.repos.values()
    }

    /// Puts a file on the default branch.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] without the repository.
    pub fn put_file(&mut self, repo: &RepoName, path: &str, text: &str) -> Result<(), WorldError> {
        let repo = self.repo_mut(repo).ok_or(WorldError::NotFound)?;
        repo.files.insert(path.to_owned(), text.to_owned());
        self.changed();
        Ok(())
    }

    /// Commits arrive on a branch.
    ///
    /// # Errors
    /// [`WorldError::Invalid`] without commits.
    pub fn push(&mut self, repo: &RepoName, push: &PushSpec) -> Result<(), WorldError> {
        if push.commits.is_empty() {
            return Err(WorldError::Invalid("nothing to push".into()));
        }
        let repo = self.repo_mut(repo).ok_or(WorldError::NotFound)?;
        let branch = repo.branches.entry(push.branch.clone()).or_default();
        branch.extend(push.commits.iter().cloned());
        while branch.len() > KEEP {
            branch.pop_front();
        }
        let name = repo.name.clone();
        self.emit_push(&name, push);
        Ok(())
    }

    /// A pull request opens.
    ///
    /// # Errors
    /// [`WorldError::Invalid`] when the number is taken.
    pub fn open_pull(&mut self, repo: &RepoName, spec: PullSpec) -> Result<(), WorldError> {
        let now = self.now;
        let repo = self.repo_mut(repo).ok_or(WorldError::NotFound)?;
        let number = spec.number;
        if repo.pulls.contains_key(&number) {
            return Err(WorldError::Invalid("the number is taken".into()));
        }
        let name = repo.name.clone();
        let pull = PullRequest {
            html_url: format!("https://github.com/{name}/pull/{number}"),
            repo: name.clone(),
            number,
            title: spec.title,
            body: spec.body,
            state: PullRequestState::Open,
            draft: false,
            author: spec.author.clone(),
            labels: spec.labels,
            head_sha: spec.head_sha,
            head_ref: spec.head_branch.to_string(),
            head_repo: Some(name.to_string()),
            base_sha: spec.base_sha,
            base_ref: repo.default_branch.to_string(),
            merge_commit_sha: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            merged_at: None,
        };
        repo.pulls.insert(number, pull);
        self.emit_pull(&name, number, "opened", None, &spec.author);
        Ok(())
    }

    /// New commits on a pull request's branch.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] without the pull request.
    pub fn update_pull(&mut self, repo: &RepoName, number: PrNumber, head: &Sha) -> Result<(), WorldError> {
        let (name, author, before) = {
            let (name, pull) = self.touch_pull(repo, number)?;
            let before = std::mem::replace(&mut pull.head_sha, head.clone());
            (name, pull.author.clone(), before)
        };
        self.emit_pull(&name, number, "synchronize", Some(&before), &author);
        Ok(())
    }

    /// A pull request closes, as merged when a commit is given. Closing a closed one changes nothing.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] without the pull request.
    pub fn close_pull(
        &mut self,
        repo: &RepoName,
        number: PrNumber,
        merged_as: Option<&Sha>,
    ) -> Result<(), WorldError> {
        let now = self.now;
        let (name, author) = {
            let (name, pull) = self.touch_pull(repo, number)?;
            if pull.state != PullRequestState::Open {
                return Ok(());
            }
            pull.state =
                if merged_as.is_some() { PullRequestState::Merged } else { PullRequestState::Closed };
            pull.merge_commit_sha = merged_as.cloned();
            pull.merged_at = merged_as.map(|_| now);
            pull.closed_at = Some(now);
            (name, pull.author.clone())
        };
        self.emit_pull(&name, number, "closed", None, &author);
        Ok(())
    }

    fn touch_pull(
        &mut self,
        repo: &RepoName,
        number: PrNumber,
    ) -> Result<(RepoName, &mut PullRequest), WorldError> {
        let now = self.now;
        let repo = self.repo_mut(repo).ok_or(WorldError::NotFound)?;
        let pull = repo.pulls.get_mut(&number).ok_or(WorldError::NotFound)?;
        if pull.state == PullRequestState::Open {
            pull.updated_at = now;
        }
        Ok((repo.name.clone(), pull))
    }

    /// Somebody comments on a pull request. Returns the comment's id.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] without the repository.
    pub fn comment(
        &mut self,
        repo: &RepoName,
        number: PrNumber,
        author: &str,
        body: &str,
    ) -> Result<u64, WorldError> {
        let now = self.now;
        let id = next(&mut self.next.comment);
        let repo = self.repo_mut(repo).ok_or(WorldError::NotFound)?;
        let name = repo.name.clone();
        let comment = IssueComment {
            html_url: format!("https://github.com/{name}/pull/{number}#issuecomment-{id}"),
            repo: name,
            id,
            number,
            on_pull_request: true,
            author: author.to_owned(),
            author_association: "MEMBER".into(),
            body: body.to_owned(),
            deleted: false,
            created_at: now,
            updated_at: now,
        };
        repo.comments.push_back(comment.clone());
        while repo.comments.len() > KEEP {
            repo.comments.pop_front();
        }
        self.emit_comment(&comment);
        Ok(id)
    }
}
