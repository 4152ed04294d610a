//! Forward-only migrations.

use crate::Error;
use rusqlite::Connection;

const MIGRATIONS: &[&str] = &["
CREATE TABLE events(seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL, dedupe_key TEXT,
  received_at INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, UNIQUE(source, dedupe_key));
CREATE TABLE cursors(name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE records(kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL,
  updated_at INTEGER NOT NULL, PRIMARY KEY(kind, id)) WITHOUT ROWID;
CREATE TABLE effects(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
  payload TEXT NOT NULL, why TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL, error TEXT, result TEXT, created_at INTEGER NOT NULL);
CREATE INDEX effects_due ON effects(due_at, id) WHERE state = 'pending';
CREATE TABLE leases(name TEXT PRIMARY KEY, owner TEXT NOT NULL, fencing INTEGER NOT NULL, expires_at INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL);
", "CREATE INDEX records_age ON records(kind, updated_at);
"];

/// Opens for writing and brings the schema up to date.
pub(super) fn migrate(c: &mut Connection) -> Result<(), Error> {
    let known = MIGRATIONS.len() as i64;
    let tx = c.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    for sql in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(sql)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()?;
    Ok(())
}
