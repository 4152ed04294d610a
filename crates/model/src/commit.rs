//! Commits and the pushes that bring them to a branch.

use crate::{BranchName, PrNumber, RepoName, Sha};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One commit as a push names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its hash.
    pub sha: Sha,
    /// Whole message.
    pub message: String,
    /// Author's name.
    pub author_name: String,
    /// Author's e-mail; private, never shown in the HUD.
    pub author_email: String,
    /// Author's login at GitHub, when GitHub knows it.
    pub author_login: Option<String>,
    /// Committer time.
    pub timestamp: Timestamp,
    /// Its page at GitHub.
    pub url: String,
}

impl Commit {
    /// First line of the message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }

    /// The pull request the title ends with, as squash merges write it: `Title (#123)`.
    ///
    /// When several are named, the last counts: `Reland "Fix (#1)" (#2)` is 2.
    pub fn pr_number(&self) -> Option<PrNumber> {
        let open = self.title().rfind("(#")?;
        let digits = self.title()[open + 2..].split(')').next()?;
        digits.parse().ok().map(PrNumber)
    }
}

/// One push to a branch or tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Where.
    pub repo: RepoName,
    /// Full ref: `refs/heads/main`.
    pub git_ref: String,
    /// Old tip; all zeros for a new ref.
    pub before: Sha,
    /// New tip; all zeros when the ref was deleted.
    pub after: Sha,
    /// Whether history was rewritten.
    pub forced: bool,
    /// New commits, oldest first (GitHub names at most 2,048).
    pub commits: Vec<Commit>,
    /// The new tip; absent for a deletion.
    pub head_commit: Option<Commit>,
    /// Who pushed.
    pub pusher: String,
    /// When GitHub took the push, to the second; the time of receipt where GitHub does not say.
    pub pushed_at: Timestamp,
}

impl Push {
    /// The branch, when the ref is one.
    pub fn branch(&self) -> Option<BranchName> {
        self.git_ref.strip_prefix("refs/heads/")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pull_request_of_the_title_counts() {
        let commit = |message: &str| Commit {
            sha: "b".repeat(40).parse().unwrap(),
            message: message.into(),
            author_name: String::new(),
            author_email: String::new(),
            author_login: None,
            timestamp: Timestamp::UNIX_EPOCH,
            url: String::new(),
        };
        assert_eq!(commit("Reland \"Fix (#1)\" (#22)\n\nbody (#3)").pr_number(), Some(PrNumber(22)));
        assert_eq!(commit("No number").pr_number(), None);
        assert_eq!(commit("Odd (#x)").pr_number(), None);
    }
}
