//! What every API request passes: faults, credentials, rate limits, ETags, the request log.

use super::{State, answer::Refusal, auth, requests::Request as Logged};
use crate::world::{Bucket, Budget};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{self, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    hash::{DefaultHasher, Hasher as _},
    sync::PoisonError,
    time::Duration,
};

/// Longest request body that is read.
const MAX_REQUEST: usize = 1 << 20;

pub(super) async fn pass(
    extract::State(state): extract::State<State>,
    request: Request,
    next: Next,
) -> Response {
    let at = state.world.now();
    let (parts, body) = request.into_parts();
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let (mut response, body) = match to_bytes(body, MAX_REQUEST).await {
        Ok(body) => {
            let request = Request::from_parts(parts, Body::from(body.clone()));
            (answer(&state, request, next).await, body)
        }
        Err(_) => {
            let refusal = Refusal(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large".into());
            (refusal.into_response(), Bytes::new())
        }
    };
    // GitHub's clock is the world's.
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    state.requests.add(Logged {
        at,
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        status: response.status().as_u16(),
    });
    response
}

async fn answer(state: &State, request: Request, next: Next) -> Response {
    let faults = state.faults.get();
    if faults.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    }
    let now = state.world.now();
    if faults.is_down(now) {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "No server is currently available to service your request.",
        )
            .into_response();
    }
    if state.chance.lock().unwrap_or_else(PoisonError::into_inner).chance(faults.server_errors) {
        return Refusal(StatusCode::BAD_GATEWAY, "Server Error".into()).into_response();
    }
    let path = request.uri().path().to_owned();
    if let Err(message) = auth::check(state, &path, request.headers()) {
        return Refusal::unauthorized(message).into_response();
    }
    let bucket = if path.ends_with("/generate-jitconfig") { Bucket::Registration } else { Bucket::Core };
    let free = path == "/rate_limit";
    let taken = free || (!faults.rate_limited && state.world.with(|world| world.budgets().take(bucket, now)));
    if !taken {
        let mut budget = state.world.with(|world| world.budgets().left(bucket, now));
        if let Some(seconds) = faults.retry_after_seconds.filter(|_| faults.rate_limited) {
            let message =
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            let mut response = Refusal(StatusCode::FORBIDDEN, message.into()).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            show_limits(response.headers_mut(), bucket, &budget);
            return response;
        }
        budget.used = budget.limit;
        let message = "API rate limit exceeded for installation. If you reach out to GitHub Support, include the request ID.";
        let mut response = Refusal(StatusCode::FORBIDDEN, message.into()).into_response();
        show_limits(response.headers_mut(), bucket, &budget);
        return response;
    }
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let reads = request.method() == Method::GET;
    let mut response = next.run(request).await;
    if reads && response.status() == StatusCode::OK {
        response = with_etag(response, known.as_ref()).await;
        if response.status() == StatusCode::NOT_MODIFIED {
            state.world.with(|world| world.budgets().give_back(bucket, now));
        }
    }
    let budget = state.world.with(|world| world.budgets().left(bucket, now));
    show_limits(response.headers_mut(), bucket, &budget);
    response
}

fn show_limits(headers: &mut HeaderMap, bucket: Bucket, budget: &Budget) {
    let numbers = [
        ("x-ratelimit-limit", budget.limit.to_string()),
        ("x-ratelimit-remaining", budget.remaining().to_string()),
        ("x-ratelimit-used", budget.used.to_string()),
        ("x-ratelimit-reset", budget.reset.as_second().to_string()),
        ("x-ratelimit-resource", bucket.as_str().to_owned()),
    ];
    for (name, value) in numbers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Tags the answer by its content; 304 without content when the asker has it.
async fn with_etag(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    // The answer is our own, made of one piece: reading it does not fail.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(&body);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    let same = known
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.split(',').map(str::trim).any(|known| known == tag || known == "*"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if same {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}
