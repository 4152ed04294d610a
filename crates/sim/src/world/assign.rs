//! Which runner gets which job: any idle one of the scope whose labels contain all of the job's, oldest job first.

use super::{Due, Listener, Phase, RunnerId, Scope, World, repo};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use trunkline_model::{JobId, Label};

/// Jobs that look alike to runners: repository and labels, in lower case.
type Kind = (String, BTreeSet<String>);

/// Waiting jobs by kind, and idle runners. There are few kinds, so a match need not look at every job.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Kind, BTreeSet<(Timestamp, JobId)>>,
    /// Idle runners with a listener, longest idle first.
    pub(super) idle: BTreeSet<(Timestamp, RunnerId)>,
}

/// Labels as they are compared.
pub(super) fn keys(labels: &[Label]) -> BTreeSet<String> {
    labels.iter().map(Label::key).collect()
}

impl World {
    /// Puts a job in the queue and looks for a runner.
    pub(super) fn enqueue(&mut self, id: JobId) {
        let Some((kind, place)) = self.place(id) else { return };
        self.queue.waiting.entry(kind.clone()).or_default().insert(place);
        if self.outage {
            return;
        }
        let fits = |(_, id): &&(Timestamp, RunnerId)| self.may_take(*id, &kind);
        if let Some((_, runner)) = self.queue.idle.iter().find(fits).copied() {
            self.serve(runner);
        }
    }

    pub(super) fn dequeue(&mut self, id: JobId) {
        let Some((kind, place)) = self.place(id) else { return };
        if let Some(places) = self.queue.waiting.get_mut(&kind) {
            places.remove(&place);
            if places.is_empty() {
                self.queue.waiting.remove(&kind);
            }
        }
    }

    fn place(&self, id: JobId) -> Option<(Kind, (Timestamp, JobId))> {
        let job = &self.jobs.get(&id)?.job;
        Some(((repo::key(&job.repo), keys(&job.labels)), (job.created_at, id)))
    }

    fn may_take(&self, runner: RunnerId, (repo, labels): &Kind) -> bool {
        let Some(runner) = self.runners.get(&runner) else { return false };
        let in_scope = match &runner.scope {
            Scope::Repo(name) => repo::key(name) == *repo,
            Scope::Org(org) => repo.split_once('/').is_some_and(|(owner, _)| owner.eq_ignore_ascii_case(org)),
        };
        in_scope && labels.is_subset(&runner.keys)
    }

    /// Gives an idle runner the oldest job that it may take.
    pub(super) fn serve(&mut self, id: RunnerId) {
        if self.outage {
            return;
        }
        let waiting = self.queue.waiting.iter().filter(|(kind, _)| self.may_take(id, kind));
        let Some((_, job)) = waiting.filter_map(|(_, places)| places.first()).min().copied() else { return };
        self.dequeue(job);
        let Some(runner) = self.runners.get_mut(&id) else { return };
        self.queue.idle.remove(&(runner.idle_since, id));
        runner.job = Some(job);
        let driven = runner.listener == Listener::Driven;
        if let Some(job) = self.jobs.get_mut(&job) {
            job.phase = Phase::Assigned(id);
        }
        if driven {
            self.start_assigned(job, id);
        } else {
            self.timers.set(self.now + self.config.pickup, Due::Pickup(job, id));
        }
        self.changed();
    }

    /// A runner with a listener wants work.
    pub(super) fn idle(&mut self, id: RunnerId) {
        let now = self.now;
        let Some(runner) = self.runners.get_mut(&id) else { return };
        (runner.job, runner.idle_since) = (None, now);
        if matches!(runner.listener, Listener::Driven | Listener::Here(_)) {
            self.queue.idle.insert((now, id));
            self.serve(id);
        } else {
            self.watch_absence(id);
        }
    }

    /// Takes an idle runner out of the choice.
    pub(super) fn withdraw(&mut self, id: RunnerId) {
        if let Some(runner) = self.runners.get(&id) {
            self.queue.idle.remove(&(runner.idle_since, id));
        }
    }

    /// Serves every idle runner: after an outage.
    pub(super) fn assign_all(&mut self) {
        let idle: Vec<_> = self.queue.idle.iter().map(|(_, id)| *id).collect();
        for id in idle {
            self.serve(id);
        }
    }

    /// The listener did not pick its job up in time: the job is queued again, at its old place.
    pub(super) fn give_up_on(&mut self, job: JobId, runner: RunnerId) {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.phase = Phase::Queued;
        }
        if let Some(runner) = self.runners.get_mut(&runner) {
            runner.job = None;
        }
        self.changed();
        self.enqueue(job);
        self.idle(runner);
    }

    /// The runner's job ended before it began.
    pub(super) fn free(&mut self, id: RunnerId) {
        self.changed();
        if let Some(runner) = self.runners.get_mut(&id) {
            runner.job = None;
        }
        self.idle(id);
    }
}
