//! What falls due later. Entries are never taken back; one that no longer fits the world is passed over.

use jiff::Timestamp;
use std::{cmp::Reverse, collections::BinaryHeap};
use trunkline_model::{JobId, RunnerId};

/// Something that happens at its time, should it still fit then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// One of GitHub's own runners takes the job.
    HostedStart(JobId),
    /// A job that the world itself works off ends.
    JobEnds(JobId),
    /// The assigned job should have been picked up.
    Pickup(JobId, RunnerId),
    /// The job was queued for too long.
    QueueLimit(JobId),
    /// The listener was away for too long while the runner had a job. The number is the listener's absence.
    Lost(RunnerId, u64),
    /// The listener was away for too long while the runner was idle.
    Offline(RunnerId, u64),
    /// The registration was not used.
    Unused(RunnerId, u64),
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    /// Keeps entries of one moment in the order they were set.
    serial: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: Timestamp, due: Due) {
        self.serial += 1;
        self.heap.push(Reverse((at, self.serial, due)));
    }

    pub(super) fn peek(&self) -> Option<(Timestamp, Due)> {
        self.heap.peek().map(|Reverse((at, _, due))| (*at, *due))
    }

    pub(super) fn pop(&mut self) {
        self.heap.pop();
    }
}
