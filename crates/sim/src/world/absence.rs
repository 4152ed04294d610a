//! Listeners that leave: when it is noticed, and what becomes of runner and job.

use super::{Due, Listener, Phase, Removal, RunnerId, World};
use trunkline_model::Conclusion;

impl World {
    /// The listener left: its runner counts as offline, or its job as lost, unless it comes back in time.
    pub(super) fn leave(&mut self, id: RunnerId) {
        self.withdraw(id);
        if let Some(runner) = self.runners.get_mut(&id) {
            runner.listener = Listener::Away;
        }
        self.watch_absence(id);
    }

    /// Sets the timer that fits the runner's absence.
    pub(super) fn watch_absence(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&id).filter(|runner| runner.listener == Listener::Away)
        else {
            return;
        };
        runner.absence += 1;
        let absence = runner.absence;
        let due = match runner.job {
            Some(_) => (self.now + self.config.lost_after, Due::Lost(id, absence)),
            None => (self.now + self.config.offline_after, Due::Offline(id, absence)),
        };
        self.timers.set(due.0, due.1);
        self.changed();
    }

    /// Nobody listens for an idle runner: it is offline, and forgotten after a day.
    pub(super) fn go_offline(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&id) else { return };
        runner.listener = Listener::Gone;
        let absence = runner.absence;
        self.timers.set(self.now + self.config.unused_runner, Due::Unused(id, absence));
        self.changed();
    }

    /// The runner vanished with its job: the job fails. One that it never began is queued again.
    pub(super) fn lose(&mut self, id: RunnerId) {
        let job = self.runners.get(&id).and_then(|runner| runner.job);
        if let Some(history) = self.histories.get_mut(&id) {
            history.vanished_busy = true;
        }
        self.remove_runner(id, Removal::Lost);
        let Some((job, phase, cancelled)) =
            job.and_then(|id| self.jobs.get(&id).map(|job| (id, job.phase, job.cancel_requested)))
        else {
            return;
        };
        match phase {
            Phase::Assigned(_) => self.give_up_on(job, id),
            _ if cancelled => self.end_job(job, Conclusion::Cancelled),
            _ => self.end_job(job, Conclusion::Failure),
        }
    }

    /// Ends a registration.
    pub(super) fn remove_runner(&mut self, id: RunnerId, why: Removal) {
        self.withdraw(id);
        if self.runners.remove(&id).is_none() {
            return;
        }
        self.changed();
        if let Some(history) = self.histories.get_mut(&id) {
            history.removed = Some((self.now, why));
        }
        while self.histories.len() > self.config.keep_runners {
            let Some(oldest) = self.histories.values().find(|h| h.removed.is_some()).map(|h| h.id) else {
                break;
            };
            self.histories.remove(&oldest);
        }
    }
}
