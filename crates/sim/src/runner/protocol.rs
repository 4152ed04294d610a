//! What runner and server say to each other, below `/_sim/runners/{id}`.

use serde::{Deserialize, Serialize};
use trunkline_model::{Conclusion, JobId};

/// Answer to `POST session`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Real seconds to wait for a job before giving up.
    pub idle_seconds: f64,
}

/// Answer to `GET job`: a job to pick up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOffer {
    /// The job.
    pub id: JobId,
}

/// Answer to `POST jobs/{id}/start`: the job is ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobMessage {
    /// The job.
    pub id: JobId,
    /// `workflow / job`.
    pub name: String,
    /// Real seconds that it takes.
    pub run_seconds: f64,
    /// How it is to end.
    pub conclusion: Conclusion,
}

/// Body of `POST jobs/{id}/steps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Lines for the log.
    pub log: String,
}

/// Body of `POST jobs/{id}/finish`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// How it ended.
    pub conclusion: Conclusion,
    /// Last lines for the log.
    #[serde(default)]
    pub log: String,
}
