//! Queries.

use super::Postgres;
use crate::{
    AuditEntry, Effect, EffectFilter, EffectInfo, EffectState, Error, Event, EventStats, Lease, Record,
    codec::{limit, time, unpack},
};
use deadpool_postgres::Pool;
use std::collections::HashSet;
use tokio_postgres::{Row, types::ToSql};

const EVENT: &str = "SELECT seq, source, kind, dedupe_key, received_at, headers, body FROM events";

fn event_of(r: &Row) -> Result<Event, Error> {
    Ok(Event {
        seq: r.try_get(0)?,
        source: r.try_get(1)?,
        kind: r.try_get(2)?,
        dedupe_key: r.try_get(3)?,
        received_at: time(r.try_get(4)?)?,
        headers: serde_json::from_str(r.try_get(5)?)?,
        body: unpack(r.try_get(6)?)?,
    })
}

fn record_of(r: &Row) -> Result<Record, Error> {
    Ok(Record {
        id: r.try_get(0)?,
        version: r.try_get(1)?,
        value: serde_json::from_str(r.try_get(2)?)?,
        updated_at: time(r.try_get(3)?)?,
    })
}

pub(super) fn effect_of(r: &Row) -> Result<Effect, Error> {
    Ok(Effect {
        id: r.try_get(0)?,
        kind: r.try_get(1)?,
        key: r.try_get(2)?,
        payload: serde_json::from_str(r.try_get(3)?)?,
        why: serde_json::from_str(r.try_get(4)?)?,
        attempts: r.try_get(5)?,
    })
}

/// The highest number that is visible; numbers of transactions under way or rolled back do not count.
pub(super) async fn last_seq(pool: &Pool) -> Result<i64, Error> {
    let sql = "SELECT coalesce(max(seq), 0) FROM events";
    Ok(super::client(pool).await?.query_one(sql, &[]).await?.try_get(0)?)
}

impl Postgres {
    async fn all<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        f: impl Fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let c = self.client().await?;
        let statement = c.prepare_cached(sql).await?;
        c.query(&statement, params).await?.iter().map(f).collect()
    }

    pub(crate) async fn last_seq(&self) -> Result<i64, Error> {
        last_seq(&self.pool).await
    }

    pub(crate) async fn events(&self, after: i64, n: usize) -> Result<Vec<Event>, Error> {
        self.all(&format!("{EVENT} WHERE seq > $1 ORDER BY seq LIMIT $2"), &[&after, &limit(n)], event_of)
            .await
    }

    pub(crate) async fn event(&self, seq: i64) -> Result<Option<Event>, Error> {
        Ok(self.all(&format!("{EVENT} WHERE seq = $1"), &[&seq], event_of).await?.pop())
    }

    pub(crate) async fn event_by_key(&self, source: &str, key: &str) -> Result<Option<Event>, Error> {
        let sql = format!("{EVENT} WHERE source = $1 AND dedupe_key = $2");
        Ok(self.all(&sql, &[&source, &key], event_of).await?.pop())
    }

    pub(crate) async fn seen_keys(&self, source: &str, keys: &[String]) -> Result<HashSet<String>, Error> {
        let sql = "SELECT dedupe_key FROM events WHERE source = $1 AND dedupe_key = ANY($2)";
        Ok(self.all(sql, &[&source, &keys], |r| Ok(r.try_get(0)?)).await?.into_iter().collect())
    }

    pub(crate) async fn event_stats(&self) -> Result<EventStats, Error> {
        let sql = "SELECT count(*), coalesce(min(seq),0), coalesce(max(seq),0), coalesce(sum(length(body)),0)::bigint,
            (SELECT received_at FROM events ORDER BY seq DESC LIMIT 1) FROM events";
        let read = |r: &Row| {
            Ok(EventStats {
                count: r.try_get(0)?,
                first_seq: r.try_get(1)?,
                last_seq: r.try_get(2)?,
                stored_bytes: r.try_get(3)?,
                last_received_at: r.try_get::<_, Option<i64>>(4)?.map(time).transpose()?,
            })
        };
        Ok(self.all(sql, &[], read).await?.pop().unwrap_or_default())
    }

    pub(crate) async fn cursor(&self, name: &str) -> Result<i64, Error> {
        let rows =
            self.all("SELECT seq FROM cursors WHERE name = $1", &[&name], |r| Ok(r.try_get(0)?)).await?;
        Ok(rows.into_iter().next().unwrap_or(0))
    }

    pub(crate) async fn records(&self, kind: &str, ids: &[String]) -> Result<Vec<Record>, Error> {
        let sql =
            "SELECT id, version, value, updated_at FROM records WHERE kind = $1 AND id = ANY($2) ORDER BY id";
        self.all(sql, &[&kind, &ids], record_of).await
    }

    pub(crate) async fn list_records(&self, kind: &str, after: &str, n: usize) -> Result<Vec<Record>, Error> {
        let sql = "SELECT id, version, value, updated_at FROM records WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3";
        self.all(sql, &[&kind, &after, &limit(n)], record_of).await
    }

    pub(crate) async fn count_records(&self, kind: &str) -> Result<i64, Error> {
        let rows =
            self.all("SELECT count(*) FROM records WHERE kind = $1", &[&kind], |r| Ok(r.try_get(0)?)).await?;
        Ok(rows.into_iter().next().unwrap_or(0))
    }

    pub(crate) async fn effects(&self, f: &EffectFilter) -> Result<Vec<EffectInfo>, Error> {
        let sql = "SELECT id, kind, key, payload, why, attempts, state, due_at, error, result, created_at FROM effects
            WHERE starts_with(kind, $1) AND ($2::text IS NULL OR state = $2) ORDER BY id DESC LIMIT $3";
        let n = if f.limit == 0 { 100 } else { limit(f.limit) };
        let read = |r: &Row| {
            Ok(EffectInfo {
                effect: effect_of(r)?,
                state: EffectState::read(r.try_get(6)?)?,
                due_at: time(r.try_get(7)?)?,
                error: r.try_get(8)?,
                result: r.try_get::<_, Option<&str>>(9)?.map(serde_json::from_str).transpose()?,
                created_at: time(r.try_get(10)?)?,
            })
        };
        self.all(sql, &[&f.kind_prefix, &f.state.map(EffectState::text), &n], read).await
    }

    pub(crate) async fn lease(&self, name: &str) -> Result<Option<Lease>, Error> {
        let sql = "SELECT name, owner, fencing, expires_at FROM leases WHERE name = $1";
        let read = |r: &Row| {
            Ok(Lease {
                name: r.try_get(0)?,
                owner: r.try_get(1)?,
                fencing: r.try_get(2)?,
                expires_at: time(r.try_get(3)?)?,
            })
        };
        Ok(self.all(sql, &[&name], read).await?.pop())
    }

    pub(crate) async fn audit_log(&self, n: usize) -> Result<Vec<AuditEntry>, Error> {
        let sql = "SELECT id, at, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT $1";
        let read = |r: &Row| {
            Ok(AuditEntry {
                id: r.try_get(0)?,
                at: time(r.try_get(1)?)?,
                actor: r.try_get(2)?,
                action: r.try_get(3)?,
                subject: r.try_get(4)?,
                detail: serde_json::from_str(r.try_get(5)?)?,
            })
        };
        self.all(sql, &[&limit(n)], read).await
    }
}
