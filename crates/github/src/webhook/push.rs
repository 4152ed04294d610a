//! `push`.

use super::parts::{Repository, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{Commit, Push, Sha};

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "ref")]
    git_ref: String,
    before: Sha,
    after: Sha,
    #[serde(default)]
    forced: bool,
    #[serde(default, deserialize_with = "nullable")]
    commits: Vec<RawCommit>,
    #[serde(default)]
    head_commit: Option<RawCommit>,
    #[serde(default)]
    pusher: Option<Person>,
    repository: Repository,
}

#[derive(Deserialize)]
struct RawCommit {
    id: Sha,
    #[serde(default)]
    message: String,
    timestamp: Timestamp,
    #[serde(default)]
    url: String,
    #[serde(default)]
    author: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    email: String,
    #[serde(default)]
    username: Option<String>,
}

impl From<RawCommit> for Commit {
    fn from(raw: RawCommit) -> Self {
        let author =
            raw.author.unwrap_or(Person { name: String::new(), email: String::new(), username: None });
        Self {
            sha: raw.id,
            message: raw.message,
            author_name: author.name,
            author_email: author.email,
            author_login: author.username,
            timestamp: raw.timestamp,
            url: raw.url,
        }
    }
}

pub(super) fn read(body: &[u8], received_at: Timestamp) -> Result<Push, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    Ok(Push {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        git_ref: payload.git_ref,
        before: payload.before,
        after: payload.after,
        forced: payload.forced,
        commits: payload.commits.into_iter().map(Commit::from).collect(),
        head_commit: payload.head_commit.map(Commit::from),
        pusher: payload.pusher.map_or_else(String::new, |person| person.name),
        pushed_at: received_at,
    })
}
