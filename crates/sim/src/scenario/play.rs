//! Plays a scenario: moves time from one moment to the next and does the steps.
//!
//! A *moment* is: the world does what is due, people do what they planned, Trunkline works until it has nothing
//! more to do. Steps other than those that pass time only act on the world; what they cause is seen in the next
//! moment. So a `kill` right after a `push` finds deliveries that arrived and were not worked off.

mod own;
mod quiet;

use super::{
    checks,
    file::Scenario,
    invariants::Invariant,
    report::{Check, Figures, Moment, Report},
    step::{Deliver, JobRef, JobSpec, KillAt, NextCall, SignatureKind, Step, Work},
    system::{Delivery, System, SystemError, SystemFacts},
    values::Length,
};
use crate::workload::{self, Cause, Generator, Kind, NewJob, NewPull, NewPush, NewRun, Outcome};
use jiff::{SignedDuration, Timestamp};
use own::{OwnJob, OwnRun, describe, read};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use trunkline_model::{BranchName, Commit, Conclusion, JobId, PrNumber, Rng, RunId, Sha};

/// The least time between two moments: what falls due in between waits.
const TICK: SignedDuration = SignedDuration::from_secs(1);

/// How long a newly started Trunkline may stand by.
const LONGEST_STAND_BY: SignedDuration = SignedDuration::from_mins(5);
/// Calls to the outside that are still answered before a kill takes effect, at most.
const MOST_CALLS_BEFORE_DEATH: u64 = 24;

/// Plays a scenario from its start to its checks. `folder` is where its relative paths begin.
///
/// # Errors
/// When the system could not do what was asked; a check that fails is no error but in the report.
pub async fn run<S: System>(
    scenario: &Scenario,
    folder: &Path,
    system: &mut S,
) -> Result<Report, SystemError> {
    let mut player = Player::new(scenario, folder, system);
    player.system.set_faults(&scenario.world.faults);
    player.tell(format!("the world begins at {}", scenario.start));
    for (number, step) in (1..).zip(&scenario.steps) {
        player.step(number, step).await?;
        player.look_for_violations(number).await?;
    }
    player.moment().await?;
    let facts = player.system.facts().await?;
    let mut checks = std::mem::take(&mut player.checks);
    checks.extend(checks::evaluate(&scenario.expect, &facts));
    Ok(Report {
        scenario: scenario.name.clone(),
        passed: checks.iter().all(|check| check.ok),
        checks,
        figures: player.figures(&facts),
        timeline: player.timeline,
    })
}

struct Player<'a, S> {
    scenario: &'a Scenario,
    folder: &'a Path,
    system: &'a mut S,
    now: Timestamp,
    people: Option<Generator>,
    /// Whether people may begin something new.
    active: bool,
    rng: Rng,
    /// Newest commit and its branch.
    tip: Option<(BranchName, Sha, Option<PrNumber>)>,
    runs: Vec<OwnRun>,
    checks: Vec<Check>,
    /// Invariants that were seen broken.
    broken: BTreeSet<Invariant>,
    timeline: Vec<Moment>,
    moments: u64,
}

impl<'a, S: System> Player<'a, S> {
    fn new(scenario: &'a Scenario, folder: &'a Path, system: &'a mut S) -> Self {
        let world = &scenario.world;
        let people = world.workload.as_ref().map(|work| Generator::new(work.config(world), scenario.start));
        Self {
            scenario,
            folder,
            system,
            now: scenario.start,
            people,
            active: true,
            rng: Rng::from_seed(world.seed ^ 0x5ce7),
            tip: None,
            runs: vec![],
            checks: vec![],
            broken: BTreeSet::new(),
            timeline: vec![],
            moments: 0,
        }
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.timeline.push(Moment { at: self.now, what: what.into() });
    }

    async fn step(&mut self, number: usize, step: &Step) -> Result<(), SystemError> {
        match step {
            Step::Advance(length) => {
                self.pass(*length).await?;
                self.tell(format!("{length} passed"));
            }
            Step::WaitUntilQuiet(limit) => self.wait_until_quiet(*limit).await?,
            Step::Push(push) => {
                let before = self.tip.take().filter(|tip| tip.0 == push.branch).map(|tip| tip.1);
                let sha = self.push(push.branch.clone(), before, &push.title, &push.author);
                self.tip = Some((push.branch.clone(), sha, None));
                self.tell(format!("{} pushed \"{}\" to {}", push.author, push.title, push.branch));
                self.queue(&push.jobs);
            }
            Step::OpenPull(pull) => {
                let base = self.tip.as_ref().map(|tip| tip.1.clone());
                let branch: BranchName = format!("change-{}", pull.number)
                    .parse()
                    .map_err(|error| SystemError::new("name a branch", error))?;
                let sha = self.push(branch.clone(), None, &pull.title, &pull.author);
                self.system.stage().open_pull(NewPull {
                    number: pull.number,
                    title: pull.title.clone(),
                    body: String::new(),
                    author: pull.author.clone(),
                    head_branch: branch.clone(),
                    head_sha: sha.clone(),
                    base_sha: base.unwrap_or_else(|| sha.clone()),
                    labels: vec![],
                });
                self.tip = Some((branch, sha, Some(pull.number)));
                self.tell(format!("{} opened #{} \"{}\"", pull.author, pull.number, pull.title));
                self.queue(&pull.jobs);
            }
            Step::QueueJob(spec) => self.queue(std::slice::from_ref(spec)),
            Step::QueueJobs(specs) => self.queue(specs),
            Step::Cancel(job) => {
                if let Some(at) = self.run_of(job) {
                    self.system.stage().cancel_run(self.runs[at].id);
                    self.tell(format!("the run of `{}` was cancelled", job.job));
                }
            }
            Step::Rerun(job) => self.rerun(number, job),
            Step::Comment(comment) => {
                self.system.stage().comment(comment.pull, &comment.author, &comment.body);
                self.tell(format!("{} commented on #{}: {}", comment.author, comment.pull, comment.body));
            }
            Step::Deliver(deliver) => self.deliver(number, deliver).await?,
            Step::Fault(faults) => {
                self.system.set_faults(faults);
                self.tell(describe(faults));
            }
            Step::Kill(kill) => {
                // The world goes on for an instant: what it sends arrives, and is not worked off.
                self.system.advance(self.now).await?;
                // One time in three it dies before it began; else after a few calls to the outside.
                let (idle, calls) = (self.rng.chance(1.0 / 3.0), self.rng.below(MOST_CALLS_BEFORE_DEATH));
                let next_call = if self.rng.chance(0.5) { NextCall::Done } else { NextCall::Lost };
                let somewhere = KillAt { after_calls: calls, next_call };
                let place = kill.place().or((!idle).then_some(somewhere));
                if place.is_some() {
                    self.wait_until_it_acts().await?;
                }
                self.system.kill(place).await?;
                self.system.start().await?;
                self.tell(match kill.place() {
                    None => "Trunkline was killed and started again".to_owned(),
                    Some(at) => {
                        format!("Trunkline was killed after {} calls and started again", at.after_calls)
                    }
                });
            }
            Step::Down(length) => {
                self.system.advance(self.now).await?;
                self.system.kill(None).await?;
                self.pass(*length).await?;
                self.system.start().await?;
                self.tell(format!("Trunkline was down for {length} and started again"));
            }
            Step::Workload(work) => {
                self.active = *work == Work::Resume;
                let now = self.now;
                if let Some(people) = &mut self.people {
                    if self.active { people.resume(now) } else { people.pause() }
                }
                self.tell(if self.active { "people went back to work" } else { "people rest" });
            }
        }
        Ok(())
    }

    /// Lets time pass, moment by moment.
    async fn pass(&mut self, length: Length) -> Result<(), SystemError> {
        let until = self.now + length.get();
        while self.now < until {
            self.moment().await?;
            self.now = self.next(until);
        }
        self.moment().await
    }

    /// Lets the world go on, and nothing be worked off, until Trunkline may act: only then can it die acting.
    async fn wait_until_it_acts(&mut self) -> Result<(), SystemError> {
        let until = self.now + LONGEST_STAND_BY;
        while !self.system.may_act().await? && self.now < until {
            self.now += TICK;
            self.system.advance(self.now).await?;
        }
        Ok(())
    }

    /// What is due now, on all sides.
    async fn moment(&mut self) -> Result<(), SystemError> {
        self.moments += 1;
        self.system.advance(self.now).await?;
        let most = self.scenario.world.workload.as_ref().and_then(|workload| workload.commits);
        if let Some(people) = &mut self.people {
            people.step(self.system.stage(), self.now);
            if most.is_some_and(|most| people.stats().commits >= most) {
                people.pause();
            }
        }
        let stage = self.system.stage();
        self.runs.iter_mut().for_each(|run| run.finish(stage));
        // What people did just now reaches Trunkline in this moment already.
        self.system.advance(self.now).await?;
        self.system.settle().await?;
        self.now = self.system.now().map_or(self.now, |now| now.max(self.now));
        Ok(())
    }

    /// The next moment worth a look, at most `until`.
    fn next(&mut self, until: Timestamp) -> Timestamp {
        let people = self.people.as_ref().and_then(Generator::next_due);
        let due = self.system.next_due().into_iter().chain(people).min();
        due.map_or(until, |due| due.max(self.now + TICK).min(until))
    }

    fn push(&mut self, branch: BranchName, before: Option<Sha>, title: &str, author: &str) -> Sha {
        let sha: Sha = self.rng.hex(40).parse().expect("40 hexadecimal digits");
        let commit = Commit {
            sha: sha.clone(),
            message: title.to_owned(),
            author_name: author.to_owned(),
            author_email: format!("{author}@example.com"),
            author_login: Some(author.to_owned()),
            timestamp: self.now,
            url: format!("https://github.com/{}/commit/{sha}", self.scenario.world.repo),
        };
        self.system.stage().push(NewPush {
            branch,
            before,
            commits: vec![commit],
            pusher: author.to_owned(),
        });
        sha
    }

    /// Starts one run per workflow on the newest commit, and its jobs.
    fn queue(&mut self, specs: &[JobSpec]) {
        let tip = self.tip.clone().or_else(|| {
            let people = self.people.as_ref()?;
            Some((people.config().branch.clone(), people.tip().clone(), None))
        });
        let Some((branch, sha, pull)) = tip else { return };
        let mut workflows: BTreeMap<&str, Vec<&JobSpec>> = BTreeMap::new();
        for spec in specs {
            workflows.entry(&spec.workflow).or_default().push(spec);
        }
        for (workflow, specs) in workflows {
            let id = self.system.stage().start_run(NewRun {
                workflow: workflow.to_owned(),
                event: if pull.is_some() { "pull_request" } else { "push" }.into(),
                branch: branch.clone(),
                sha: sha.clone(),
                pull,
                actor: "dokonkwo".into(),
            });
            let mut jobs = Vec::new();
            for spec in specs {
                for name in spec.names() {
                    let id = self.start(id, &name, spec, spec.ends);
                    jobs.push(OwnJob { id, name, spec: spec.clone() });
                }
            }
            self.runs.push(OwnRun { id, jobs, finished: false });
        }
        let number: u64 = specs.iter().map(|spec| u64::from(spec.count)).sum();
        if number > 0 {
            self.tell(format!("{number} jobs were queued"));
        }
    }

    fn start(&mut self, run: RunId, name: &str, spec: &JobSpec, ends: Conclusion) -> JobId {
        let log_seed = self.rng.u64();
        let cause = match ends {
            Conclusion::TimedOut => Cause::Timeout,
            Conclusion::Failure => Cause::Broken { seed: workload::catalogue::fnv(name) },
            _ => Cause::Fine,
        };
        let outcome = Outcome { conclusion: ends, cause };
        let work = workload::Work { kind: Kind::Test, duration: spec.takes.get(), outcome, log_seed };
        self.system
            .stage()
            .queue_job(run, NewJob { name: name.to_owned(), labels: spec.runs_on.clone(), work })
    }

    /// Position of the run that has the newest job of a name.
    fn run_of(&self, job: &JobRef) -> Option<usize> {
        self.runs.iter().rposition(|run| run.jobs.iter().any(|own| own.name == job.job))
    }

    fn rerun(&mut self, number: usize, job: &JobRef) {
        let Some(at) = self.run_of(job) else { return };
        if !self.runs[at].finished {
            self.checks.push(Check {
                name: format!("step {number}"),
                ok: false,
                detail: format!("the run of `{}` has not ended, so nothing can be run again", job.job),
            });
            return;
        }
        let run = self.runs[at].id;
        let stage = self.system.stage();
        let again = self.runs[at].failed(stage);
        stage.start_attempt(run, "dokonkwo");
        self.tell(format!("{} failed jobs of `{}`'s run were started again", again.len(), job.job));
        for (name, spec) in again {
            let id = self.start(run, &name, &spec, spec.ends_on_rerun);
            self.runs[at].jobs.push(OwnJob { id, name, spec });
        }
        self.runs[at].finished = false;
    }

    async fn deliver(&mut self, number: usize, deliver: &Deliver) -> Result<(), SystemError> {
        let body = match (&deliver.file, &deliver.body) {
            (Some(file), _) => read(&self.folder.join(file))?,
            (None, Some(body)) => {
                serde_json::to_vec(body).map_err(|error| SystemError::new("write a body", error))?
            }
            (None, None) => vec![],
        };
        let id = deliver.id.clone().unwrap_or_else(|| format!("scenario-step-{number}"));
        let delivery = Delivery {
            event: deliver.event.clone(),
            id,
            body,
            signature: deliver.signature,
            headers: deliver.headers.clone(),
        };
        let status = self.system.deliver(delivery).await?;
        self.tell(format!("a `{}` delivery was answered {status}", deliver.event));
        let ok = match (deliver.answer, deliver.signature) {
            (Some(wanted), _) => status == wanted,
            (None, SignatureKind::Valid) => (200..300).contains(&status),
            (None, _) => status == 401,
        };
        self.checks.push(Check {
            name: format!("step {number}: deliver"),
            ok,
            detail: format!("answered {status}"),
        });
        Ok(())
    }

    fn figures(&self, facts: &SystemFacts) -> Figures {
        Figures {
            virtual_seconds: self.now.duration_since(self.scenario.start).as_secs_f64(),
            moments: self.moments,
            jobs: facts.jobs.len() as u64,
            completed: facts.jobs.iter().filter(|job| job.conclusion.is_some()).count() as u64,
            launched: facts.launched(),
            calls: facts.calls.iter().map(|call| call.count).sum(),
            stored_deliveries: facts.stored_deliveries,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
