//! What observations do to ledger entries. Pure; three-valued: what was not answered stays unknown.

use crate::{
    forge::Registered,
    ledger::{Entry, MachineState, Registration},
    provider::Machine,
};
use jiff::{SignedDuration, Timestamp};
use trunkline_model::{Job, JobStatus, RunnerState};

/// A job says which runner has it: moves the runner to busy or finished. True when the entry changed.
pub fn job_seen(entry: &mut Entry, job: &Job, at: Timestamp) -> bool {
    let by_name = job.runner_name.as_deref() == Some(entry.runner.name.as_str());
    if !by_name {
        return false;
    }
    let fresh_job = entry.runner.job != Some(job.id);
    match job.status {
        JobStatus::InProgress => {
            entry.runner.job = Some(job.id);
            entry.registration = Registration::Busy;
            let reason = format!("runs job {} of {}", job.id, job.repo);
            entry.runner.advance(RunnerState::Busy, job.started_at.unwrap_or(at), reason) || fresh_job
        }
        JobStatus::Completed => {
            entry.runner.job = Some(job.id);
            entry.registration = Registration::Unknown;
            let reason = format!("job {} of {} ended", job.id, job.repo);
            entry.runner.advance(RunnerState::Finished, job.completed_at.unwrap_or(at), reason) || fresh_job
        }
        JobStatus::Queued | JobStatus::Waiting => false,
    }
}

/// What one look at both sides brought.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The runner's registration.
    pub registration: Answer<&'a Registered>,
    /// Its machine.
    pub machine: Answer<&'a Machine>,
    /// When.
    pub at: Timestamp,
    /// Younger runners are not declared gone before they were online: their launch may be under way.
    pub launch_grace: SignedDuration,
}

/// Yes, no, or nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<T> {
    /// There, like this.
    Present(T),
    /// Confirmed not there.
    Absent,
    /// No answer.
    Unknown,
}

/// Takes a look at one runner. True when the entry changed in more than the time of the look.
pub fn looked(entry: &mut Entry, look: Look<'_>) -> bool {
    let before = (entry.runner.clone(), entry.registration, entry.machine);
    entry.machine = match look.machine {
        Answer::Present(machine) => {
            entry.runner.machine_id.get_or_insert_with(|| machine.id.clone());
            MachineState::Present
        }
        Answer::Absent => MachineState::Absent,
        Answer::Unknown => MachineState::Unknown,
    };
    entry.registration = match look.registration {
        Answer::Present(runner) if runner.busy => Registration::Busy,
        Answer::Present(runner) if runner.online => Registration::Idle,
        Answer::Present(_) => Registration::Offline,
        Answer::Absent => Registration::Absent,
        Answer::Unknown => Registration::Unknown,
    };
    if let Answer::Present(runner) = look.registration {
        entry.runner.runner_id.get_or_insert(runner.id);
    }
    if entry.registration != Registration::Unknown {
        entry.seen_at = Some(look.at);
    }
    advance(entry, look.at, look.launch_grace);
    before != (entry.runner.clone(), entry.registration, entry.machine)
}

fn advance(entry: &mut Entry, at: Timestamp, launch_grace: SignedDuration) {
    let young = at.duration_since(entry.runner.planned_at) < launch_grace;
    match (entry.registration, entry.machine) {
        (Registration::Busy, _) => {
            entry.runner.advance(RunnerState::Busy, at, "GitHub says it has a job");
        }
        (Registration::Idle, _) => {
            entry.runner.advance(RunnerState::Idle, at, "online, waits for a job");
        }
        (Registration::Absent, MachineState::Absent)
            if !(young && entry.runner.state < RunnerState::Idle) =>
        {
            entry.runner.advance(RunnerState::Gone, at, "registration and machine are gone");
        }
        (Registration::Absent, MachineState::Present)
            if entry.runner.runner_id.is_some() && entry.runner.state == RunnerState::Busy =>
        {
            // A single-use registration ends with its job.
            entry.runner.advance(RunnerState::Finished, at, "GitHub removed its registration");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
