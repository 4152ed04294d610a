//! Accepting connections, with bounds, and stopping without cutting anybody off.

use crate::request::{Peer, Shutdown};
use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Bounds of the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// Connections at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Time for the headers of a request; also how long an idle connection is kept.
    pub header_time: Duration,
    /// Time for requests to finish after shutdown began.
    pub drain_time: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connections: 4_096,
            header_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// Serves HTTP/1.1 until `shutdown`, then stops accepting, lets requests finish and returns.
///
/// # Errors
/// When the listener's address cannot be told any more; a failing `accept` is waited out.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_with(listener, router, ServeOptions::default(), shutdown).await
}

/// [`serve`] with bounds of the caller's.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(options.header_time).max_buf_size(64 << 10);
    loop {
        // Both waits are cancel-safe: a permit or a connection that was not returned is not lost.
        let slot = tokio::select! {
            () = shutdown.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the peer went away already: neither is a reason to stop.
                tracing::warn!(%error, "accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "set TCP_NODELAY");
        }
        let (router, stop) = (router.clone(), shutdown.clone());
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Shutdown(stop.clone()));
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            let _slot = slot;
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended early");
            }
        });
    }
    drop(listener);
    tracing::info!(%address, connections = graceful.count(), "no longer accepting; letting requests finish");
    if tokio::time::timeout(options.drain_time, graceful.shutdown()).await.is_err() {
        tracing::warn!(%address, "some requests did not finish in time; cut off");
    }
    connections.shutdown().await;
    Ok(())
}
