//! Statements that write; each runs inside the writer's transaction.

use super::read::{all, effect_of};
use crate::{
    Appended, Batch, Committed, Effect, EffectState, Error, Expected, Outcome, RecordWrite,
    codec::{Packed, limit},
    store::Claim,
};
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) fn append(c: &Connection, events: &[Packed]) -> Result<Vec<Appended>, Error> {
    let mut insert = c.prepare_cached(
        "INSERT INTO events(source, kind, dedupe_key, received_at, headers, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut find = c.prepare_cached("SELECT seq FROM events WHERE source = ?1 AND dedupe_key = ?2")?;
    events
        .iter()
        .map(|e| {
            if let Some(key) = &e.dedupe_key
                && let Some(seq) = find.query_row([&e.source, key], |r| r.get(0)).optional()?
            {
                return Ok(Appended { seq, duplicate: true });
            }
            let seq =
                insert.insert(params![e.source, e.kind, e.dedupe_key, e.received_at, e.headers, e.body])?;
            Ok(Appended { seq, duplicate: false })
        })
        .collect()
}

pub(crate) fn commit(c: &Connection, events: &[Packed], batch: &Batch, now: i64) -> Result<Committed, Error> {
    if let Some(lease) = &batch.lease {
        let held = c
            .prepare_cached(
                "SELECT 1 FROM leases WHERE name = ?1 AND owner = ?2 AND fencing = ?3 AND expires_at > 0",
            )?
            .exists(params![lease.name, lease.owner, lease.fencing])?;
        if !held {
            return Err(Error::lease_lost(lease));
        }
    }
    if let Some(m) = &batch.cursor {
        let at = super::read::cursor(c, &m.name)?;
        if at != m.from {
            return Err(Error::conflict(format!("cursor {} is at {at}, not {}", m.name, m.from)));
        }
        c.prepare_cached(
            "INSERT INTO cursors VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq",
        )?
        .execute(params![m.name, m.to])?;
    }
    for w in &batch.records {
        record(c, w, now)?;
    }
    let mut done = Committed { appended: append(c, events)?, effects_added: 0 };
    for e in &batch.outbox {
        let due = e.not_before.map_or(now, jiff::Timestamp::as_microsecond);
        done.effects_added += c
            .prepare_cached(
                "INSERT INTO effects(kind, key, payload, why, state, due_at, created_at)
                 VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6) ON CONFLICT(key) DO NOTHING",
            )?
            .execute(params![
                e.kind,
                e.key,
                e.payload.to_string(),
                serde_json::to_string(&e.why)?,
                due,
                now
            ])?;
    }
    for a in &batch.audit {
        c.prepare_cached(
            "INSERT INTO audit(at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![now, a.actor, a.action, a.subject, a.detail.to_string()])?;
    }
    Ok(done)
}

fn record(c: &Connection, w: &RecordWrite, now: i64) -> Result<(), Error> {
    let found: Option<i64> = c
        .prepare_cached("SELECT version FROM records WHERE kind = ?1 AND id = ?2")?
        .query_row([&w.kind, &w.id], |r| r.get(0))
        .optional()?;
    check(w, found)?;
    match &w.value {
        Some(value) => c
            .prepare_cached(
                "INSERT INTO records VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT(kind, id) DO UPDATE
                 SET version = version + 1, value = excluded.value, updated_at = excluded.updated_at",
            )?
            .execute(params![w.kind, w.id, value.to_string(), now])?,
        None => {
            c.prepare_cached("DELETE FROM records WHERE kind = ?1 AND id = ?2")?.execute([&w.kind, &w.id])?
        }
    };
    Ok(())
}

/// Whether what is there is what the writer expects.
pub(crate) fn check(w: &RecordWrite, found: Option<i64>) -> Result<(), Error> {
    let ok = match w.expected {
        Expected::Any => true,
        Expected::Absent => found.is_none(),
        Expected::Version(v) => found == Some(v),
    };
    if ok {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "record {} {} has version {found:?}, expected {:?}",
        w.kind, w.id, w.expected
    )))
}

pub(crate) fn claim(
    c: &Connection,
    prefix: &str,
    n: usize,
    now: i64,
    until: i64,
) -> Result<Vec<Effect>, Error> {
    let sql = "UPDATE effects SET attempts = attempts + 1, due_at = ?4 WHERE id IN (SELECT id FROM effects
        WHERE state = 'pending' AND due_at <= ?3 AND substr(kind, 1, length(?1)) = ?1 ORDER BY due_at, id LIMIT ?2)
        RETURNING id, kind, key, payload, why, attempts";
    let mut claimed = all(c, sql, params![prefix, limit(n), now, until], effect_of)?;
    claimed.sort_by_key(|e| e.id);
    Ok(claimed)
}

/// State, due time, error and result that an outcome leaves.
pub(crate) fn outcome(o: &Outcome, now: i64) -> (EffectState, i64, Option<String>, Option<String>) {
    // The words of others may have anything in them; an outcome must be written all the same.
    let words = |error: &str| Some(error.replace('\0', "\u{fffd}"));
    match o {
        Outcome::Done(value) => (EffectState::Done, now, None, Some(value.to_string())),
        Outcome::Retry { at, error } => (EffectState::Pending, at.as_microsecond(), words(error), None),
        Outcome::Failed { error } => (EffectState::Failed, now, words(error), None),
    }
}

pub(crate) fn finish(c: &Connection, claim: Claim, o: &Outcome, now: i64) -> Result<(), Error> {
    let (state, due, error, result) = outcome(o, now);
    let changed = c
        .prepare_cached(
            "UPDATE effects SET state = ?2, due_at = ?3, error = ?4, result = ?5
             WHERE id = ?1 AND state = 'pending' AND attempts = ?6 AND attempts > 0",
        )?
        .execute(params![claim.id, state.text(), due, error, result, claim.attempt])?;
    if changed == 1 { Ok(()) } else { Err(not_claimed(claim)) }
}

pub(crate) fn not_claimed(Claim { id, attempt }: Claim) -> Error {
    Error::conflict(format!("effect {id} is not being done by attempt {attempt}"))
}

pub(crate) fn take_lease(
    c: &Connection,
    name: &str,
    owner: &str,
    now: i64,
    until: i64,
) -> Result<Option<i64>, Error> {
    let sql = "INSERT INTO leases VALUES (?1, ?2, 1, ?4) ON CONFLICT(name) DO UPDATE SET
        fencing = fencing + (CASE WHEN owner = ?2 AND expires_at > ?3 THEN 0 ELSE 1 END), owner = ?2, expires_at = ?4
        WHERE owner = ?2 OR expires_at <= ?3 RETURNING fencing";
    Ok(all(c, sql, params![name, owner, now, until], |r| Ok(r.get(0)?))?.pop())
}

pub(crate) fn release_lease(c: &Connection, name: &str, owner: &str, fencing: i64) -> Result<(), Error> {
    c.prepare_cached("UPDATE leases SET expires_at = 0 WHERE name = ?1 AND owner = ?2 AND fencing = ?3")?
        .execute(params![name, owner, fencing])?;
    Ok(())
}

pub(crate) fn prune(c: &Connection, before: i64) -> Result<u64, Error> {
    Ok(c.execute(
        "DELETE FROM events WHERE received_at < ?1 AND seq < (SELECT max(seq) FROM events)",
        [before],
    )? as u64)
}

pub(crate) fn prune_records(
    c: &Connection,
    kind: &str,
    unless: Option<&str>,
    before: i64,
    n: usize,
) -> Result<u64, Error> {
    let sql = "DELETE FROM records WHERE kind = ?1 AND id IN (SELECT id FROM records r WHERE kind = ?1 AND updated_at < ?3
        AND NOT EXISTS (SELECT 1 FROM records u WHERE u.kind = ?2 AND u.id = r.id) ORDER BY updated_at, id LIMIT ?4)";
    Ok(c.prepare_cached(sql)?.execute(params![kind, unless, before, limit(n)])? as u64)
}
