//! `pull_request_review`.

use super::parts::{Repository, User, login, nullable, unfit};
use jiff::Timestamp;
use serde::Deserialize;
use trunkline_model::{PrNumber, Review, ReviewState};

#[derive(Deserialize)]
struct Payload {
    review: Raw,
    pull_request: Numbered,
    repository: Repository,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Deserialize)]
struct Raw {
    id: u64,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    author_association: String,
    state: String,
    #[serde(default)]
    commit_id: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    body: String,
    #[serde(default)]
    submitted_at: Option<Timestamp>,
    #[serde(default)]
    html_url: String,
}

pub(super) fn read(body: &[u8], received_at: Timestamp) -> Result<Review, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(body)?;
    let review = payload.review;
    // Webhooks write the state in lower case, REST in upper case.
    let state = match review.state.to_ascii_lowercase().as_str() {
        "approved" => ReviewState::Approved,
        "changes_requested" => ReviewState::ChangesRequested,
        "commented" => ReviewState::Commented,
        "dismissed" => ReviewState::Dismissed,
        _ => ReviewState::Pending,
    };
    Ok(Review {
        repo: payload.repository.full_name.parse().map_err(unfit)?,
        id: review.id,
        number: PrNumber(payload.pull_request.number),
        author: login(review.user),
        author_association: review.author_association,
        state,
        commit_id: review.commit_id,
        body: review.body,
        submitted_at: review.submitted_at.unwrap_or(received_at),
        html_url: review.html_url,
    })
}
