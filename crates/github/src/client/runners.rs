//! Runner registrations of a repository or an organisation.

use super::{As, Client, Error};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use trunkline_model::{Label, RepoName, RunnerId, RunnerName};

/// Where runners register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One repository.
    Repo(RepoName),
    /// An organisation.
    Org(String),
}

impl Scope {
    /// `repos/o/r` or `orgs/o`.
    pub fn path(&self) -> String {
        match self {
            Self::Repo(repo) => format!("repos/{repo}"),
            Self::Org(org) => format!("orgs/{org}"),
        }
    }
}

/// A registration as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RegisteredRunner {
    /// GitHub's id.
    pub id: RunnerId,
    /// Name.
    pub name: String,
    /// `online` or `offline`.
    pub status: String,
    /// Has a job.
    pub busy: bool,
}

/// A registration that was just made, for one job.
#[derive(Debug, Deserialize)]
pub struct JitConfig {
    /// The registration.
    pub runner: RegisteredRunner,
    /// What the runner starts with; single use.
    pub encoded_jit_config: SecretString,
}

#[derive(Deserialize)]
struct Listed {
    runners: Vec<RegisteredRunner>,
}

impl Client {
    /// All registrations of a scope. While runners come and go one may slip between two pages: absence here is a
    /// hint, only [`Client::runner`] proves it.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    pub async fn runners(&self, scope: &Scope) -> Result<Vec<RegisteredRunner>, Error> {
        let mut all = Vec::new();
        let mut next = Some(format!("{}/actions/runners?per_page=100", scope.path()));
        while let Some(path) = next {
            let (page, following): (Listed, _) = self.get_page(As::Installation, &path).await?;
            all.extend(page.runners);
            next = following;
        }
        Ok(all)
    }

    /// One registration; [`Error::NotFound`] proves that it is gone.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn runner(&self, scope: &Scope, id: RunnerId) -> Result<RegisteredRunner, Error> {
        self.get(&format!("{}/actions/runners/{id}", scope.path())).await
    }

    /// Registers a runner for one job with exactly these labels.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub async fn generate_jit_config(
        &self,
        scope: &Scope,
        name: &RunnerName,
        group: u64,
        labels: &[Label],
    ) -> Result<JitConfig, Error> {
        let body = serde_json::json!({"name": name, "runner_group_id": group, "labels": labels});
        self.post(&format!("{}/actions/runners/generate-jitconfig", scope.path()), &body).await
    }

    /// Removes a registration.
    ///
    /// # Errors
    /// [`Error::Busy`] while it has a job (GitHub's 422), [`Error::NotFound`] when it is gone already.
    pub async fn delete_runner(&self, scope: &Scope, id: RunnerId) -> Result<(), Error> {
        let path = format!("{}/actions/runners/{id}", scope.path());
        match self.send(As::Installation, Method::DELETE, &path, None).await {
            Ok(_) => Ok(()),
            Err(Error::Invalid(text)) if text.starts_with("422") => Err(Error::Busy),
            Err(error) => Err(error),
        }
    }
}
