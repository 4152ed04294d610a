//! `push`.

use super::parts::{nullable, unfit};
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
struct Repository {
    #[serde(default)]
    full_name: String,
    /// In this event seconds since 1970, elsewhere a text.
    #[serde(default)]
    pushed_at: serde_json::Value,
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

/// When GitHub took the push, to the second. A delivery may come late, twice or out of order, and a fetched or replayed one
/// days later; only without GitHub's word does the time of receipt have to do.
fn pushed_at(said: &serde_json::Value, received_at: Timestamp) -> Timestamp {
    let seconds = said.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = seconds.or_else(|| said.as_str()?.parse().ok());
    // A clock that is ahead of ours must not put a commit above everything to come.
    time.map_or(received_at, |time| time.min(received_at))
}

pub(super) fn read(body: &[u8], received_at: Timestamp) -> Result<Push, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let pushed_at = pushed_at(&payload.repository.pushed_at, received_at);
    Ok(Push {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        git_ref: payload.git_ref,
        before: payload.before,
        after: payload.after,
        forced: payload.forced,
        commits: payload.commits.into_iter().map(Commit::from).collect(),
        head_commit: payload.head_commit.map(Commit::from),
        pusher: payload.pusher.map_or_else(String::new, |person| person.name),
        pushed_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_push_has_github_s_time_however_late_it_comes() {
        let received_at = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |said: Value| {
            let sha = "a".repeat(40);
            let mut body = json!({"ref": "refs/heads/main", "before": sha, "after": sha,
                "repository": {"full_name": "o/r", "pushed_at": said}});
            if said.is_null() {
                body["repository"] = json!({"full_name": "o/r"});
            }
            read(body.to_string().as_bytes(), received_at).unwrap().pushed_at
        };
        let pushed = Timestamp::from_second(1_799_990_000).unwrap();
        assert_eq!(at(json!(1_799_990_000)), pushed);
        assert_eq!(at(json!(pushed.to_string())), pushed);
        for unusable in [Value::Null, json!("soon"), json!(i64::MAX), json!({}), json!(1_800_000_100)] {
            assert_eq!(at(unusable.clone()), received_at, "{unusable}");
        }
    }
}
