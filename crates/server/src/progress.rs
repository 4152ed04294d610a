//! How far the projector is behind the log.

use jiff::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How far the projector is behind the log.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// Cursor, once a step has read it.
    cursor: Option<i64>,
    /// When the oldest event still to be projected was received.
    pending_since: Option<Timestamp>,
    /// The newest event looked up, and when it was received.
    newest: Option<(i64, Timestamp)>,
}

/// The figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lag {
    /// Events not yet in the warehouse.
    pub(crate) events: i64,
    /// Age of the oldest of them.
    pub(crate) seconds: f64,
}

impl Progress {
    /// A step has read events, the oldest received at this time.
    pub(crate) fn pending(&self, since: Timestamp) {
        self.state().pending_since = Some(since);
    }

    /// A step has ended with the cursor here, and with everything projected or not.
    pub(crate) fn reached(&self, cursor: i64, caught_up: bool) {
        let mut state = self.state();
        state.cursor = Some(cursor);
        if caught_up {
            state.pending_since = None;
        }
    }

    /// The figures; nothing while no projector has run in this process.
    pub(crate) fn lag(&self, last_seq: i64, now: Timestamp) -> Option<Lag> {
        let state = *self.state();
        let events = (last_seq - state.cursor?).max(0);
        let age = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
        let seconds = if events == 0 { 0.0 } else { state.pending_since.map_or(0.0, age) };
        Some(Lag { events, seconds })
    }

    pub(crate) fn newest(&self) -> Option<(i64, Timestamp)> {
        self.state().newest
    }

    pub(crate) fn set_newest(&self, seq: i64, received_at: Timestamp) {
        let mut state = self.state();
        if state.newest.is_none_or(|(known, _)| known < seq) {
            state.newest = Some((seq, received_at));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_oldest_event_that_waits() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let progress = Progress::default();
        assert_eq!(progress.lag(10, at(100)), None);
        progress.pending(at(40));
        progress.reached(5, false);
        assert_eq!(progress.lag(10, at(100)), Some(Lag { events: 5, seconds: 60.0 }));
        progress.reached(10, true);
        assert_eq!(progress.lag(10, at(100)), Some(Lag { events: 0, seconds: 0.0 }));
    }
}
