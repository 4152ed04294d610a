//! Stored forms: compressed bodies, microseconds, JSON texts.

use crate::{Batch, Error, NewEvent};
use bytes::Bytes;
use jiff::Timestamp;
use std::io::Read;

const MAX_BODY: u64 = 64 * 1024 * 1024;
/// Larger work leaves the calling task, so that it does not hold up its neighbours.
const SMALL: usize = 256 * 1024;

/// An event ready to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) source: String,
    pub(crate) kind: String,
    pub(crate) dedupe_key: Option<String>,
    pub(crate) received_at: i64,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// PostgreSQL has no NUL in texts; refused on every backend, with the same words, before anything is written.
pub(crate) fn no_nul(what: &str, text: &str) -> Result<(), Error> {
    if !text.contains('\0') {
        return Ok(());
    }
    Err(Error::Value(format!(
        "{what} {text:?} contains a NUL character, which is not allowed in names and keys"
    )))
}

fn check_batch(batch: &Batch) -> Result<(), Error> {
    if let Some(m) = &batch.cursor {
        no_nul("cursor name", &m.name)?;
    }
    for w in &batch.records {
        no_nul("record kind", &w.kind)?;
        no_nul("record id", &w.id)?;
    }
    for e in &batch.outbox {
        no_nul("effect kind", &e.kind)?;
        no_nul("effect key", &e.key)?;
    }
    for a in &batch.audit {
        no_nul("audit actor", &a.actor)?;
        no_nul("audit action", &a.action)?;
        no_nul("audit subject", &a.subject)?;
    }
    Ok(())
}

fn pack_one(e: NewEvent) -> Result<Packed, Error> {
    no_nul("event source", &e.source)?;
    no_nul("event kind", &e.kind)?;
    no_nul("event dedupe key", e.dedupe_key.as_deref().unwrap_or_default())?;
    if e.body.len() as u64 > MAX_BODY {
        return Err(Error::Value(format!(
            "a body of {} bytes is over the limit of {MAX_BODY}",
            e.body.len()
        )));
    }
    Ok(Packed {
        headers: serde_json::to_string(&e.headers)?,
        body: zstd::bulk::compress(&e.body, 1).map_err(|x| Error::Value(format!("compress a body: {x}")))?,
        source: e.source,
        kind: e.kind,
        dedupe_key: e.dedupe_key,
        received_at: e.received_at.as_microsecond(),
    })
}

pub(crate) async fn pack(events: Vec<NewEvent>) -> Result<Vec<Packed>, Error> {
    if events.iter().map(|e| e.body.len()).sum::<usize>() <= SMALL {
        return events.into_iter().map(pack_one).collect();
    }
    blocking(move || events.into_iter().map(pack_one).collect()).await
}

pub(crate) async fn pack_batch(mut batch: Batch) -> Result<(Vec<Packed>, Batch), Error> {
    check_batch(&batch)?;
    Ok((pack(std::mem::take(&mut batch.events)).await?, batch))
}

pub(crate) fn unpack(stored: &[u8]) -> Result<Bytes, Error> {
    let bad = |e: std::io::Error| Error::Value(format!("unpack a body: {e}"));
    // What `pack` stored says its size: one room of that size, and no windows and buffers that a stream needs.
    if let Ok(Some(size)) = zstd::zstd_safe::get_frame_content_size(stored)
        && size <= MAX_BODY
    {
        return Ok(zstd::bulk::decompress(stored, size as usize).map_err(bad)?.into());
    }
    let mut out = Vec::new();
    zstd::Decoder::new(stored).map_err(bad)?.take(MAX_BODY + 1).read_to_end(&mut out).map_err(bad)?;
    if out.len() as u64 > MAX_BODY {
        return Err(Error::Value(format!("a stored body is over the limit of {MAX_BODY} bytes")));
    }
    Ok(out.into())
}

pub(crate) fn time(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(micros).map_err(|e| Error::Value(e.to_string()))
}

pub(crate) fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(f).await.map_err(|e| Error::Unavailable(e.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_refused() {
        let bomb = zstd::stream::encode_all(std::io::repeat(0).take(MAX_BODY + 1), 1).unwrap();
        assert!(unpack(&bomb).is_err());
        // The same with its size in front, and with a size that is not true.
        let zeros = vec![0; MAX_BODY as usize + 1];
        assert!(unpack(&zstd::bulk::compress(&zeros, 1).unwrap()).is_err());
        let mut liar = zstd::bulk::compress(&zeros[..100_000], 1).unwrap();
        let claim = liar.windows(4).position(|bytes| bytes == 100_000_u32.to_le_bytes()).unwrap();
        liar[claim..claim + 4].copy_from_slice(&50_000_u32.to_le_bytes());
        assert!(unpack(&liar).is_err());
    }
}
