//! Self-hosted runners of a repository, organisation or enterprise.

use super::{Client, Error, Scope, pages::PER_PAGE, request::REGISTRATION_BUCKET};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use trunkline_model::{Label, RunnerId, RunnerName};

/// A registration as GitHub lists it. It has no times and no job: keep those in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRunner {
    /// GitHub's id.
    pub id: RunnerId,
    /// Name; unique within its scope while it exists.
    pub name: String,
    /// Operating system, as the runner reported it; `unknown` before it ever connected.
    pub os: String,
    /// Connected.
    pub online: bool,
    /// Has a job.
    pub busy: bool,
    /// Labels as given; they compare without regard to case.
    pub labels: Vec<String>,
    /// Runner group.
    pub group_id: Option<u64>,
    /// Whether it takes one job only; absent where GitHub does not say.
    pub ephemeral: Option<bool>,
}

/// A registration that was just made.
#[derive(Debug, Clone)]
pub struct JitConfig {
    /// The registration; listed as offline until the runner connects.
    pub runner: RemoteRunner,
    /// What the runner starts with: base64, single use.
    pub encoded: SecretString,
}

/// What a removal found. Both leave the registration gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It was there.
    Removed,
    /// It was gone already: a finished single-use runner removes itself.
    Absent,
}

#[derive(Deserialize)]
struct RawRunner {
    id: u64,
    name: String,
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    busy: bool,
    #[serde(default)]
    labels: Vec<RawLabel>,
    #[serde(default)]
    runner_group_id: Option<u64>,
    #[serde(default)]
    ephemeral: Option<bool>,
}

#[derive(Deserialize)]
struct RawLabel {
    name: String,
}

#[derive(Deserialize)]
struct RunnerPage {
    runners: Vec<RawRunner>,
}

#[derive(Deserialize)]
struct RawJitConfig {
    runner: RawRunner,
    encoded_jit_config: SecretString,
}

impl From<RawRunner> for RemoteRunner {
    fn from(raw: RawRunner) -> Self {
        Self {
            id: RunnerId(raw.id),
            name: raw.name,
            os: raw.os.unwrap_or_default(),
            online: raw.status.eq_ignore_ascii_case("online"),
            busy: raw.busy,
            labels: raw.labels.into_iter().map(|label| label.name).collect(),
            group_id: raw.runner_group_id,
            ephemeral: raw.ephemeral,
        }
    }
}

impl Client {
    /// All registrations of the scope, or those of exactly this name.
    ///
    /// Runners come and go while pages are read, so one can slip through: absence here is not proof. Ask
    /// [`Client::get_runner`] before acting on it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_runners(&self, scope: &Scope, name: Option<&str>) -> Result<Vec<RemoteRunner>, Error> {
        let request = self
            .scoped(Method::GET, scope, ["actions", "runners"])?
            .query("per_page", PER_PAGE)
            .maybe_query("name", name);
        let raw = self.pages(request, usize::MAX, |page: RunnerPage| page.runners).await?;
        Ok(raw.into_iter().map(RemoteRunner::from).collect())
    }

    /// One registration.
    ///
    /// # Errors
    /// [`Error::NotFound`] once it is removed; see [`Error`].
    pub async fn get_runner(&self, scope: &Scope, id: RunnerId) -> Result<RemoteRunner, Error> {
        let request = self.scoped(Method::GET, scope, ["actions", "runners", &id.to_string()])?;
        let raw: RawRunner = self.send(&request).await?.json(&request.call())?;
        Ok(raw.into())
    }

    /// Removes a registration by force. GitHub refuses while the runner has a job.
    ///
    /// # Errors
    /// [`Error::Busy`] while it has a job; see [`Error`].
    pub async fn delete_runner(&self, scope: &Scope, id: RunnerId) -> Result<Deleted, Error> {
        let request = self.scoped(Method::DELETE, scope, ["actions", "runners", &id.to_string()])?;
        match self.send(&request).await {
            Ok(_) => Ok(Deleted::Removed),
            Err(Error::NotFound { .. }) => Ok(Deleted::Absent),
            Err(Error::Invalid { call, status: Some(422), .. }) => Err(Error::Busy { call }),
            Err(error) => Err(error),
        }
    }

    /// Registers a runner for one job. It carries exactly these labels: `self-hosted` and the like only when asked.
    ///
    /// Never repeated here: after a [`Error::Transient`] the registration may exist, look it up by name.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::NotFound`] when the group does not exist, [`Error::Auth`]
    /// when it is not ours; see [`Error`].
    pub async fn generate_jit_config(
        &self,
        scope: &Scope,
        name: &RunnerName,
        group_id: u64,
        labels: &[Label],
    ) -> Result<JitConfig, Error> {
        let request = self
            .scoped(Method::POST, scope, ["actions", "runners", "generate-jitconfig"])?
            .bucket(REGISTRATION_BUCKET)
            .json(json!({
                "name": name,
                "runner_group_id": group_id,
                "labels": labels,
                "work_folder": "_work",
            }))?;
        if !(1..=100).contains(&labels.len()) {
            return Err(Error::invalid(&request.call(), "a runner needs 1 to 100 labels"));
        }
        let raw: RawJitConfig = self.send(&request).await?.json(&request.call())?;
        Ok(JitConfig { runner: raw.runner.into(), encoded: raw.encoded_jit_config })
    }
}
