//! How much there is.

use super::{COUNTS, STORAGE_SIZE};
use crate::{Engine, Error, params::Params, read::Answer};
use jiff::Timestamp;

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCount {
    /// Its name.
    pub table: String,
    /// Rows, one per key.
    pub rows: u64,
    /// Oldest time.
    pub oldest_at: Option<Timestamp>,
    /// Newest time.
    pub newest_at: Option<Timestamp>,
}

/// Per table, by name.
pub(crate) async fn counts(engine: &dyn Engine) -> Result<Vec<TableCount>, Error> {
    let mut out = Vec::new();
    for batch in &engine.query(&COUNTS, Params::new()).await? {
        let answer = Answer { query: COUNTS.name, batch };
        let (table, rows) = (answer.texts("name")?, answer.numbers("row_count")?);
        let (oldest_at, newest_at) = (answer.times("oldest_at")?, answer.times("newest_at")?);
        out.extend(answer.rows().map(|row| TableCount {
            table: table.get(row).to_owned(),
            rows: rows.get(row),
            oldest_at: oldest_at.opt(row),
            newest_at: newest_at.opt(row),
        }));
    }
    out.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(out)
}

pub(crate) async fn storage_bytes(engine: &dyn Engine) -> Result<u64, Error> {
    let mut bytes = 0;
    for batch in &engine.query(&STORAGE_SIZE, Params::new()).await? {
        let answer = Answer { query: STORAGE_SIZE.name, batch };
        let column = answer.numbers("bytes")?;
        bytes += answer.rows().map(|row| column.get(row)).sum::<u64>();
    }
    Ok(bytes)
}
