//! The outbox's side: launches and terminations, each step of which may be cut off and repeated.
//!
//! Launch: register (409: ours from before the cut, removed and made anew) → note GitHub's id in the ledger →
//! start the machine. Terminate: deregister first (422: it has a job, leave it alone) → stop the machine.

use super::{Error, Fleet, Scope, records::write_entry};
use crate::{
    forge,
    ledger::{Entry, Registration},
    planner::{LAUNCH, LaunchOrder, TERMINATE, TerminateOrder},
    provider::{self, ErrorClass, LaunchSpec, Machine, MachineSpec, Owner},
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use tokio::sync::OnceCell;
use trunkline_model::{RunnerId, RunnerName, RunnerState};
use trunkline_store::{Batch, Effect, Outcome, outbox};

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExecuteStats {
    /// Done, or found to be no longer needed.
    pub done: usize,
    /// Will be tried again.
    pub retried: usize,
    /// Given up; the planner decides anew.
    pub failed: usize,
    /// The step was full: more may be due.
    pub more: bool,
}

/// How one effect ended.
enum End {
    Done(Value),
    Retry { after: SignedDuration, error: String },
    GiveUp { error: String },
}

/// One round of the outbox.
struct Round<'a> {
    fleet: &'a Fleet,
    /// The provider's machines, asked for at most once: only a repeated launch needs to know.
    machines: OnceCell<Vec<Machine>>,
    /// Runners whose entries the round writes.
    touched: Mutex<Vec<String>>,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        let touched = std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        self.fleet.state().ledger.touch(touched);
    }
}

#[async_trait]
impl outbox::Executor for Round<'_> {
    fn kind_prefix(&self) -> &str {
        "fleet."
    }

    fn per_round(&self) -> usize {
        self.fleet.0.config.effects_per_step
    }

    fn at_once(&self) -> usize {
        self.fleet.0.config.effects_at_once
    }

    async fn may_act(&self) -> Result<bool, trunkline_store::Error> {
        self.fleet.hold_in_store().await
    }

    async fn execute(&self, effect: &Effect) -> Result<(Outcome, Batch), trunkline_store::Error> {
        let done = match effect.kind.as_str() {
            LAUNCH => self.launch(effect).await,
            TERMINATE => self.terminate(effect).await,
            other => Ok((End::GiveUp { error: format!("no executor for `{other}`") }, Batch::default())),
        };
        let (end, mut batch) = match done {
            Ok(done) => done,
            Err(Error::Store(error)) => return Err(error),
            // Nobody can act on a record that cannot be read; it stays for a person to look at.
            Err(error) => (End::GiveUp { error: with_cause(&error) }, Batch::default()),
        };
        batch.lease = Some(self.fleet.lease()?);
        let outcome = match end {
            End::Done(value) => Outcome::Done(value),
            End::Retry { after, error } => Outcome::Retry { at: later(self.fleet.now(), after), error },
            End::GiveUp { error } => Outcome::Failed { error },
        };
        Ok((outcome, batch))
    }
}

/// An error with its cause, for the outbox.
fn with_cause(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

impl Fleet {
    /// Does the effects that are due, several at the same time; nothing while another replica acts.
    ///
    /// # Errors
    /// When the store does not answer; an effect that was cut off is due again after its claim.
    pub async fn step_execute(&self) -> Result<ExecuteStats, Error> {
        let round = Round { fleet: self, machines: OnceCell::new(), touched: Mutex::default() };
        let stats = outbox::run_due(&self.0.store, &round, &self.0.clock).await;
        let stats = stats.map_err(|error| self.note_lost(error))?;
        Ok(ExecuteStats {
            done: stats.done,
            // After a conflict the ledger moved: the effect is due again after its claim and sees the new state.
            retried: stats.retried + stats.conflicts,
            failed: stats.failed,
            more: stats.more,
        })
    }
}

impl Round<'_> {
    async fn machines(&self) -> Result<&[Machine], provider::Error> {
        Ok(self.machines.get_or_try_init(|| self.fleet.0.provider.list()).await?)
    }

    async fn entry(&self, name: &RunnerName) -> Result<Option<super::records::Versioned<Entry>>, Error> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_string());
        self.fleet.entry(name.as_str()).await
    }

    async fn launch(&self, effect: &Effect) -> Result<(End, Batch), Error> {
        let mut batch = Batch::default();
        let Ok(order) = serde_json::from_value::<LaunchOrder>(effect.payload.clone()) else {
            return Ok((End::GiveUp { error: "the order cannot be read".into() }, batch));
        };
        let name = order.runner.name;
        let Some(mut entry) = self.entry(&name).await? else {
            return Ok((End::Done(json!({"skipped": "the runner is gone"})), batch));
        };
        if entry.value.terminating || entry.value.runner.state > RunnerState::Booting {
            return Ok((End::Done(json!({"skipped": "no longer wanted or already online"})), batch));
        }
        let fleet = self.fleet;
        // Nobody started a machine before the first attempt.
        let started = if effect.attempts > 1 {
            match self.machines().await {
                Ok(machines) => machines.iter().find(|machine| machine.name == name).cloned(),
                Err(error) => return Ok((fleet.provider_end(effect, &mut entry.value, &error), batch)),
            }
        } else {
            None
        };
        let machine = match started {
            Some(machine) => machine,
            None => {
                let jit = match fleet.register(&entry.value).await {
                    Ok(jit) => jit,
                    Err(error) => {
                        let end = fleet.forge_end(effect, &mut entry.value, &error);
                        return Ok(fleet.close(end, &mut entry.value, entry.version, batch));
                    }
                };
                entry.value.runner.runner_id = Some(jit.runner_id);
                let mut note = Batch::default();
                write_entry(&mut note, &entry.value, Some(entry.version));
                match fleet.commit(note).await {
                    Ok(_) => entry.version += 1,
                    Err(Error::Store(trunkline_store::Error::Conflict { .. })) => {
                        // Somebody moved the entry: look again. If the removal fails, the next attempt meets 409.
                        let _ = fleet.0.forge.deregister(jit.runner_id).await;
                        let error = "the ledger entry changed meanwhile".to_owned();
                        return Ok((End::Retry { after: SignedDuration::from_secs(1), error }, batch));
                    }
                    Err(error) => {
                        // Another replica took over: its attempt must not meet this registration.
                        let _ = fleet.0.forge.deregister(jit.runner_id).await;
                        return Err(error);
                    }
                }
                let kind = &entry.value.runner.runner_type;
                let machine = fleet.scale_config().get(kind).map(|kind| MachineSpec::of_runner(kind, &name));
                let owner = Some(match &fleet.0.config.scope {
                    Scope::Repository(repo) => Owner::Repository(repo.clone()),
                    Scope::Organization(owner) => Owner::Organization(owner.clone()),
                });
                let spec = LaunchSpec {
                    name: name.clone(),
                    runner_type: entry.value.runner.runner_type.clone(),
                    labels: entry.value.runner.labels.clone(),
                    jit_config: jit.encoded,
                    runner_id: Some(jit.runner_id),
                    machine: MachineSpec { owner, ..machine.unwrap_or_default() },
                };
                let answer = fleet.0.provider.launch(&[spec]).await.into_iter().next();
                match answer.unwrap_or_else(|| {
                    Err(provider::Error::new(ErrorClass::Transient, "the provider gave no answer"))
                }) {
                    Ok(machine) => machine,
                    Err(error) => {
                        let end = fleet.provider_end(effect, &mut entry.value, &error);
                        if matches!(end, End::GiveUp { .. }) {
                            // Nobody will use the registration; if this fails, reconcile finds it.
                            let _ = fleet.0.forge.deregister(jit.runner_id).await;
                        }
                        return Ok(fleet.close(end, &mut entry.value, entry.version, batch));
                    }
                }
            }
        };
        entry.value.runner.machine_id = Some(machine.id.clone());
        let reason = format!("started as {} `{}`", fleet.0.provider.name(), machine.id);
        entry.value.runner.advance(RunnerState::Booting, fleet.now(), reason);
        write_entry(&mut batch, &entry.value, Some(entry.version));
        Ok((End::Done(json!({"machine": machine.id})), batch))
    }

    async fn terminate(&self, effect: &Effect) -> Result<(End, Batch), Error> {
        let mut batch = Batch::default();
        let Ok(order) = serde_json::from_value::<TerminateOrder>(effect.payload.clone()) else {
            return Ok((End::GiveUp { error: "the order cannot be read".into() }, batch));
        };
        let Some(mut entry) = self.entry(&order.name).await? else {
            return Ok((End::Done(json!({"skipped": "the runner is gone"})), batch));
        };
        let (fleet, version) = (self.fleet, Some(entry.version));
        if entry.value.may_be_busy() {
            entry.value.terminating = false;
            write_entry(&mut batch, &entry.value, version);
            return Ok((End::Done(json!({"left_alone": "it has a job"})), batch));
        }
        let id = match entry.value.runner.runner_id {
            Some(id) => Ok(Some(id)),
            None => fleet.registration_id(&order.name).await,
        };
        let removed = match id {
            Ok(Some(id)) => fleet.0.forge.deregister(id).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) | Err(forge::Error::NotFound) => {}
            Err(forge::Error::Busy) => {
                entry.value.terminating = false;
                // As good as an observation: without it, the planner would decide the same until the next comparison.
                entry.value.registration = Registration::Busy;
                entry.value.seen_at = Some(fleet.now());
                "it took a job, so it stays".clone_into(&mut entry.value.runner.reason);
                write_entry(&mut batch, &entry.value, version);
                return Ok((End::Done(json!({"left_alone": "GitHub says it has a job"})), batch));
            }
            Err(error) => {
                let after = match error {
                    forge::Error::RateLimited { until } => until.duration_since(fleet.now()),
                    _ => backoff(effect),
                };
                return Ok((End::Retry { after, error: error.to_string() }, batch));
            }
        }
        if let Err(error) = fleet.0.provider.terminate(&order.name).await {
            // Never given up: the machine costs until it is gone.
            return Ok((End::Retry { after: backoff(effect), error: error.to_string() }, batch));
        }
        entry.value.runner.advance(RunnerState::Gone, fleet.now(), order.reason.clone());
        write_entry(&mut batch, &entry.value, version);
        Ok((End::Done(json!({"terminated": order.name})), batch))
    }
}

impl Fleet {
    /// Writes what a failed launch left in the ledger.
    fn close(&self, end: End, entry: &mut Entry, version: i64, mut batch: Batch) -> (End, Batch) {
        if let End::GiveUp { error } = &end {
            entry.runner.advance(RunnerState::Gone, self.now(), format!("not launched: {error}"));
            write_entry(&mut batch, entry, Some(version));
        }
        (end, batch)
    }

    /// Issues the JIT configuration; a registration of the same name from a cut-off attempt is replaced.
    async fn register(&self, entry: &Entry) -> Result<forge::JitConfig, forge::Error> {
        let runner = &entry.runner;
        match self.0.forge.register(&runner.name, &runner.labels).await {
            Err(forge::Error::Conflict) => {}
            other => return other,
        }
        if let Some(id) = self.registration_id(&runner.name).await? {
            match self.0.forge.deregister(id).await {
                Ok(()) | Err(forge::Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.0.forge.register(&runner.name, &runner.labels).await
    }

    async fn registration_id(&self, name: &RunnerName) -> Result<Option<RunnerId>, forge::Error> {
        let runners = self.0.forge.runners().await?;
        Ok(runners.into_iter().find(|runner| runner.name == name.as_str()).map(|runner| runner.id))
    }

    /// What follows from a provider's refusal.
    fn provider_end(&self, effect: &Effect, entry: &mut Entry, error: &provider::Error) -> End {
        entry.runner.reason = error.to_string();
        let after = backoff(effect);
        self.hold_launches(later(self.now(), after));
        if error.class.may_pass() && u64::from(self.0.config.launch_attempts) > attempts(effect) {
            End::Retry { after, error: error.to_string() }
        } else {
            End::GiveUp { error: error.to_string() }
        }
    }

    /// What follows from GitHub's refusal.
    fn forge_end(&self, effect: &Effect, entry: &mut Entry, error: &forge::Error) -> End {
        entry.runner.reason = error.to_string();
        let after = match error {
            forge::Error::RateLimited { until } => until.duration_since(self.now()),
            _ => backoff(effect),
        };
        self.hold_launches(later(self.now(), after));
        match error {
            forge::Error::RateLimited { .. } => End::Retry { after, error: error.to_string() },
            forge::Error::Transient(_) if u64::from(self.0.config.launch_attempts) > attempts(effect) => {
                End::Retry { after, error: error.to_string() }
            }
            _ => End::GiveUp { error: error.to_string() },
        }
    }
}

fn attempts(effect: &Effect) -> u64 {
    u64::try_from(effect.attempts).unwrap_or(0)
}

/// 2, 4, 8, … seconds, at most 5 minutes.
fn backoff(effect: &Effect) -> SignedDuration {
    let doubled = 2_i64.saturating_pow(u32::try_from(attempts(effect).clamp(1, 9)).unwrap_or(1));
    SignedDuration::from_secs(doubled.min(300))
}

fn later(now: Timestamp, after: SignedDuration) -> Timestamp {
    now.checked_add(after.max(SignedDuration::from_secs(1))).unwrap_or(now)
}
