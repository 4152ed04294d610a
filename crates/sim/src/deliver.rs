//! Takes webhooks from the world to where they are to go, through the faults, and keeps GitHub's record.

use crate::{
    SharedWorld,
    faults::{Departure, Faults, Mail},
    pace::Pace,
    wire::{Wire, WireError},
    world::{Attempted, Webhook},
};
use axum::Router;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use trunkline_github::webhook::signature::sign;

/// GitHub gives a receiver ten seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Requests at once in real time.
const AT_ONCE: usize = 8;

/// Where webhooks go. `Debug` does not show the secret.
#[derive(Clone)]
pub struct Target {
    /// Full URL, plain `http` on this machine.
    pub url: String,
    /// Signs the bodies.
    pub secret: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The faults of a world, shared by deliveries and HTTP. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct SharedFaults(Arc<Mutex<Faults>>);

impl SharedFaults {
    /// Those of now.
    pub fn get(&self) -> Faults {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets all of them.
    pub fn set(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}

/// What a round of deliveries did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Requests that were answered with 2xx.
    pub accepted: usize,
    /// Requests that were answered otherwise, or not at all.
    pub refused: usize,
    /// Lost on their way.
    pub dropped: usize,
}

impl Round {
    /// All attempts.
    pub fn attempts(&self) -> usize {
        self.accepted + self.refused + self.dropped
    }
}

/// A world's webhooks on their way, and GitHub's record of them. Who carries them to their target is not said here:
/// [`Deliverer`] does it by HTTP, a scenario in the process. Clones share the mail.
#[derive(Debug, Clone)]
pub struct Mailbox {
    world: SharedWorld,
    faults: SharedFaults,
    mail: Arc<Mutex<Mail>>,
}

impl Mailbox {
    /// The mailbox of a world.
    pub fn new(world: SharedWorld, faults: SharedFaults) -> Self {
        let seed = world.with(|world| world.config().seed) ^ 0x3a11;
        Self { world, faults, mail: Arc::new(Mutex::new(Mail::new(seed))) }
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the world has to send, and says what goes out now.
    pub fn take_due(&self) -> Vec<Departure> {
        let faults = self.faults.get();
        let (webhooks, now) = self.world.with(|world| {
            world.set_outage(faults.is_down(world.now()));
            (world.take_webhooks(), world.now())
        });
        let mut mail = self.mail();
        for webhook in webhooks {
            mail.post(webhook, &faults, now);
        }
        mail.due(&faults, now)
    }

    /// When the next webhook goes out, or the faults change by themselves.
    pub fn next_due(&self) -> Option<Timestamp> {
        let (faults, now) = (self.faults.get(), self.world.now());
        if self.world.with(|world| world.has_webhooks()) {
            return Some(now);
        }
        self.mail().next_due(&faults, now).into_iter().chain(faults.next_change(now)).min()
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.mail().is_empty() && !self.world.with(|world| world.has_webhooks())
    }

    /// The headers that GitHub sends with a webhook.
    pub fn headers(&self, webhook: &Webhook, secret: &str) -> Vec<(&'static str, String)> {
        let (hook, app) = self.world.with(|world| (world.config().hook_id, world.config().app_id));
        vec![
            ("accept", "*/*".into()),
            ("content-type", "application/json".into()),
            ("user-agent", "GitHub-Hookshot/5150001".into()),
            ("x-github-event", webhook.event.clone()),
            ("x-github-delivery", webhook.guid.clone()),
            ("x-github-hook-id", hook.to_string()),
            ("x-github-hook-installation-target-type", "integration".into()),
            ("x-github-hook-installation-target-id", app.to_string()),
            ("x-hub-signature-256", sign(secret.as_bytes(), &webhook.body)),
        ]
    }

    /// Puts an attempt into GitHub's record; status 0 is no answer.
    pub fn record(&self, webhook: Webhook, status_code: u16, duration: SignedDuration) {
        self.world.with(|world| world.record_attempt(webhook, Attempted { status_code, duration }));
    }
}

/// Hands a delivery to a receiver in the process and gives the status of its answer.
pub async fn hand_over(router: Router, headers: &[(&str, String)], body: Bytes) -> u16 {
    let mut request = http::Request::builder().method(Method::POST).uri("/webhooks/github");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.body(axum::body::Body::from(body)) {
        Ok(request) => match router.oneshot(request).await {
            Ok(response) => response.status().as_u16(),
            Err(never) => match never {},
        },
        // Nobody could send such headers.
        Err(_) => 0,
    }
}

/// Carries webhooks by HTTP. Clones share the mail.
#[derive(Debug, Clone)]
pub struct Deliverer {
    mailbox: Mailbox,
    target: Target,
    wire: Wire,
}

impl Deliverer {
    /// Delivers what is in a mailbox to a target.
    pub fn new(mailbox: Mailbox, target: Target) -> Self {
        Self { mailbox, target, wire: Wire::new() }
    }

    /// The mailbox that it empties.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Delivers what goes out now, one after the other: the same each time.
    pub async fn deliver_due(&self) -> Round {
        let mut round = Round::default();
        for departure in self.mailbox.take_due() {
            self.attempt(departure, &mut round).await;
        }
        round
    }

    async fn attempt(&self, departure: Departure, round: &mut Round) {
        let Departure { webhook, dropped } = departure;
        let (status_code, duration) = if dropped {
            (0, SignedDuration::ZERO)
        } else {
            let begun = Instant::now();
            let status = self.post(&webhook).await.unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error = error, guid = webhook.guid, "a webhook was not delivered");
                0
            });
            (status, SignedDuration::try_from(begun.elapsed()).unwrap_or_default())
        };
        match status_code {
            200..300 => round.accepted += 1,
            _ if dropped => round.dropped += 1,
            _ => round.refused += 1,
        }
        self.mailbox.record(webhook, status_code, duration);
    }

    async fn post(&self, webhook: &Webhook) -> Result<u16, WireError> {
        let headers = self.mailbox.headers(webhook, &self.target.secret);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body: Bytes = webhook.body.clone();
        let (status, _) =
            self.wire.send(Method::POST, &self.target.url, &headers, body, ANSWER_WITHIN).await?;
        Ok(status.as_u16())
    }

    /// Delivers webhooks that the world did not make, such as those of its past, several at once. One that is not
    /// taken is tried again until it is, or until shutdown. Says whether all were taken.
    pub async fn deliver_all(&self, webhooks: Vec<Webhook>, shutdown: &CancellationToken) -> bool {
        let all = webhooks.into_iter().map(|webhook| async move {
            let mut pause = Duration::from_millis(100);
            loop {
                match self.post(&webhook).await {
                    Ok(200..300) => break,
                    Ok(status) => tracing::debug!(status, guid = webhook.guid, "a webhook was refused"),
                    Err(error) => tracing::debug!(%error, guid = webhook.guid, "a webhook was not delivered"),
                }
                if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    return false;
                }
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            self.mailbox.record(webhook, 202, SignedDuration::ZERO);
            true
        });
        stream::iter(all).buffered(AT_ONCE).all(|taken| async move { taken }).await
    }

    /// Delivers as time passes, several at once, until shutdown. Requests under way are finished.
    pub async fn run(&self, pace: Pace, shutdown: CancellationToken) {
        let mut changes = self.mailbox.world.changes();
        loop {
            changes.mark_unchanged();
            let due = self.mailbox.take_due();
            stream::iter(due)
                .for_each_concurrent(AT_ONCE, |departure| async {
                    self.attempt(departure, &mut Round::default()).await;
                })
                .await;
            let next = self.mailbox.next_due();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = pace.sleep_until(next, self.mailbox.world.clock()) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}
