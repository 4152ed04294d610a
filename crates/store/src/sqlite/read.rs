//! Queries.

use crate::{
    AuditEntry, Effect, EffectFilter, EffectInfo, EffectState, Error, Event, EventStats, Lease, Record,
    codec::{limit, time, unpack},
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use std::collections::HashSet;

const EVENT: &str = "SELECT seq, source, kind, dedupe_key, received_at, headers, body FROM events";

fn event_of(r: &Row<'_>) -> Result<Event, Error> {
    Ok(Event {
        seq: r.get(0)?,
        source: r.get(1)?,
        kind: r.get(2)?,
        dedupe_key: r.get(3)?,
        received_at: time(r.get(4)?)?,
        headers: serde_json::from_str(&r.get::<_, String>(5)?)?,
        body: unpack(r.get_ref(6)?.as_blob().map_err(|e| Error::Value(e.to_string()))?)?,
    })
}

fn record_of(r: &Row<'_>) -> Result<Record, Error> {
    Ok(Record {
        id: r.get(0)?,
        version: r.get(1)?,
        value: serde_json::from_str(&r.get::<_, String>(2)?)?,
        updated_at: time(r.get(3)?)?,
    })
}

pub(super) fn effect_of(r: &Row<'_>) -> Result<Effect, Error> {
    Ok(Effect {
        id: r.get(0)?,
        kind: r.get(1)?,
        key: r.get(2)?,
        payload: serde_json::from_str(&r.get::<_, String>(3)?)?,
        why: serde_json::from_str(&r.get::<_, String>(4)?)?,
        attempts: r.get(5)?,
    })
}

pub(super) fn all<T>(
    c: &Connection,
    sql: &str,
    p: impl Params,
    f: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(p)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(f(row)?);
    }
    Ok(out)
}

pub(crate) fn events(c: &Connection, after: i64, n: usize) -> Result<Vec<Event>, Error> {
    all(c, &format!("{EVENT} WHERE seq > ?1 ORDER BY seq LIMIT ?2"), params![after, limit(n)], event_of)
}

pub(crate) fn event(c: &Connection, seq: i64) -> Result<Option<Event>, Error> {
    Ok(all(c, &format!("{EVENT} WHERE seq = ?1"), [seq], event_of)?.pop())
}

pub(crate) fn event_by_key(c: &Connection, source: &str, key: &str) -> Result<Option<Event>, Error> {
    Ok(all(c, &format!("{EVENT} WHERE source = ?1 AND dedupe_key = ?2"), [source, key], event_of)?.pop())
}

pub(crate) fn seen_keys(c: &Connection, source: &str, keys: &[String]) -> Result<HashSet<String>, Error> {
    let mut s = c.prepare_cached("SELECT 1 FROM events WHERE source = ?1 AND dedupe_key = ?2")?;
    let mut out = HashSet::new();
    for key in keys {
        if s.exists(params![source, key])? {
            out.insert(key.clone());
        }
    }
    Ok(out)
}

pub(crate) fn event_stats(c: &Connection) -> Result<EventStats, Error> {
    let sql = "SELECT count(*), coalesce(min(seq),0), coalesce(max(seq),0), coalesce(sum(length(body)),0),
        (SELECT received_at FROM events ORDER BY seq DESC LIMIT 1) FROM events";
    let mut rows = all(c, sql, [], |r| {
        Ok(EventStats {
            count: r.get(0)?,
            first_seq: r.get(1)?,
            last_seq: r.get(2)?,
            stored_bytes: r.get(3)?,
            last_received_at: r.get::<_, Option<i64>>(4)?.map(time).transpose()?,
        })
    })?;
    Ok(rows.pop().unwrap_or_default())
}

pub(crate) fn cursor(c: &Connection, name: &str) -> Result<i64, Error> {
    let mut s = c.prepare_cached("SELECT seq FROM cursors WHERE name = ?1")?;
    Ok(s.query_row([name], |r| r.get(0)).optional()?.unwrap_or(0))
}

pub(crate) fn records(c: &Connection, kind: &str, ids: &[String]) -> Result<Vec<Record>, Error> {
    let sql = "SELECT id, version, value, updated_at FROM records WHERE kind = ?1
        AND id IN (SELECT value FROM json_each(?2)) ORDER BY id";
    all(c, sql, params![kind, serde_json::to_string(ids)?], record_of)
}

pub(crate) fn list_records(c: &Connection, kind: &str, after: &str, n: usize) -> Result<Vec<Record>, Error> {
    let sql =
        "SELECT id, version, value, updated_at FROM records WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    all(c, sql, params![kind, after, limit(n)], record_of)
}

pub(crate) fn count_records(c: &Connection, kind: &str) -> Result<i64, Error> {
    Ok(c.query_row("SELECT count(*) FROM records WHERE kind = ?1", [kind], |r| r.get(0))?)
}

pub(crate) fn effects(c: &Connection, f: &EffectFilter) -> Result<Vec<EffectInfo>, Error> {
    let sql =
        "SELECT id, kind, key, payload, why, attempts, state, due_at, error, result, created_at FROM effects
        WHERE substr(kind, 1, length(?1)) = ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id DESC LIMIT ?3";
    let n = if f.limit == 0 { 100 } else { limit(f.limit) };
    all(c, sql, params![f.kind_prefix, f.state.map(EffectState::text), n], |r| {
        Ok(EffectInfo {
            effect: effect_of(r)?,
            state: EffectState::read(&r.get::<_, String>(6)?)?,
            due_at: time(r.get(7)?)?,
            error: r.get(8)?,
            result: r.get::<_, Option<String>>(9)?.map(|t| serde_json::from_str(&t)).transpose()?,
            created_at: time(r.get(10)?)?,
        })
    })
}

pub(crate) fn lease(c: &Connection, name: &str) -> Result<Option<Lease>, Error> {
    let sql = "SELECT name, owner, fencing, expires_at FROM leases WHERE name = ?1";
    let read = |r: &Row<'_>| {
        Ok(Lease { name: r.get(0)?, owner: r.get(1)?, fencing: r.get(2)?, expires_at: time(r.get(3)?)? })
    };
    Ok(all(c, sql, [name], read)?.pop())
}

pub(crate) fn audit_log(c: &Connection, n: usize) -> Result<Vec<AuditEntry>, Error> {
    let sql = "SELECT id, at, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?1";
    all(c, sql, [limit(n)], |r| {
        Ok(AuditEntry {
            id: r.get(0)?,
            at: time(r.get(1)?)?,
            actor: r.get(2)?,
            action: r.get(3)?,
            subject: r.get(4)?,
            detail: serde_json::from_str(&r.get::<_, String>(5)?)?,
        })
    })
}
