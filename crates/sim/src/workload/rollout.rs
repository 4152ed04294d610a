//! The jobs of one commit: which wait for which, which are ready, which ended.

use super::{
    catalogue::{Catalogue, fnv},
    config::WorkloadConfig,
    outcome::Work,
    stage::{NewJob, NewRun, Stage},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use trunkline_model::{BranchName, Conclusion, JobId, PrNumber, Rng, RunId, Sha};

/// No run has more attempts.
const MAX_ATTEMPTS: u32 = 3;
/// Between the end of a build and its tests' wish for a runner: GitHub evaluates the workflow.
const THINKING: SignedDuration = SignedDuration::from_secs(4);

/// All runs of one commit under test.
#[derive(Debug)]
pub(super) struct Rollout {
    pub(super) pull: Option<PrNumber>,
    pub(super) runs: Vec<RunState>,
    /// Breakage seed of each job (by position in the catalogue) that the commit breaks.
    broken: BTreeMap<usize, u64>,
    seed: u64,
}

/// One workflow run and its jobs.
#[derive(Debug)]
pub(super) struct RunState {
    pub(super) id: RunId,
    slots: Vec<Slot>,
    attempt: u32,
    /// Set when all jobs ended and somebody will re-run the failed ones.
    rerun_at: Option<Timestamp>,
    /// A newer push made it pointless: it ends cancelled, once its runners have stopped.
    superseded: bool,
    pub(super) done: bool,
}

#[derive(Debug)]
struct Slot {
    template: usize,
    needs: Option<usize>,
    state: State,
    /// Failed for a reason that another try may not meet.
    by_chance: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Blocked,
    Ready(Timestamp),
    Queued(JobId),
    Ended(Conclusion),
}

/// What all steps of a rollout read.
pub(super) struct Rules<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) config: &'a WorkloadConfig,
}

/// Where a ready self-hosted job is, for the pacing of the generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ready {
    pub(super) at: Timestamp,
    pub(super) rollout: usize,
    pub(super) run: usize,
    pub(super) slot: usize,
}

/// What a rollout did in a step.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Did {
    pub(super) skipped: u64,
    pub(super) reruns: u64,
}

/// The commit that a rollout tests.
pub(super) struct Subject {
    pub(super) branch: BranchName,
    pub(super) sha: Sha,
    pub(super) pull: Option<PrNumber>,
    pub(super) actor: String,
    pub(super) broken: BTreeMap<usize, u64>,
}

impl Rollout {
    /// Starts the runs of the given workflows.
    pub(super) fn start(
        subject: Subject,
        workflows: &[&'static str],
        rules: &Rules<'_>,
        stage: &mut dyn Stage,
        now: Timestamp,
    ) -> Self {
        let seed = fnv(subject.sha.as_str()) ^ rules.config.seed;
        let mut rng = Rng::from_seed(seed);
        let event = |workflow: &str| match (subject.pull.is_some(), workflow) {
            (true, _) => "pull_request",
            (false, "periodic" | "slow") => "schedule",
            (false, _) => "push",
        };
        let mut runs = Vec::new();
        for &workflow in workflows {
            let id = stage.start_run(NewRun {
                workflow: workflow.to_owned(),
                event: event(workflow).to_owned(),
                branch: subject.branch.clone(),
                sha: subject.sha.clone(),
                pull: subject.pull,
                actor: subject.actor.clone(),
            });
            let mut positions = BTreeMap::new();
            let mut slots = Vec::new();
            for (template, job) in rules.catalogue.of(workflow) {
                let needs = job.needs.and_then(|needs| positions.get(&needs).copied());
                positions.insert(template, slots.len());
                // Jobs without needs appear over the first half minute, as GitHub works through the file.
                let ready = now + SignedDuration::from_millis(1_000 + rng.below(30_000) as i64);
                let state = if needs.is_some() { State::Blocked } else { State::Ready(ready) };
                slots.push(Slot { template, needs, state, by_chance: false });
            }
            runs.push(RunState { id, slots, attempt: 1, rerun_at: None, superseded: false, done: false });
        }
        Self { pull: subject.pull, runs, broken: subject.broken, seed }
    }

    pub(super) fn is_done(&self) -> bool {
        self.runs.iter().all(|run| run.done)
    }

    /// Cancels what has not ended: a newer push made it pointless.
    pub(super) fn supersede(&mut self, stage: &mut dyn Stage) {
        for run in self.runs.iter_mut().filter(|run| !run.done && !run.superseded) {
            if run.rerun_at.is_some() {
                run.done = true;
                continue;
            }
            stage.cancel_run(run.id);
            run.superseded = true;
            for slot in &mut run.slots {
                if matches!(slot.state, State::Blocked | State::Ready(_)) {
                    slot.state = State::Ended(Conclusion::Cancelled);
                }
            }
        }
    }

    /// Looks at what ended and moves what depends on it.
    pub(super) fn step(
        &mut self,
        rules: &Rules<'_>,
        stage: &mut dyn Stage,
        now: Timestamp,
        rng: &mut Rng,
    ) -> Did {
        let mut did = Did::default();
        for run in self.runs.iter_mut().filter(|run| !run.done) {
            if let Some(at) = run.rerun_at {
                if at > now {
                    continue;
                }
                did.reruns += 1;
                run.rerun(stage, now);
            }
            run.observe(stage);
            did.skipped += run.unblock(rules, stage, now);
            run.conclude(rules, stage, now, rng);
        }
        did
    }

    /// Self-hosted and hosted jobs that are ready by `now`.
    pub(super) fn ready(&self, rollout: usize, now: Timestamp) -> impl Iterator<Item = Ready> + '_ {
        self.runs.iter().enumerate().filter(|(_, run)| !run.done).flat_map(move |(run, state)| {
            state.slots.iter().enumerate().filter_map(move |(slot, s)| match s.state {
                State::Ready(at) if at <= now => Some(Ready { at, rollout, run, slot }),
                _ => None,
            })
        })
    }

    /// Whether the slot's job runs on GitHub's own runners.
    pub(super) fn is_hosted(&self, ready: Ready, rules: &Rules<'_>) -> bool {
        rules.catalogue.jobs[self.runs[ready.run].slots[ready.slot].template].hosted
    }

    /// Hands a ready job to the stage.
    pub(super) fn queue(&mut self, ready: Ready, rules: &Rules<'_>, stage: &mut dyn Stage) {
        let run = &mut self.runs[ready.run];
        let (id, attempt) = (run.id, run.attempt);
        let slot = &mut run.slots[ready.slot];
        let template = &rules.catalogue.jobs[slot.template];
        // Chance belongs to commit, job and attempt, so that the order of events changes no outcome.
        let own = fnv(&template.full_name()).rotate_left(attempt) ^ self.seed;
        let broken = self.broken.get(&slot.template).copied();
        let work = Work::draw(template, broken, rules.config, &mut Rng::from_seed(own));
        slot.by_chance = work.outcome.is_chance();
        let job = NewJob { name: template.name.clone(), labels: template.labels.clone(), work };
        slot.state = State::Queued(stage.queue_job(id, job));
    }

    /// When something happens without the world's doing.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.runs
            .iter()
            .filter(|run| !run.done)
            .flat_map(|run| {
                let ready = run.slots.iter().filter_map(|slot| match slot.state {
                    State::Ready(at) => Some(at),
                    _ => None,
                });
                ready.chain(run.rerun_at)
            })
            .min()
    }
}

impl RunState {
    fn rerun(&mut self, stage: &mut dyn Stage, now: Timestamp) {
        self.rerun_at = None;
        self.attempt += 1;
        stage.start_attempt(self.id, super::people::BOT.login);
        for slot in &mut self.slots {
            let State::Ended(conclusion) = slot.state else { continue };
            if conclusion.is_failure() || conclusion == Conclusion::Cancelled {
                slot.state = State::Ready(now + THINKING);
                slot.by_chance = false;
            } else if conclusion == Conclusion::Skipped && slot.needs.is_some() {
                slot.state = State::Blocked;
            }
        }
    }

    fn observe(&mut self, stage: &dyn Stage) {
        for slot in &mut self.slots {
            if let State::Queued(job) = slot.state
                && let Some(conclusion) = stage.conclusion(job)
            {
                slot.state = State::Ended(conclusion);
            }
        }
    }

    /// Readies the dependents of what ended well, skips those of what did not. Returns how many were skipped.
    fn unblock(&mut self, rules: &Rules<'_>, stage: &mut dyn Stage, now: Timestamp) -> u64 {
        let mut skipped = BTreeSet::new();
        for at in 0..self.slots.len() {
            let (State::Blocked, Some(needs)) = (self.slots[at].state, self.slots[at].needs) else {
                continue;
            };
            match self.slots[needs].state {
                State::Ended(Conclusion::Success) => self.slots[at].state = State::Ready(now + THINKING),
                State::Ended(_) => {
                    self.slots[at].state = State::Ended(Conclusion::Skipped);
                    // GitHub skips a matrix before it expands it: one job, without the bracket.
                    skipped.insert(rules.catalogue.jobs[self.slots[at].template].group.as_str());
                }
                _ => {}
            }
        }
        for group in &skipped {
            stage.skip_job(self.id, group);
        }
        skipped.len() as u64
    }

    fn conclude(&mut self, rules: &Rules<'_>, stage: &mut dyn Stage, now: Timestamp, rng: &mut Rng) {
        let ended = |slot: &Slot| match slot.state {
            State::Ended(conclusion) => Some(conclusion),
            _ => None,
        };
        let Some(all) = self.slots.iter().map(ended).collect::<Option<Vec<_>>>() else { return };
        if self.superseded {
            stage.finish_run(self.id, Conclusion::Cancelled);
            self.done = true;
            return;
        }
        let has = |wanted: fn(&Conclusion) -> bool| all.iter().any(wanted);
        let conclusion = if has(|c| c.is_failure()) {
            Conclusion::Failure
        } else if has(|c| *c == Conclusion::Cancelled) {
            Conclusion::Cancelled
        } else {
            Conclusion::Success
        };
        stage.finish_run(self.id, conclusion);
        let by_chance =
            self.slots.iter().any(|slot| slot.by_chance && ended(slot).is_some_and(|c| c.is_failure()));
        if by_chance && self.attempt < MAX_ATTEMPTS && rng.chance(rules.config.failures.rerun) {
            let notice = rng.exponential(900.0) * rules.config.duration_scale;
            self.rerun_at = Some(now + super::config::seconds(20.0 + notice));
        } else {
            self.done = true;
        }
    }
}
