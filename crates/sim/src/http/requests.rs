//! The requests that were made, for assertions.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One request to the API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// When it came.
    pub at: Timestamp,
    /// Method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// Body; `null` when there was none or it is not JSON.
    pub body: Value,
    /// Status of the answer.
    pub status: u16,
}

/// The newest requests, oldest first. Clones share them.
#[derive(Debug, Clone)]
pub struct RequestLog {
    requests: Arc<Mutex<VecDeque<Request>>>,
    keep: usize,
}

impl RequestLog {
    pub(super) fn new(keep: usize) -> Self {
        Self { requests: Arc::default(), keep }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, request: Request) {
        let mut requests = self.lock();
        requests.push_back(request);
        while requests.len() > self.keep {
            requests.pop_front();
        }
    }

    /// All that are remembered.
    pub fn all(&self) -> Vec<Request> {
        self.lock().iter().cloned().collect()
    }

    /// How many there were of a method and path.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.lock().iter().filter(|request| request.method == method && request.path == path).count()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.lock().clear();
    }
}
