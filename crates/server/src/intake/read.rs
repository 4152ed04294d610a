//! Reading a body within bounds of size, time and memory.

use super::{
    Lane, Rejection,
    budget::{Budget, Held},
};
use crate::config::IntakeLimits;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// A body is first given so much room, so that one that never comes costs little.
const FIRST_BYTES: usize = 64 << 10;
/// An unwanted body is read off this far and no longer.
const DISCARD_BYTES: usize = 32 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// The length that the sender declares.
pub(super) fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The whole body, and the hold on the memory it takes.
pub(super) async fn whole(
    headers: &HeaderMap,
    body: Body,
    limits: &IntakeLimits,
    budget: &Budget,
    lane: Lane,
) -> Result<(Bytes, Held), Rejection> {
    let time = if lane == Lane::Penalty { limits.body_time / 2 } else { limits.body_time };
    let reading = collect(declared(headers), body, limits.body_bytes, budget.holder(lane));
    timeout(time, reading).await.unwrap_or(Err(Rejection::TooSlow { seconds: time.as_secs_f32() }))
}

async fn collect(
    declared: Option<usize>,
    mut body: Body,
    limit_bytes: usize,
    mut held: Held,
) -> Result<(Bytes, Held), Rejection> {
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Rejection::CutOff) };
        let Ok(chunk) = frame.into_data() else { continue };
        let needed = bytes.len() + chunk.len();
        if needed > limit_bytes {
            return Err(Rejection::TooLarge { limit_bytes });
        }
        if needed > bytes.capacity() {
            // Double, but never beyond what can come; hold memory before taking it.
            let most = declared.unwrap_or(limit_bytes).max(needed);
            let capacity = needed.max(bytes.capacity() * 2).max(FIRST_BYTES).min(most);
            if !held.grow(capacity - bytes.capacity()) {
                return Err(Rejection::Busy);
            }
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.into(), held))
}

/// Reads an unwanted body off, within bounds, so that the sender gets to the answer. Who asked first (`Expect`) sends nothing.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) || declared(headers).is_some_and(|length| length > DISCARD_BYTES)
    {
        return;
    }
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DISCARD_BYTES {
                break;
            }
        }
    };
    if timeout(DISCARD_TIME, reading).await.is_err() {
        tracing::debug!("a refused body came too slowly to be read off");
    }
}
