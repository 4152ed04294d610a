//! The handle.

use crate::{
    Appended, AuditEntry, Batch, Committed, Effect, EffectFilter, EffectInfo, Error, Event, EventStats,
    Lease, NewEvent, Outcome, Record,
    codec::{no_nul, pack, pack_batch, time},
    postgres::Postgres,
    sqlite::{Sqlite, last_seq, read, write},
};
use jiff::Timestamp;
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;
use trunkline_model::SharedClock;

/// Durable state; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    clock: SharedClock,
}

#[derive(Debug, Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Arc<Postgres>),
}

use Backend::{Postgres as Pg, Sqlite as Lite};

/// A read that both backends have under the same name.
macro_rules! reads {
    ($($(#[$m:meta])* $name:ident($($a:ident: $t:ty => $own:expr),*) -> $r:ty;)*) => { impl Store { $(
        $(#[$m])*
        pub async fn $name(&self, $($a: $t),*) -> Result<$r, Error> {
            let ($($a,)*) = ($($own,)*);
            $(crate::store::Pass::check(&$a)?;)*
            match &self.backend {
                Lite(s) => s.read(move |c| read::$name(c, $(reads!(@pass $a)),*)).await,
                Pg(p) => p.$name($(reads!(@pass $a)),*).await,
            }
        }
    )* } };
    (@pass $a:ident) => { crate::store::Pass::pass(&$a) };
}

/// How an owned argument is lent to a query: numbers by value, the rest by reference.
trait Pass {
    type Lent<'a>
    where
        Self: 'a;
    fn pass(&self) -> Self::Lent<'_>;
    /// Whether every backend can ask for it.
    fn check(&self) -> Result<(), Error>;
}
macro_rules! pass {
    (value $($t:ty)*) => { $(impl Pass for $t {
        type Lent<'a> = $t;
        fn pass(&self) -> $t { *self }
        fn check(&self) -> Result<(), Error> { Ok(()) }
    })* };
    (lend $($t:ty: $texts:expr;)*) => { $(impl Pass for $t {
        type Lent<'a> = &'a $t;
        fn pass(&self) -> &$t { self }
        fn check(&self) -> Result<(), Error> {
            let texts: fn(&$t) -> &[String] = $texts;
            texts(self).iter().try_for_each(|text| no_nul("key", text))
        }
    })* };
}
pass!(value i64 usize);
pass! {
    lend
    String: std::slice::from_ref;
    Vec<String>: |all| all;
    EffectFilter: |filter| std::slice::from_ref(&filter.kind_prefix);
}

reads! {
    /// Events after a place in the log, in order.
    events(after_seq: i64 => after_seq, limit: usize => limit) -> Vec<Event>;
    /// One event.
    event(seq: i64 => seq) -> Option<Event>;
    /// One event by its dedupe key.
    event_by_key(source: &str => source.to_owned(), key: &str => key.to_owned()) -> Option<Event>;
    /// Which of these dedupe keys are in the log.
    seen_keys(source: &str => source.to_owned(), keys: &[String] => keys.to_vec()) -> HashSet<String>;
    /// Size of the log.
    event_stats() -> EventStats;
    /// Where a cursor stands; 0 when never moved.
    cursor(name: &str => name.to_owned()) -> i64;
    /// Those of the records that exist, by id.
    records(kind: &str => kind.to_owned(), ids: &[String] => ids.to_vec()) -> Vec<Record>;
    /// A page of records, by id.
    list_records(kind: &str => kind.to_owned(), after_id: Option<&str> => after_id.unwrap_or("").to_owned(), limit: usize => limit) -> Vec<Record>;
    /// How many records of a kind exist.
    count_records(kind: &str => kind.to_owned()) -> i64;
    /// Effects, newest first.
    effects(filter: &EffectFilter => filter.clone()) -> Vec<EffectInfo>;
    /// Who has or last had a lease; a time of expiry that has passed means nobody has it.
    lease(name: &str => name.to_owned()) -> Option<Lease>;
    /// The audit log, newest first.
    audit_log(limit: usize => limit) -> Vec<AuditEntry>;
}

impl Store {
    /// Opens or makes a SQLite file.
    pub async fn open_sqlite(path: impl AsRef<Path>, clock: &SharedClock) -> Result<Self, Error> {
        let backend = Lite(Sqlite::open(path.as_ref().to_owned()).await?);
        Ok(Self { backend, clock: Arc::clone(clock) })
    }

    /// Opens a PostgreSQL database.
    pub async fn open_postgres(url: &str, clock: &SharedClock) -> Result<Self, Error> {
        let backend = Pg(Arc::new(Postgres::open(url).await?));
        Ok(Self { backend, clock: Arc::clone(clock) })
    }

    fn now(&self) -> i64 {
        self.clock.now().as_microsecond()
    }

    /// Appends; answers when the events are on disk. Callers at the same time share a transaction.
    pub async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, Error> {
        let packed = pack(events).await?;
        match &self.backend {
            Lite(s) => s.write(move |c| write::append(c, &packed)).await,
            Pg(p) => p.append(packed).await,
        }
    }

    /// Applies a batch whole or not at all.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, Error> {
        let ((events, batch), now) = (pack_batch(batch).await?, self.now());
        match &self.backend {
            Lite(s) => s.write(move |c| write::commit(c, &events, &batch, now)).await,
            Pg(p) => p.commit(None, &events, &batch, now).await,
        }
    }

    /// One record.
    pub async fn record(&self, kind: &str, id: &str) -> Result<Option<Record>, Error> {
        Ok(self.records(kind, &[id.to_owned()]).await?.pop())
    }

    /// The last number given to an event; 0 when none was.
    pub async fn last_seq(&self) -> Result<i64, Error> {
        match &self.backend {
            Lite(s) => s.read(last_seq).await,
            Pg(p) => p.last_seq().await,
        }
    }

    /// Claims due effects; each comes again when it is not finished within `lease_for`.
    pub async fn due_effects(
        &self,
        kind_prefix: &str,
        limit: usize,
        lease_for: Duration,
    ) -> Result<Vec<Effect>, Error> {
        no_nul("effect kind", kind_prefix)?;
        let (prefix, now) = (kind_prefix.to_owned(), self.now());
        let until = now.saturating_add(micros(lease_for));
        match &self.backend {
            Lite(s) => s.write(move |c| write::claim(c, &prefix, limit, now, until)).await,
            Pg(p) => p.claim(&prefix, limit, now, until).await,
        }
    }

    /// Writes what came of an effect as it was claimed, together with a batch.
    ///
    /// [`Error::Conflict`] when it is not being done any more, or the claim ran out and somebody else has it: the attempt
    /// number is the claim's token.
    pub async fn finish_effect(
        &self,
        claimed: &Effect,
        outcome: Outcome,
        batch: Batch,
    ) -> Result<Committed, Error> {
        let ((events, batch), now) = (pack_batch(batch).await?, self.now());
        let claim = Claim { id: claimed.id, attempt: claimed.attempts };
        match &self.backend {
            Lite(s) => {
                s.write(move |c| {
                    write::finish(c, claim, &outcome, now)?;
                    write::commit(c, &events, &batch, now)
                })
                .await
            }
            Pg(p) => p.commit(Some((claim, &outcome)), &events, &batch, now).await,
        }
    }

    /// Takes or prolongs a lease; `None` while somebody else holds it.
    pub async fn take_lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>, Error> {
        no_nul("lease name", name)?;
        no_nul("lease owner", owner)?;
        let now = self.now();
        let until = now.saturating_add(micros(ttl));
        let (n, o) = (name.to_owned(), owner.to_owned());
        let fencing = match &self.backend {
            Lite(s) => s.write(move |c| write::take_lease(c, &n, &o, now, until)).await?,
            Pg(p) => p.take_lease(name, owner, now, until).await?,
        };
        let Some(fencing) = fencing else { return Ok(None) };
        Ok(Some(Lease { name: name.into(), owner: owner.into(), fencing, expires_at: time(until)? }))
    }

    /// Gives a lease back; nothing happens when it was lost already.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), Error> {
        let l = lease.clone();
        match &self.backend {
            Lite(s) => s.write(move |c| write::release_lease(c, &l.name, &l.owner, l.fencing)).await,
            Pg(p) => p.release_lease(&l.name, &l.owner, l.fencing).await,
        }
    }

    /// The last number given, to wait for news; a wake-up may stand for several events.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        match &self.backend {
            Lite(s) => s.last.clone(),
            Pg(p) => p.last.subscribe(),
        }
    }

    /// Deletes events received before a time, but for the newest one of all; answers how many.
    pub async fn prune_events(&self, before: Timestamp) -> Result<u64, Error> {
        let before = before.as_microsecond();
        match &self.backend {
            Lite(s) => s.write(move |c| write::prune(c, before)).await,
            Pg(p) => p.prune(before).await,
        }
    }

    /// Deletes records of a kind that were last written before a time, oldest first, at most `limit`; answers how many.
    ///
    /// Those whose id has a record of the kind `unless` too are kept: that names what is still in use.
    pub async fn prune_records(
        &self,
        kind: &str,
        unless: Option<&str>,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, Error> {
        let before = before.as_microsecond();
        match &self.backend {
            Lite(s) => {
                let (kind, unless) = (kind.to_owned(), unless.map(str::to_owned));
                s.write(move |c| write::prune_records(c, &kind, unless.as_deref(), before, limit)).await
            }
            Pg(p) => p.prune_records(kind, unless, before, limit).await,
        }
    }

    /// Whether the store can be written now.
    pub async fn health(&self) -> Result<(), Error> {
        let now = self.now();
        let probe = Batch::default();
        match &self.backend {
            Lite(s) => s.write(move |c| write::take_lease(c, "health", "health", now, now).map(drop)).await,
            Pg(p) => {
                p.take_lease("health", "health", now, now).await?;
                p.commit(None, &[], &probe, now).await.map(drop)
            }
        }
    }
}

/// Which attempt at an effect speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) id: i64,
    pub(crate) attempt: i64,
}

fn micros(d: Duration) -> i64 {
    i64::try_from(d.as_micros()).unwrap_or(i64::MAX)
}
