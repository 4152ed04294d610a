//! Self-hosted runners: registrations, listeners, removal. All are ephemeral: registered by JIT configuration, for one job.

use super::{Due, Phase, World, WorldError, assign, next};
use crate::jit::Jit;
use jiff::Timestamp;
use std::{collections::BTreeSet, fmt};
use trunkline_model::{Conclusion, JobId, Label, RepoName, RunnerId, RunnerName};

/// Where a runner registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One repository.
    Repo(RepoName),
    /// An organisation.
    Org(String),
}

impl Scope {
    /// Whether both are the same: case does not matter.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Repo(a), Self::Repo(b)) => a.same(b),
            (Self::Org(a), Self::Org(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repo(repo) => f.write_str(repo.as_str()),
            Self::Org(org) => f.write_str(org),
        }
    }
}

/// Whether somebody listens for the runner's job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Never connected.
    Never,
    /// The world works its job off by itself.
    Driven,
    /// A program is connected, by this many connections.
    Here(u32),
    /// Just left; nobody has noticed.
    Away,
    /// Offline.
    Gone,
}

/// A registered runner.
#[derive(Debug, Clone)]
pub struct SimRunner {
    /// GitHub's id.
    pub id: RunnerId,
    /// Name: taken once per scope.
    pub name: RunnerName,
    /// Where it may take jobs.
    pub scope: Scope,
    /// Its labels, as given.
    pub labels: Vec<Label>,
    /// Whether somebody listens.
    pub listener: Listener,
    /// The job it was given.
    pub job: Option<JobId>,
    pub(super) keys: BTreeSet<String>,
    pub(super) secret: Secret,
    pub(super) idle_since: Timestamp,
    /// Counts absences of the listener: timers of earlier ones mean nothing.
    pub(super) absence: u64,
}

impl SimRunner {
    /// `online` as GitHub shows it: an absence is noticed after a while.
    pub fn online(&self) -> bool {
        matches!(self.listener, Listener::Driven | Listener::Here(_) | Listener::Away)
    }
}

/// A runner's secret. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why a runner is no longer registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its one job ended.
    JobEnded,
    /// Somebody deleted it.
    Deleted,
    /// It vanished with its job.
    Lost,
    /// Nobody used it for a day.
    Unused,
}

/// What a runner was: kept after its removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerHistory {
    /// GitHub's id.
    pub id: RunnerId,
    /// Name.
    pub name: RunnerName,
    /// Jobs that it began.
    pub jobs: Vec<JobId>,
    /// When it registered.
    pub registered_at: Timestamp,
    /// When its listener first connected.
    pub connected_at: Option<Timestamp>,
    /// When and why it was removed.
    pub removed: Option<(Timestamp, Removal)>,
    /// Whether its listener vanished for good while it had a job.
    pub vanished_busy: bool,
}

/// A registration that was just made.
#[derive(Debug, Clone)]
pub struct Registration {
    /// GitHub's id.
    pub id: RunnerId,
    /// What the runner starts with, once a server is named: see [`Jit`].
    pub jit: Jit,
}

impl World {
    /// Registers a runner for one job, as `generate-jitconfig` does it. `server` is where its listener will connect.
    ///
    /// # Errors
    /// A taken name, a wrong group, no label.
    pub fn register_runner(
        &mut self,
        scope: &Scope,
        name: &RunnerName,
        group: u64,
        labels: &[Label],
        server: &str,
    ) -> Result<Registration, WorldError> {
        let known = match scope {
            Scope::Repo(repo) => self.repo(repo).is_some(),
            Scope::Org(org) => self.repos().any(|repo| repo.name.owner().eq_ignore_ascii_case(org)),
        };
        match group {
            _ if !known => return Err(WorldError::NotFound),
            1 => {}
            2 => return Err(WorldError::Forbidden("The hosted runner group takes no runners".into())),
            _ => return Err(WorldError::NotFound),
        }
        if labels.is_empty() || labels.len() > 100 {
            return Err(WorldError::Invalid("Invalid request. `labels` must have 1 to 100 items.".into()));
        }
        if self.runner_named(scope, name.as_str()).is_some() {
            let message = format!("Already exists - A runner with the name {name} already exists.");
            return Err(WorldError::Conflict(message));
        }
        let id = RunnerId(next(&mut self.next.runner));
        let secret = self.rng.hex(40);
        let runner = SimRunner {
            id,
            name: name.clone(),
            scope: scope.clone(),
            labels: labels.to_vec(),
            listener: Listener::Never,
            job: None,
            keys: assign::keys(labels),
            secret: Secret(secret.clone()),
            idle_since: self.now,
            absence: 0,
        };
        self.runners.insert(id, runner);
        let history = RunnerHistory {
            id,
            name: name.clone(),
            jobs: vec![],
            registered_at: self.now,
            connected_at: None,
            removed: None,
            vanished_busy: false,
        };
        self.histories.insert(id, history);
        self.timers.set(self.now + self.config.unused_runner, Due::Unused(id, 0));
        self.changed();
        let (server, url) = (server.to_owned(), format!("https://github.com/{scope}"));
        Ok(Registration { id, jit: Jit { server, url, runner: id, name: name.clone(), secret } })
    }

    /// A listener connects with its JIT configuration. A `driven` one works its job off in virtual time by itself;
    /// another must hold a connection, see [`World::listener_joined`].
    ///
    /// # Errors
    /// A wrong secret, a runner that is gone, or a listener that is there already.
    pub fn connect_runner(&mut self, jit: &Jit, driven: bool) -> Result<RunnerId, WorldError> {
        self.connect(jit.runner, &jit.secret, driven)
    }

    /// A program connects with the secret of its JIT configuration.
    ///
    /// # Errors
    /// As [`World::connect_runner`].
    pub fn connect_listener(&mut self, id: RunnerId, secret: &str) -> Result<RunnerId, WorldError> {
        self.connect(id, secret, false)
    }

    fn connect(&mut self, id: RunnerId, secret: &str, driven: bool) -> Result<RunnerId, WorldError> {
        self.check_secret(id, secret)?;
        let now = self.now;
        let runner = self.runners.get_mut(&id).ok_or(WorldError::NotFound)?;
        if runner.job.is_some() || matches!(runner.listener, Listener::Driven | Listener::Here(_)) {
            return Err(WorldError::Conflict("Another session is active for this runner".into()));
        }
        runner.absence += 1;
        // A program is here once it holds a connection; until then it may be late already.
        runner.listener = if driven { Listener::Driven } else { Listener::Away };
        if let Some(history) = self.histories.get_mut(&id) {
            history.connected_at.get_or_insert(now);
        }
        self.changed();
        if driven {
            self.withdraw(id);
            self.idle(id);
        } else {
            self.watch_absence(id);
        }
        Ok(id)
    }

    /// Whether the secret is the runner's.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] when the runner is gone, [`WorldError::Unauthorized`] for another secret.
    pub fn check_secret(&self, id: RunnerId, secret: &str) -> Result<(), WorldError> {
        let runner = self.runners.get(&id).ok_or(WorldError::NotFound)?;
        if runner.secret.0 == secret { Ok(()) } else { Err(WorldError::Unauthorized) }
    }

    /// A connected program opened a connection.
    ///
    /// # Errors
    /// A runner that is gone, or one that never connected.
    pub fn listener_joined(&mut self, id: RunnerId) -> Result<(), WorldError> {
        let runner = self.runners.get_mut(&id).ok_or(WorldError::NotFound)?;
        if runner.listener == Listener::Never {
            return Err(WorldError::Conflict("There is no session".into()));
        }
        let was_away = !matches!(runner.listener, Listener::Here(1..));
        runner.listener = match runner.listener {
            Listener::Here(connections) => Listener::Here(connections + 1),
            Listener::Driven => Listener::Driven,
            Listener::Never | Listener::Away | Listener::Gone => Listener::Here(1),
        };
        runner.absence += 1;
        if was_away {
            let idle = runner.job.is_none();
            self.changed();
            if idle {
                self.idle(id);
            }
        }
        Ok(())
    }

    /// A connected program closed a connection, or lost it.
    pub fn listener_left(&mut self, id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&id) else { return };
        match runner.listener {
            Listener::Here(connections @ 2..) => runner.listener = Listener::Here(connections - 1),
            Listener::Here(_) => self.leave(id),
            _ => {}
        }
    }

    /// The machine of a driven runner died.
    pub fn disconnect_runner(&mut self, id: RunnerId) {
        let driven = self.runners.get(&id).is_some_and(|runner| runner.listener == Listener::Driven);
        if driven {
            self.leave(id);
        }
    }

    /// The job of a runner, as its listener gets it; `None` while there is none.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] when the runner is gone.
    pub fn job_for(&self, id: RunnerId) -> Result<Option<JobId>, WorldError> {
        Ok(self.runners.get(&id).ok_or(WorldError::NotFound)?.job)
    }

    /// The listener picks its assigned job up.
    ///
    /// # Errors
    /// [`WorldError::Conflict`] when the job was given to another or ended.
    pub fn pick_up(&mut self, id: RunnerId, job: JobId) -> Result<(), WorldError> {
        match self.jobs.get(&job).map(|job| job.phase) {
            Some(Phase::Assigned(runner)) if runner == id => {
                self.start_assigned(job, id);
                Ok(())
            }
            _ => Err(WorldError::Conflict("The job is not this runner's".into())),
        }
    }

    /// The listener reports something of its running job.
    ///
    /// # Errors
    /// [`WorldError::Conflict`] when the job is not on this runner.
    pub fn report(&mut self, id: RunnerId, job: JobId, text: &str) -> Result<(), WorldError> {
        let job = self.jobs.get_mut(&job).filter(|job| job.phase == Phase::Running(id));
        job.ok_or_else(|| WorldError::Conflict("The job is not on this runner".into()))?.report(text);
        Ok(())
    }

    /// The listener ends its job; the registration ends with it.
    ///
    /// # Errors
    /// [`WorldError::Conflict`] when the job is not on this runner.
    pub fn finish_job(&mut self, id: RunnerId, job: JobId, conclusion: Conclusion) -> Result<(), WorldError> {
        let running = self.jobs.get(&job).is_some_and(|job| job.phase == Phase::Running(id));
        if !running {
            return Err(WorldError::Conflict("The job is not on this runner".into()));
        }
        self.end_job(job, conclusion);
        Ok(())
    }

    /// Somebody deletes a registration.
    ///
    /// # Errors
    /// [`WorldError::NotFound`], or [`WorldError::Invalid`] while it has a job.
    pub fn delete_runner(&mut self, scope: &Scope, id: RunnerId) -> Result<(), WorldError> {
        let runner = self.runner(scope, id).ok_or(WorldError::NotFound)?;
        if runner.job.is_some() {
            let message = format!("Bad request - Runner \"{}\" is still running a job", runner.name);
            return Err(WorldError::Invalid(message));
        }
        self.remove_runner(id, Removal::Deleted);
        Ok(())
    }

    /// A registered runner of a scope.
    pub fn runner(&self, scope: &Scope, id: RunnerId) -> Option<&SimRunner> {
        self.runners.get(&id).filter(|runner| runner.scope.same(scope))
    }

    /// A registered runner of any scope.
    pub fn runner_by_id(&self, id: RunnerId) -> Option<&SimRunner> {
        self.runners.get(&id)
    }

    /// A registered runner by its name.
    pub fn runner_named(&self, scope: &Scope, name: &str) -> Option<&SimRunner> {
        self.runners.values().find(|r| r.name.as_str().eq_ignore_ascii_case(name) && r.scope.same(scope))
    }

    /// All registered runners, in order of their ids.
    pub fn runners(&self) -> impl DoubleEndedIterator<Item = &SimRunner> {
        self.runners.values()
    }

    /// What each runner was, in order of registration.
    pub fn runner_histories(&self) -> impl DoubleEndedIterator<Item = &RunnerHistory> {
        self.histories.values()
    }

    pub(super) fn is_remote(&self, id: RunnerId) -> bool {
        self.runners.get(&id).is_some_and(|runner| runner.listener != Listener::Driven)
    }
}
