//! One replica acts: the lease `fleet`. Others stand by, and take over when it runs out or is given back.
//!
//! The holder's commits carry the lease, so the store refuses them once somebody else took over; effects outside are done
//! only after a look at the lease, and are safe to repeat.

use super::{Error, Fleet};
use jiff::SignedDuration;
use serde::Serialize;
use std::time::Duration;
use trunkline_store::{Batch, Committed, Lease, RecordWrite};

/// The lease's name in the store.
pub const LEASE: &str = "fleet";
/// How long a lease holds when nothing else is configured. A holder that died is replaced after this time.
pub const LEASE_TTL: SignedDuration = SignedDuration::from_secs(8);

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseStatus {
    /// The replica that acts, or acted last.
    pub holder: String,
    /// Whether this one does.
    pub mine: bool,
    /// Seconds until others may take over; none left when nobody acts.
    pub expires_in_seconds: i64,
}

impl Fleet {
    /// Takes or prolongs the right to act. Steps do this themselves; nothing is written while two thirds of the time are
    /// left.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn hold(&self) -> Result<bool, Error> {
        let _one_at_a_time = self.0.holding.lock().await;
        let ttl = self.0.config.lease_ttl;
        let enough = |lease: &Lease| lease.expires_at.duration_since(self.now()) > ttl * 2 / 3;
        if self.state().lease.as_ref().is_some_and(enough) {
            return Ok(true);
        }
        let ttl = Duration::try_from(ttl).unwrap_or_default();
        let Some(taken) = self.0.store.take_lease(LEASE, &self.0.replica, ttl).await? else {
            self.stand_by("another replica holds the lease");
            return Ok(false);
        };
        // Every change of holder counts one up: nobody acted between ours and the next.
        let last = self.state().lease.as_ref().map(|lease| lease.fencing);
        if last.is_none_or(|last| taken.fencing > last + 1) {
            tracing::info!(
                replica = self.0.replica,
                fencing = taken.fencing,
                "this replica runs the fleet now"
            );
            self.state().ledger.forget();
            self.reload_jobs().await?;
        }
        self.state().lease = Some(taken);
        Ok(true)
    }

    /// Prolongs the right to act during a long step; a replica that stands by goes on to do so.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn prolong(&self) -> Result<(), Error> {
        if self.state().lease.is_some() {
            self.hold().await?;
        }
        Ok(())
    }

    /// Gives the right to act back, so that another replica need not wait.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn release(&self) -> Result<(), Error> {
        let lease = self.state().lease.take();
        if let Some(lease) = lease {
            self.0.store.release_lease(&lease).await?;
        }
        Ok(())
    }

    /// Whether this replica acts.
    pub fn is_holder(&self) -> bool {
        let now = self.now();
        self.state().lease.as_ref().is_some_and(|lease| lease.expires_at > now)
    }

    /// Like [`Fleet::hold`], for the outbox.
    pub(super) async fn hold_in_store(&self) -> Result<bool, trunkline_store::Error> {
        match self.hold().await {
            Ok(held) => Ok(held),
            Err(Error::Store(error)) => Err(error),
            Err(error) => Err(trunkline_store::Error::Value(error.to_string())),
        }
    }

    /// The lease that commits carry.
    pub(super) fn lease(&self) -> Result<Lease, trunkline_store::Error> {
        let lost = || trunkline_store::Error::LeaseLost { name: LEASE.into(), owner: self.0.replica.clone() };
        self.state().lease.clone().ok_or_else(lost)
    }

    fn stand_by(&self, why: &str) {
        if self.state().lease.take().is_some() {
            tracing::warn!(replica = self.0.replica, "{why}; this one stands by");
        }
    }

    /// Stands by when the store says that the lease is lost.
    pub(super) fn note_lost(&self, error: trunkline_store::Error) -> Error {
        if matches!(error, trunkline_store::Error::LeaseLost { .. }) {
            self.stand_by("the lease was lost");
        }
        error.into()
    }

    /// Commits as the holder; what the ledger cache knows of the written entries is looked up again.
    pub(super) async fn commit(&self, mut batch: Batch) -> Result<Committed, Error> {
        batch.lease = Some(self.lease()?);
        let touched = runners(&batch.records);
        let done = self.0.store.commit(batch).await;
        let mut state = self.state();
        state.ledger.touch(touched);
        if matches!(done, Err(trunkline_store::Error::Conflict { .. })) {
            state.ledger.forget();
        }
        drop(state);
        done.map_err(|error| self.note_lost(error))
    }

    /// Who holds the lease.
    pub(super) async fn lease_status(&self) -> Result<Option<LeaseStatus>, Error> {
        let found = self.0.store.lease(LEASE).await?;
        Ok(found.map(|lease| LeaseStatus {
            mine: lease.owner == self.0.replica,
            expires_in_seconds: lease.expires_at.duration_since(self.now()).as_secs().max(0),
            holder: lease.owner,
        }))
    }
}

/// Names of the runners that are written.
fn runners(records: &[RecordWrite]) -> Vec<String> {
    let runners = records.iter().filter(|write| write.kind == crate::ledger::RUNNER_RECORD);
    runners.map(|write| write.id.clone()).collect()
}
