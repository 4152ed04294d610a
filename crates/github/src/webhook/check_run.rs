//! `check_run`.

use super::parts::{Repository, nullable, unfit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trunkline_model::{Conclusion, RepoName, Sha};

/// The state of a check of a commit: GitHub makes one per job, other apps make their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRun {
    /// Where.
    pub repo: RepoName,
    /// GitHub's id; with `repo` the identity.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Commit under test.
    pub head_sha: Sha,
    /// GitHub's word for where it stands.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// Slug of the app that made it.
    pub app: String,
    /// The app's own id for it.
    pub external_id: String,
    /// Title of its output.
    pub title: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Its page at GitHub.
    pub html_url: String,
}

#[derive(Deserialize)]
struct Payload {
    check_run: Raw,
    repository: Repository,
}

#[derive(Deserialize)]
struct Raw {
    id: u64,
    name: String,
    head_sha: Sha,
    status: String,
    #[serde(default)]
    conclusion: Option<Conclusion>,
    #[serde(default)]
    app: Option<App>,
    #[serde(default, deserialize_with = "nullable")]
    external_id: String,
    #[serde(default)]
    output: Option<Output>,
    #[serde(default)]
    started_at: Option<Timestamp>,
    #[serde(default)]
    completed_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "nullable")]
    html_url: String,
}

#[derive(Deserialize)]
struct App {
    #[serde(default, deserialize_with = "nullable")]
    slug: String,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    title: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Result<CheckRun, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let raw = payload.check_run;
    Ok(CheckRun {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        id: raw.id,
        name: raw.name,
        head_sha: raw.head_sha,
        status: raw.status,
        conclusion: raw.conclusion,
        app: raw.app.map_or_else(String::new, |app| app.slug),
        external_id: raw.external_id,
        title: raw.output.and_then(|output| output.title),
        started_at: raw.started_at,
        completed_at: raw.completed_at,
        html_url: raw.html_url,
    })
}
