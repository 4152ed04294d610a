//! `trunkline serve`

use super::{Answer, load, out, runtime};
use crate::engine::{Engine, Pace};
use anyhow::{Context, Result};
use std::{path::PathBuf, sync::Arc};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tokio_util::sync::CancellationToken;
use trunkline_model::SystemClock;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Configuration file.
    #[arg(short, long, default_value = "trunkline.toml")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let Some(config) = load(&args.config)? else { return Ok(Answer::Usage) };
    runtime()?.block_on(async {
        let listen = config.server.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listen on {listen}"))?;
        let address = listener.local_addr()?;
        let engine = Engine::open(config, Arc::new(SystemClock), Pace(1)).await?;
        out::talk(&format!("Trunkline is ready: http://{address}/"));
        Box::pin(engine.run(listener, on_signal()?)).await?;
        Ok(Answer::Ok)
    })
}

/// A token that the first Ctrl-C or SIGTERM cancels; the second one ends the process at once.
pub(super) fn on_signal() -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; a second signal stops at once");
        cancelled.cancel();
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        std::process::abort();
    });
    Ok(token)
}
