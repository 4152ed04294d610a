//! Where something belongs: repository, organisation or enterprise.

use std::fmt;
use trunkline_model::RepoName;

/// Where runners register; also whose installation an App uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One repository.
    Repo(RepoName),
    /// An organisation, by login.
    Org(String),
    /// An enterprise, by slug. GitHub takes no App here, only a token.
    Enterprise(String),
}

impl Scope {
    /// Leading path segments of the scope.
    pub(super) fn segments(&self) -> Vec<&str> {
        match self {
            Self::Repo(repo) => vec!["repos", repo.owner(), repo.name()],
            Self::Org(org) => vec!["orgs", org],
            Self::Enterprise(enterprise) => vec!["enterprises", enterprise],
        }
    }

    /// The account whose installation counts, to index by.
    pub(super) fn owner_key(&self) -> String {
        match self {
            Self::Repo(repo) => repo.owner().to_ascii_lowercase(),
            Self::Org(org) => org.to_ascii_lowercase(),
            Self::Enterprise(enterprise) => format!("enterprises/{}", enterprise.to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repo(repo) => repo.fmt(f),
            Self::Org(org) => f.write_str(org),
            Self::Enterprise(enterprise) => write!(f, "enterprise {enterprise}"),
        }
    }
}

impl From<&RepoName> for Scope {
    fn from(repo: &RepoName) -> Self {
        Self::Repo(repo.clone())
    }
}
