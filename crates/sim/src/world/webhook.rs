//! Webhooks as they leave GitHub, and its record of attempts.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use trunkline_model::RepoName;

/// One webhook that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `X-GitHub-Delivery`: a redelivery keeps it.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// `action` of the payload.
    pub action: Option<String>,
    /// Where it happened.
    pub repo: RepoName,
    /// When it happened.
    pub at: Timestamp,
    /// Whether somebody asked to send it again.
    pub redelivery: bool,
    /// The payload, JSON text.
    pub body: Bytes,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// HTTP status; 0 when there was no answer.
    pub status_code: u16,
    /// How long it took.
    pub duration: SignedDuration,
}

impl Attempted {
    /// GitHub's words for it.
    pub fn status(&self) -> &'static str {
        match self.status_code {
            0 => "failed to connect to host",
            200..300 => "OK",
            400 => "Invalid HTTP Response: 400",
            401 => "Invalid HTTP Response: 401",
            413 => "Invalid HTTP Response: 413",
            429 => "Invalid HTTP Response: 429",
            500 => "Invalid HTTP Response: 500",
            502 => "Invalid HTTP Response: 502",
            503 => "Invalid HTTP Response: 503",
            _ => "Invalid HTTP Response",
        }
    }
}

/// One attempt in GitHub's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Id of the attempt; grows with time.
    pub id: u64,
    /// When it was made.
    pub delivered_at: Timestamp,
    /// How it ended.
    pub result: Attempted,
    /// What was sent.
    pub webhook: Webhook,
}

/// GitHub's record of attempts, oldest first.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) attempts: VecDeque<Attempt>,
    keep: usize,
}

impl Record {
    pub(super) fn new(keep: usize) -> Self {
        Self { attempts: VecDeque::new(), keep: keep.max(1) }
    }

    pub(super) fn add(&mut self, attempt: Attempt) {
        self.attempts.push_back(attempt);
        while self.attempts.len() > self.keep {
            self.attempts.pop_front();
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<&Attempt> {
        let at = self.attempts.binary_search_by_key(&id, |attempt| attempt.id).ok()?;
        self.attempts.get(at)
    }
}
