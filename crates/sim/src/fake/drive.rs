//! Keeps the fake GitHub going in real time: serves it, lets its workload happen, sends its webhooks.

use super::{FakeGitHub, Webhook, http};
use crate::workload::{WorkloadConfig, history};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trunkline_github::{
    http::{HttpOptions, client},
    webhook::signature,
};
use trunkline_model::{Rng, SharedClock};

/// How the world is set up.
#[derive(Debug)]
pub struct Options {
    /// What happens in it.
    pub workload: WorkloadConfig,
    /// Its time.
    pub clock: SharedClock,
    /// Simulated seconds per real second.
    pub pace: u16,
    /// Where webhooks go.
    pub webhook_url: String,
    /// What signs them.
    pub webhook_secret: String,
    /// What the REST API accepts.
    pub token: String,
    /// Commits that have landed already.
    pub past_commits: u64,
}

/// Plays until shutdown. Webhooks are sent in order; while the target is away they wait.
///
/// # Errors
/// When the listener fails, or no HTTP client can be made.
pub async fn play(listener: TcpListener, options: Options, shutdown: CancellationToken) -> Result<()> {
    let url = format!("http://{}", listener.local_addr()?);
    let now = options.clock.now();
    let mut rng = Rng::from_seed(options.workload.seed ^ now.as_second().unsigned_abs());
    let mut world = FakeGitHub::new(options.workload.repo.clone(), now);
    let first = history::FirstIds::default();
    let (mut generator, past) = history::live_through(&options.workload, options.past_commits, now, first);
    let mut waiting = world.adopt(&past);
    let shared =
        http::Shared::new(world, rng.fork(), &options.token, &url, options.clock.clone(), options.pace);
    let router = http::router(shared.clone());
    let stop = shutdown.clone();
    let server = tokio::spawn(async move {
        axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
    });
    let sender = Sender { http: client(&HttpOptions::default())?, options: &options };
    let past_done = sender.send(std::mem::take(&mut waiting), &mut rng, &shutdown).await;
    if past_done {
        generator.resume(options.clock.now());
    }
    while !shutdown.is_cancelled() {
        let webhooks = {
            let mut world = shared.world();
            let now = options.clock.now();
            world.advance(now);
            generator.step(&mut *world, now);
            world.advance(now);
            world.take_webhooks()
        };
        let quiet = webhooks.is_empty();
        if sender.send(webhooks, &mut rng, &shutdown).await && quiet {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    server.abort();
    Ok(())
}

struct Sender<'a> {
    http: reqwest::Client,
    options: &'a Options,
}

impl Sender<'_> {
    /// Sends all of them; false when shutdown came first.
    async fn send(&self, webhooks: Vec<Webhook>, rng: &mut Rng, shutdown: &CancellationToken) -> bool {
        for webhook in webhooks {
            let id = format!("{}-{}-4{}-a{}-{}", rng.hex(8), rng.hex(4), rng.hex(3), rng.hex(3), rng.hex(12));
            while let Err(error) = self.deliver(&webhook, &id).await {
                tracing::debug!(%error, "a webhook was not taken; it is sent again");
                let pause = tokio::time::sleep(Duration::from_millis(300));
                if shutdown.run_until_cancelled(pause).await.is_none() {
                    return false;
                }
            }
        }
        !shutdown.is_cancelled()
    }

    async fn deliver(&self, webhook: &Webhook, id: &str) -> Result<()> {
        let body = serde_json::to_vec(&webhook.payload)?;
        let answer = self
            .http
            .post(&self.options.webhook_url)
            .header("content-type", "application/json")
            .header("x-github-event", webhook.event)
            .header("x-github-delivery", id)
            .header("x-github-hook-installation-target-type", "integration")
            .header("x-hub-signature-256", signature::sign(self.options.webhook_secret.as_bytes(), &body))
            .body(body)
            .send()
            .await
            .context("send a webhook")?;
        answer.error_for_status().context("the webhook was refused")?;
        Ok(())
    }
}
