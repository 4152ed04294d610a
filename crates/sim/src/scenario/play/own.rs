//! What the player keeps of the runs that its steps made, and small helpers of the steps.

use crate::scenario::{
    file::Chance,
    step::{Faults, JobSpec},
    system::SystemError,
    values::Length,
};
use crate::workload::Stage;
use std::{collections::BTreeMap, path::Path};
use trunkline_model::{Conclusion, JobId, RunId};

/// Larger bodies are not read from files: GitHub sends none above 25 MiB.
const MAX_BODY: u64 = 26 << 20;

/// A run made by steps; the workload looks after its own.
pub(super) struct OwnRun {
    pub(super) id: RunId,
    pub(super) jobs: Vec<OwnJob>,
    pub(super) finished: bool,
}

pub(super) struct OwnJob {
    pub(super) id: JobId,
    pub(super) name: String,
    pub(super) spec: JobSpec,
}

impl OwnRun {
    /// The newest job of each name: older ones belong to older attempts.
    fn newest(&self) -> BTreeMap<&str, &OwnJob> {
        self.jobs.iter().map(|job| (job.name.as_str(), job)).collect()
    }

    /// Ends the run when all its jobs have ended.
    pub(super) fn finish(&mut self, stage: &mut dyn Stage) {
        if self.finished {
            return;
        }
        let ends: Option<Vec<_>> = self.newest().values().map(|job| stage.conclusion(job.id)).collect();
        let Some(ends) = ends else { return };
        let has = |wanted: fn(&Conclusion) -> bool| ends.iter().any(wanted);
        let conclusion = if has(|c| c.is_failure()) {
            Conclusion::Failure
        } else if has(|c| *c == Conclusion::Cancelled) {
            Conclusion::Cancelled
        } else {
            Conclusion::Success
        };
        stage.finish_run(self.id, conclusion);
        self.finished = true;
    }

    /// Names and specifications of the jobs that "re-run failed jobs" starts again.
    pub(super) fn failed(&self, stage: &dyn Stage) -> Vec<(String, JobSpec)> {
        let failed = |job: &&OwnJob| {
            stage.conclusion(job.id).is_some_and(|c| c.is_failure() || c == Conclusion::Cancelled)
        };
        self.newest().into_values().filter(failed).map(|job| (job.name.clone(), job.spec.clone())).collect()
    }
}

/// Reads the body of a delivery.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SystemError> {
    use std::io::Read as _;
    let doing = || format!("read the delivery body `{}`", path.display());
    let file = std::fs::File::open(path).map_err(|error| SystemError::new(doing(), error))?;
    let mut body = Vec::new();
    file.take(MAX_BODY).read_to_end(&mut body).map_err(|error| SystemError::new(doing(), error))?;
    Ok(body)
}

/// The faults in words.
pub(super) fn describe(faults: &Faults) -> String {
    let percent = |chance: Chance, what: &str| {
        (chance.get() > 0.0).then(|| format!("{:.0} % of {what}", chance.get() * 100.0))
    };
    let words: Vec<_> = [
        percent(faults.drop, "webhooks lost"),
        percent(faults.duplicate, "webhooks doubled"),
        percent(faults.reorder, "webhooks out of order"),
        (faults.delay > Length::default()).then(|| format!("webhooks {} late", faults.delay)),
        percent(faults.server_errors, "requests answered 502"),
        faults.rate_limited.then(|| "requests over the rate limit".to_owned()),
        faults.outage.then(|| "GitHub down".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() { "the world is well".into() } else { format!("from now on: {}", words.join(", ")) }
}
