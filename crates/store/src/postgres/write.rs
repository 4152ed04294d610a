//! Statements that write.

use super::{APPEND_LOCK, Postgres};
use crate::{
    Appended, Batch, Committed, Effect, Error, Expected, Outcome, RecordWrite,
    codec::{Packed, limit},
    sqlite::write::{not_claimed, outcome},
    store::Claim,
};
use deadpool_postgres::Transaction;
use std::collections::HashMap;

/// Numbers are given under a lock that is held until the commit, so they become visible in order. Call it last.
pub(super) async fn append(tx: &Transaction<'_>, events: &[Packed]) -> Result<Vec<Appended>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let lock = tx.prepare_cached("SELECT pg_advisory_xact_lock($1)").await?;
    tx.execute(&lock, &[&APPEND_LOCK]).await?;
    let insert = tx
        .prepare_cached(
            "INSERT INTO events(source, kind, dedupe_key, received_at, headers, body)
             SELECT s, k, d, r, h, b FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bytea[])
             WITH ORDINALITY AS t(s, k, d, r, h, b, n) ORDER BY n
             ON CONFLICT (source, dedupe_key) DO NOTHING RETURNING seq, source, dedupe_key",
        )
        .await?;
    let column = |f: fn(&Packed) -> &str| events.iter().map(f).collect::<Vec<_>>();
    let keys: Vec<_> = events.iter().map(|e| e.dedupe_key.as_deref()).collect();
    let times: Vec<_> = events.iter().map(|e| e.received_at).collect();
    let bodies: Vec<_> = events.iter().map(|e| e.body.as_slice()).collect();
    let (sources, kinds, headers) = (column(|e| &e.source), column(|e| &e.kind), column(|e| &e.headers));
    let rows = tx.query(&insert, &[&sources, &kinds, &keys, &times, &headers, &bodies]).await?;
    let mut fresh: HashMap<(String, String), i64> = HashMap::new();
    let mut keyless = Vec::new();
    for row in rows {
        match row.get::<_, Option<String>>(2) {
            Some(key) => drop(fresh.insert((row.get(1), key), row.get(0))),
            None => keyless.push(row.get::<_, i64>(0)),
        }
    }
    keyless.sort_unstable();
    let mut keyless = keyless.into_iter();
    let mut known: HashMap<(String, String), i64> = HashMap::new();
    let find = tx.prepare_cached("SELECT seq FROM events WHERE source = $1 AND dedupe_key = $2").await?;
    let mut out = Vec::with_capacity(events.len());
    for e in events {
        let Some(key) = &e.dedupe_key else {
            let seq = keyless.next().ok_or_else(|| Error::Value("an event was not stored".into()))?;
            out.push(Appended { seq, duplicate: false });
            continue;
        };
        let id = (e.source.clone(), key.clone());
        if let Some(seq) = fresh.remove(&id) {
            known.insert(id, seq);
            out.push(Appended { seq, duplicate: false });
        } else if let Some(&seq) = known.get(&id) {
            out.push(Appended { seq, duplicate: true });
        } else {
            let seq = tx.query_one(&find, &[&e.source, key]).await?.get(0);
            known.insert(id, seq);
            out.push(Appended { seq, duplicate: true });
        }
    }
    Ok(out)
}

async fn record(tx: &Transaction<'_>, w: &RecordWrite, now: i64) -> Result<(), Error> {
    let value = w.value.as_ref().map(ToString::to_string);
    let changed = match (w.expected, &value) {
        (Expected::Any, Some(v)) => {
            let s = tx
                .prepare_cached(
                    "INSERT INTO records VALUES ($1, $2, 1, $3, $4) ON CONFLICT (kind, id) DO UPDATE
                SET version = records.version + 1, value = excluded.value, updated_at = excluded.updated_at",
                )
                .await?;
            tx.execute(&s, &[&w.kind, &w.id, v, &now]).await?
        }
        (Expected::Absent, Some(v)) => {
            let s = tx
                .prepare_cached("INSERT INTO records VALUES ($1, $2, 1, $3, $4) ON CONFLICT DO NOTHING")
                .await?;
            tx.execute(&s, &[&w.kind, &w.id, v, &now]).await?
        }
        (Expected::Version(version), Some(v)) => {
            let s = tx
                .prepare_cached(
                    "UPDATE records SET version = version + 1, value = $3, updated_at = $4
                WHERE kind = $1 AND id = $2 AND version = $5",
                )
                .await?;
            tx.execute(&s, &[&w.kind, &w.id, v, &now, &version]).await?
        }
        (Expected::Any, None) => {
            tx.execute("DELETE FROM records WHERE kind = $1 AND id = $2", &[&w.kind, &w.id]).await?;
            1
        }
        (Expected::Absent, None) => {
            let there =
                tx.query_opt("SELECT 1 FROM records WHERE kind = $1 AND id = $2", &[&w.kind, &w.id]).await?;
            u64::from(there.is_none())
        }
        (Expected::Version(version), None) => {
            let sql = "DELETE FROM records WHERE kind = $1 AND id = $2 AND version = $3";
            tx.execute(sql, &[&w.kind, &w.id, &version]).await?
        }
    };
    if changed == 1 {
        return Ok(());
    }
    Err(Error::conflict(format!("record {} {} is not as expected: {:?}", w.kind, w.id, w.expected)))
}

impl Postgres {
    pub(crate) async fn commit(
        &self,
        finish: Option<(Claim, &Outcome)>,
        events: &[Packed],
        batch: &Batch,
        now: i64,
    ) -> Result<Committed, Error> {
        let mut c = self.client().await?;
        let tx = c.transaction().await?;
        if let Some(lease) = &batch.lease {
            // Locked until the commit: whoever takes the lease meanwhile waits for these changes.
            let sql = "SELECT 1 FROM leases WHERE name = $1 AND owner = $2 AND fencing = $3 AND expires_at > 0 FOR SHARE";
            let held = tx.prepare_cached(sql).await?;
            if tx.query_opt(&held, &[&lease.name, &lease.owner, &lease.fencing]).await?.is_none() {
                return Err(Error::lease_lost(lease));
            }
        }
        if let Some((claim, o)) = finish {
            let (state, due, error, result) = outcome(o, now);
            let sql = "UPDATE effects SET state = $2, due_at = $3, error = $4, result = $5
                WHERE id = $1 AND state = 'pending' AND attempts = $6 AND attempts > 0";
            let s = tx.prepare_cached(sql).await?;
            let Claim { id, attempt } = claim;
            if tx.execute(&s, &[&id, &state.text(), &due, &error, &result, &attempt]).await? != 1 {
                return Err(not_claimed(claim));
            }
        }
        if let Some(m) = &batch.cursor {
            let sql = if m.from == 0 {
                "INSERT INTO cursors VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET seq = $2 WHERE cursors.seq = $3"
            } else {
                "UPDATE cursors SET seq = $2 WHERE name = $1 AND seq = $3"
            };
            // The cast keeps the type of $3 known in both texts.
            if tx.execute(&sql.replace("$3", "$3::bigint"), &[&m.name, &m.to, &m.from]).await? != 1 {
                return Err(Error::conflict(format!("cursor {} is not at {}", m.name, m.from)));
            }
        }
        // In one order everywhere, or two batches could wait for each other's rows.
        let mut records: Vec<_> = batch.records.iter().collect();
        records.sort_by_key(|w| (&w.kind, &w.id));
        for w in records {
            record(&tx, w, now).await?;
        }
        let mut done = Committed::default();
        for e in &batch.outbox {
            let due = e.not_before.map_or(now, jiff::Timestamp::as_microsecond);
            let s = tx
                .prepare_cached(
                    "INSERT INTO effects(kind, key, payload, why, state, due_at, created_at)
                VALUES ($1, $2, $3, $4, 'pending', $5, $6) ON CONFLICT (key) DO NOTHING",
                )
                .await?;
            let (payload, why) = (e.payload.to_string(), serde_json::to_string(&e.why)?);
            let added = tx.execute(&s, &[&e.kind, &e.key, &payload, &why, &due, &now]).await?;
            done.effects_added += usize::from(added == 1);
        }
        for a in &batch.audit {
            let sql = "INSERT INTO audit(at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)";
            tx.execute(sql, &[&now, &a.actor, &a.action, &a.subject, &a.detail.to_string()]).await?;
        }
        done.appended = append(&tx, events).await?;
        tx.commit().await?;
        self.wake(done.appended.iter().map(|a| a.seq).max().unwrap_or(0));
        Ok(done)
    }

    pub(crate) async fn claim(
        &self,
        prefix: &str,
        n: usize,
        now: i64,
        until: i64,
    ) -> Result<Vec<Effect>, Error> {
        let sql =
            "UPDATE effects SET attempts = attempts + 1, due_at = $4 WHERE id IN (SELECT id FROM effects
            WHERE state = 'pending' AND due_at <= $3 AND starts_with(kind, $1) ORDER BY due_at, id LIMIT $2
            FOR UPDATE SKIP LOCKED) RETURNING id, kind, key, payload, why, attempts";
        let rows = self.client().await?.query(sql, &[&prefix, &limit(n), &now, &until]).await?;
        let mut claimed = rows.iter().map(super::read::effect_of).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|e| e.id);
        Ok(claimed)
    }

    pub(crate) async fn take_lease(
        &self,
        name: &str,
        owner: &str,
        now: i64,
        until: i64,
    ) -> Result<Option<i64>, Error> {
        let sql = "INSERT INTO leases VALUES ($1, $2, 1, $4) ON CONFLICT (name) DO UPDATE SET
            fencing = leases.fencing + (CASE WHEN leases.owner = $2 AND leases.expires_at > $3 THEN 0 ELSE 1 END),
            owner = $2, expires_at = $4 WHERE leases.owner = $2 OR leases.expires_at <= $3 RETURNING fencing";
        Ok(self.client().await?.query_opt(sql, &[&name, &owner, &now, &until]).await?.map(|r| r.get(0)))
    }

    pub(crate) async fn release_lease(&self, name: &str, owner: &str, fencing: i64) -> Result<(), Error> {
        let sql = "UPDATE leases SET expires_at = 0 WHERE name = $1 AND owner = $2 AND fencing = $3";
        self.client().await?.execute(sql, &[&name, &owner, &fencing]).await?;
        Ok(())
    }

    pub(crate) async fn prune(&self, before: i64) -> Result<u64, Error> {
        Ok(self
            .client()
            .await?
            .execute(
                "DELETE FROM events WHERE received_at < $1 AND seq < (SELECT max(seq) FROM events)",
                &[&before],
            )
            .await?)
    }

    pub(crate) async fn prune_records(
        &self,
        kind: &str,
        unless: Option<&str>,
        before: i64,
        n: usize,
    ) -> Result<u64, Error> {
        let sql = "DELETE FROM records WHERE kind = $1 AND id IN (SELECT id FROM records r WHERE kind = $1 AND updated_at < $3
            AND NOT EXISTS (SELECT 1 FROM records u WHERE u.kind = $2 AND u.id = r.id) ORDER BY updated_at, id LIMIT $4
            FOR UPDATE)";
        let c = self.client().await?;
        let statement = c.prepare_cached(sql).await?;
        Ok(c.execute(&statement, &[&kind, &unless, &before, &limit(n)]).await?)
    }
}
