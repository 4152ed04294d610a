//! Which repositories there are: read from the warehouse once, then told by the projector.

use crate::{app::Parts, error::ApiError};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use trunkline_model::RepoName;

/// An unknown name is looked up in the warehouse at most so often.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The repositories in memory.
#[derive(Debug, Default)]
pub(crate) struct Directory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By name in lower case: GitHub does not tell them apart by case.
    known: BTreeMap<String, RepoName>,
    read_at: Option<Instant>,
}

impl Directory {
    /// Something of this repository is in the warehouse.
    pub(crate) fn saw(&self, repo: &RepoName) {
        let mut state = self.state();
        let key = repo.as_str().to_ascii_lowercase();
        state.known.entry(key).or_insert_with(|| repo.clone());
    }

    /// All repositories, by name.
    pub(crate) async fn all(&self, parts: &Parts) -> Result<Vec<RepoName>, ApiError> {
        if self.state().read_at.is_none() {
            self.read(parts).await?;
        }
        Ok(self.state().known.values().cloned().collect())
    }

    /// The repository as it is written, or an answer that names those that exist.
    pub(crate) async fn find(&self, parts: &Parts, owner: &str, name: &str) -> Result<RepoName, ApiError> {
        let asked = format!("{owner}/{name}");
        let key = asked.to_ascii_lowercase();
        if let Some(repo) = self.state().known.get(&key) {
            return Ok(repo.clone());
        }
        if self.state().read_at.is_none_or(|at| at.elapsed() > LOOK_AGAIN) {
            self.read(parts).await?;
        }
        let state = self.state();
        state.known.get(&key).cloned().ok_or_else(|| {
            let names: Vec<&str> = state.known.values().take(50).map(RepoName::as_str).collect();
            let hint = match names.as_slice() {
                [] => "nothing was received yet: add a webhook to the repository, or start `trunkline demo`"
                    .into(),
                names => format!("known: {}", names.join(", ")),
            };
            let shown: String = asked.chars().take(100).flat_map(char::escape_debug).collect();
            ApiError::not_found("no_such_repository", format!("nothing is known of `{shown}`")).hint(hint)
        })
    }

    async fn read(&self, parts: &Parts) -> Result<(), ApiError> {
        let repos = parts.warehouse.repos().await?;
        repos.iter().for_each(|repo| self.saw(repo));
        self.state().read_at = Some(Instant::now());
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
