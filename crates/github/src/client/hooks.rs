//! GitHub's own record of deliveries: where missed webhooks are found.

use super::{As, Client, Error};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::RepoName;

/// Whose deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookScope {
    /// The App's; asks as the App itself.
    App,
    /// A webhook of a repository.
    Repo(RepoName, u64),
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeliverySummary {
    /// Id of the attempt.
    pub id: u64,
    /// Id of the delivery; attempts share it.
    pub guid: String,
    /// When it was tried.
    pub delivered_at: Timestamp,
    /// The event's name.
    pub event: String,
}

#[derive(Deserialize)]
struct Detail {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    payload: Box<serde_json::value::RawValue>,
}

impl HookScope {
    fn path(&self) -> String {
        match self {
            Self::App => "app/hook/deliveries".into(),
            Self::Repo(repo, hook) => format!("repos/{repo}/hooks/{hook}/deliveries"),
        }
    }

    fn who(&self) -> As {
        match self {
            Self::App => As::App,
            Self::Repo(..) => As::Installation,
        }
    }
}

impl Client {
    /// Attempts since a time, newest first; at most `limit`. GitHub keeps three days.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn deliveries(
        &self,
        scope: &HookScope,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliverySummary>, Error> {
        let mut all: Vec<DeliverySummary> = Vec::new();
        let mut next = Some(format!("{}?per_page=100", scope.path()));
        while let Some(path) = next.filter(|_| all.len() < limit) {
            let (page, following): (Vec<DeliverySummary>, _) = self.get_page(scope.who(), &path).await?;
            let reached = page.iter().any(|delivery| delivery.delivered_at < since);
            all.extend(page.into_iter().filter(|delivery| delivery.delivered_at >= since));
            next = following.filter(|_| !reached);
        }
        all.truncate(limit);
        Ok(all)
    }

    /// The payload of one attempt, as JSON text.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn delivery_payload(&self, scope: &HookScope, id: u64) -> Result<String, Error> {
        let path = format!("{}/{id}", scope.path());
        let (detail, _): (Detail, _) = self.get_page(scope.who(), &path).await?;
        Ok(detail.request.payload.get().to_owned())
    }
}
