//! The program on a simulated machine: takes one JIT configuration, works one job off, ends.
//!
//! Small on purpose, as the demo starts several each second: one thread, plain HTTP, no certificates. "Work" is
//! sleeping for the job's duration, scaled by the server.

pub mod protocol;

use crate::{
    jit::{InvalidJit, Jit},
    wire::{Wire, WireError},
};
use bytes::Bytes;
use http::{Method, StatusCode};
use protocol::{Finish, JobMessage, JobOffer, Report, Session};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::Instant;
use trunkline_model::{Conclusion, JobId};

/// Length of one long poll.
const POLL: Duration = Duration::from_secs(25);
/// Longest pause before a request is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the server may be away before the runner gives up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// How a runner ended; all of these are exit status 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did its job.
    JobDone(JobId, Conclusion),
    /// No job came in time.
    Idle,
    /// The registration is gone.
    Removed,
}

/// The runner could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// What it was started with is no JIT configuration.
    #[error("read the JIT configuration")]
    Jit(#[from] InvalidJit),
    /// The runtime did not start.
    #[error("start the runtime")]
    Runtime(#[from] std::io::Error),
    /// The server was away for too long.
    #[error("the server did not answer: {0}")]
    Away(String),
    /// The server says no.
    #[error("the server refused {doing}: {status}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Its status.
        status: StatusCode,
    },
    /// The answer does not make sense.
    #[error("read the server's answer")]
    Answer(#[from] serde_json::Error),
}

/// Runs on a thread of its own runtime, the smallest there is. For programs that do nothing else.
///
/// # Errors
/// See [`run`].
pub fn main(jit_config: &str) -> Result<Ended, RunnerError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(run(jit_config))
}

/// Registers, waits for one job, works it off, reports, ends.
///
/// # Errors
/// When the configuration is unreadable or refused, or the server is away for two minutes.
pub async fn run(jit_config: &str) -> Result<Ended, RunnerError> {
    let jit = Jit::decode(jit_config)?;
    let link = Link {
        base: format!("{}/_sim/runners/{}", jit.server.trim_end_matches('/'), jit.runner),
        credentials: format!("Bearer {}", jit.secret),
        wire: Wire::new(),
    };
    let session: Session = match link.post("/session", &(), "the session").await? {
        Reply::Ok(body) => serde_json::from_slice(&body)?,
        Reply::Gone => return Ok(Ended::Removed),
        Reply::No(status) => return Err(RunnerError::Refused { doing: "the session", status }),
    };
    tracing::info!(name = %jit.name, "listening for jobs");
    let limit = Duration::try_from_secs_f64(session.idle_seconds).unwrap_or(Duration::MAX);
    let idle_since = Instant::now();
    loop {
        let left = limit.saturating_sub(idle_since.elapsed());
        let Some(offer) = link.poll::<JobOffer>("/job", left.min(POLL)).await? else {
            return Ok(Ended::Removed);
        };
        match offer {
            Some(offer) => {
                if let Some(ended) = work(&link, offer.id).await? {
                    return Ok(ended);
                }
                // The race for the job was lost: listen on.
            }
            None if idle_since.elapsed() >= limit => return Ok(Ended::Idle),
            None => {}
        }
    }
}

/// Picks a job up and works it off; `None` when it went to another.
async fn work(link: &Link, id: JobId) -> Result<Option<Ended>, RunnerError> {
    let job: JobMessage = match link.post(&format!("/jobs/{id}/start"), &(), "the job").await? {
        Reply::Ok(body) => serde_json::from_slice(&body)?,
        Reply::Gone => return Ok(Some(Ended::Removed)),
        Reply::No(StatusCode::CONFLICT) => return Ok(None),
        Reply::No(status) => return Err(RunnerError::Refused { doing: "the job", status }),
    };
    tracing::info!(job = %job.id, name = job.name, "running");
    let duration = Duration::try_from_secs_f64(job.run_seconds).unwrap_or_default();
    let log = Report { log: format!("Running {}\n", job.name) };
    if duration >= Duration::from_secs(1) {
        // A report is worth a request only where somebody has time to see it; a lost one is no loss.
        let _ = link.post(&format!("/jobs/{id}/steps"), &log, "a report").await?;
    }
    let until = Instant::now() + duration;
    let conclusion = tokio::select! {
        () = tokio::time::sleep_until(until) => job.conclusion,
        stop = stopped(link, id) => match stop? {
            Stop::Cancelled => Conclusion::Cancelled,
            Stop::Gone => return Ok(Some(Ended::Removed)),
        },
    };
    let finish = Finish { conclusion, log: format!("Job ended: {}\n", conclusion.as_str()) };
    match link.post(&format!("/jobs/{id}/finish"), &finish, "the end of the job").await? {
        Reply::Ok(_) => Ok(Some(Ended::JobDone(id, conclusion))),
        // It ended without us, such as after a long absence.
        Reply::Gone | Reply::No(StatusCode::CONFLICT) => Ok(Some(Ended::Removed)),
        Reply::No(status) => Err(RunnerError::Refused { doing: "the end of the job", status }),
    }
}

/// Why to stop before the work is done.
enum Stop {
    Cancelled,
    Gone,
}

/// Waits until the job is to stop; keeps a connection open meanwhile, so that the server knows we are here.
async fn stopped(link: &Link, id: JobId) -> Result<Stop, RunnerError> {
    loop {
        match link.poll::<serde_json::Value>(&format!("/jobs/{id}/cancelled"), POLL).await? {
            None => return Ok(Stop::Gone),
            Some(Some(_)) => return Ok(Stop::Cancelled),
            Some(None) => {}
        }
    }
}

/// An answer that is worth reading.
enum Reply {
    Ok(Bytes),
    /// 404: the registration is gone.
    Gone,
    No(StatusCode),
}

struct Link {
    base: String,
    credentials: String,
    wire: Wire,
}

impl Link {
    async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        doing: &'static str,
    ) -> Result<Reply, RunnerError> {
        let body = Bytes::from(serde_json::to_vec(body)?);
        self.send(Method::POST, path, body, Duration::from_secs(30), doing).await
    }

    /// A long poll: `None` when the registration is gone, `Some(None)` when nothing came.
    async fn poll<T: DeserializeOwned>(
        &self,
        path: &str,
        wait: Duration,
    ) -> Result<Option<Option<T>>, RunnerError> {
        // Whole seconds, so that the last bit of a wait does not become many short polls.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let limit = Duration::from_secs(seconds + 15);
        let path = format!("{path}?wait={seconds}");
        match self.send(Method::GET, &path, Bytes::new(), limit, "a poll").await? {
            Reply::Ok(body) if body.is_empty() => Ok(Some(None)),
            Reply::Ok(body) => Ok(Some(Some(serde_json::from_slice(&body)?))),
            Reply::Gone | Reply::No(StatusCode::CONFLICT) => Ok(None),
            Reply::No(status) => Err(RunnerError::Refused { doing: "a poll", status }),
        }
    }

    /// Sends until there is an answer, with growing pauses. All our requests may be repeated: a repeated start or
    /// finish is answered 409.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        limit: Duration,
        doing: &'static str,
    ) -> Result<Reply, RunnerError> {
        let url = format!("{}{path}", self.base);
        let headers = [("authorization", self.credentials.as_str())];
        let (since, mut pause) = (Instant::now(), Duration::from_millis(100));
        loop {
            let sent = self.wire.send(method.clone(), &url, &headers, body.clone(), limit).await;
            let trouble = match sent {
                Ok((StatusCode::NOT_FOUND, _)) => return Ok(Reply::Gone),
                Ok((status, body)) if status.is_success() => return Ok(Reply::Ok(body)),
                Ok((status, _)) if status.is_client_error() => return Ok(Reply::No(status)),
                Ok((status, _)) => status.to_string(),
                Err(WireError::Request(error)) => return Err(RunnerError::Away(error.to_string())),
                Err(error) => error.to_string(),
            };
            if since.elapsed() >= GIVE_UP_AFTER {
                return Err(RunnerError::Away(format!("{doing}: {trouble}")));
            }
            tracing::debug!(trouble, doing, "the server does not answer; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
