//! What the program's loops did last: one status line each, for `/api/v1/loops` and the status page.

use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use trunkline_model::SharedClock;
use utoipa::ToSchema;

/// One turn of a loop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoopRun {
    /// How long it took, on the machine's clock.
    pub duration: Duration,
    /// What it found to do.
    pub decided: u64,
    /// What it did.
    pub done: u64,
    /// What it could or would not do.
    pub refused: u64,
    /// Why it did or did not: one sentence.
    pub why: String,
}

/// A loop's status line.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LoopStatus {
    /// Its name.
    pub name: String,
    /// When its last turn ended.
    #[schema(value_type = String, format = DateTime)]
    pub last_run: Timestamp,
    /// How long that took.
    pub duration_seconds: f64,
    /// What it found to do.
    pub decided: u64,
    /// What it did.
    pub done: u64,
    /// What it could or would not do.
    pub refused: u64,
    /// Why it did or did not.
    pub why: String,
    /// Turns since the start.
    pub runs: u64,
}

/// The status lines. Clones share them.
#[derive(Debug, Clone)]
pub struct Loops {
    clock: SharedClock,
    lines: Arc<Mutex<BTreeMap<String, LoopStatus>>>,
}

impl Loops {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, lines: Arc::default() }
    }

    /// Replaces a loop's status line.
    pub fn report(&self, name: &str, run: LoopRun) {
        let last_run = self.clock.now();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = lines.get(name).map_or(0, |line| line.runs) + 1;
        let line = LoopStatus {
            name: name.to_owned(),
            last_run,
            duration_seconds: run.duration.as_secs_f64(),
            decided: run.decided,
            done: run.done,
            refused: run.refused,
            why: run.why,
            runs,
        };
        lines.insert(line.name.clone(), line);
    }

    /// All lines, by name.
    pub fn all(&self) -> Vec<LoopStatus> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_model::ManualClock;

    #[test]
    fn a_line_shows_the_last_turn_and_counts_all() {
        let loops = Loops::new(Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
        loops.report(
            "fleet.plan",
            LoopRun { decided: 3, done: 2, refused: 1, why: "cap reached".into(), ..LoopRun::default() },
        );
        loops.report(
            "fleet.plan",
            LoopRun {
                duration: Duration::from_millis(1500),
                why: "nothing to do".into(),
                ..LoopRun::default()
            },
        );
        loops.report("another", LoopRun::default());
        let lines = loops.all();
        assert_eq!(
            lines.iter().map(|line| (line.name.as_str(), line.runs)).collect::<Vec<_>>(),
            [("another", 1), ("fleet.plan", 2)]
        );
        assert_eq!(
            (lines[1].decided, lines[1].duration_seconds, lines[1].why.as_str()),
            (0, 1.5, "nothing to do")
        );
    }
}
