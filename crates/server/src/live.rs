//! What watching pages are told: bounded, and at most four times a second however much happens.
//!
//! Changes are collected and flushed at once, then after a quarter of a second again. Every subscriber has the same bounded
//! queue; one that cannot follow is disconnected, and connects again. A few of the last changes are kept, so a page that was
//! away for a moment (`Last-Event-ID`) gets what it missed; any other page fetches everything anyway.

use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use trunkline_model::{RepoName, Sha};
use utoipa::ToSchema;

/// Gap between flushes.
const THROTTLE: Duration = Duration::from_millis(250);
/// Messages a subscriber may be behind.
const QUEUE: usize = 256;
/// Messages kept for those who were away.
const KEPT: usize = 256;
/// Commits named per message; pages fetch by view, not by commit, so the rest need not be named.
const SHAS_PER_MESSAGE: usize = 500;

/// One message: an event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Name of the event.
    pub(crate) event: &'static str,
    /// JSON.
    pub(crate) data: String,
    /// Number in the log of changes, for `Last-Event-ID`.
    pub(crate) id: Option<i64>,
}

/// `commits`: what a page has to fetch again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CommitsChanged {
    /// Repository.
    pub(crate) repo: String,
    /// Commits whose cells changed, and new commits.
    pub(crate) shas: Vec<String>,
    /// The event log was read up to here.
    pub(crate) seq: i64,
}

/// The hub. Clones share it.
#[derive(Debug, Clone)]
pub struct Live(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    out: broadcast::Sender<Arc<Message>>,
    pending: Mutex<Pending>,
    kept: Mutex<VecDeque<Arc<Message>>>,
    wake: Notify,
    places: Arc<Semaphore>,
    max_streams: usize,
}

#[derive(Debug, Default)]
struct Pending {
    commits: BTreeMap<RepoName, BTreeSet<Sha>>,
    seq: i64,
}

/// A place in the stream.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) missed: Vec<Arc<Message>>,
    pub(crate) receiver: broadcast::Receiver<Arc<Message>>,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(crate) fn new(max_streams: usize) -> Self {
        Self(Arc::new(Hub {
            out: broadcast::Sender::new(QUEUE),
            pending: Mutex::default(),
            kept: Mutex::default(),
            wake: Notify::new(),
            places: Arc::new(Semaphore::new(max_streams)),
            max_streams,
        }))
    }

    /// Collects commits whose cells changed; the log was read up to `seq`.
    pub fn commits_changed(&self, repo: &RepoName, shas: Vec<Sha>, seq: i64) {
        let mut pending = self.pending();
        pending.seq = pending.seq.max(seq);
        let known = pending.commits.entry(repo.clone()).or_default();
        known.extend(shas.into_iter().take(SHAS_PER_MESSAGE.saturating_sub(known.len())));
        drop(pending);
        self.0.wake.notify_one();
    }

    /// Pages that watch now.
    pub fn streams(&self) -> usize {
        self.0.max_streams - self.0.places.available_permits()
    }

    /// Sends a message that needs no collecting.
    pub(crate) fn send(&self, event: &'static str, data: String) {
        self.publish(Message { event, data, id: None });
    }

    /// A place in the stream, with what was missed since `last_id`; nothing when all places are taken.
    pub(crate) fn subscribe(&self, last_id: Option<i64>) -> Option<Subscription> {
        let place = Arc::clone(&self.0.places).try_acquire_owned().ok()?;
        // First the receiver: a message between the two steps comes twice rather than never.
        let receiver = self.0.out.subscribe();
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = last_id.map_or_else(Vec::new, |last| {
            kept.iter().filter(|message| message.id.is_some_and(|id| id >= last)).cloned().collect()
        });
        Some(Subscription { missed, receiver, _place: place })
    }

    /// Flushes what is collected, until shutdown.
    pub async fn run(&self, shutdown: CancellationToken) {
        loop {
            // Cancel-safe: a wake-up that is not seen stays.
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.0.wake.notified() => {}
            }
            self.flush();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(THROTTLE) => {}
            }
        }
    }

    fn flush(&self) {
        let Pending { commits, seq } = std::mem::take(&mut *self.pending());
        for (repo, shas) in commits {
            let shas = shas.iter().map(ToString::to_string).collect();
            let change = CommitsChanged { repo: repo.to_string(), shas, seq };
            if let Ok(data) = serde_json::to_string(&change) {
                self.publish(Message { event: "commits", data, id: Some(seq) });
            }
        }
    }

    fn publish(&self, message: Message) {
        let message = Arc::new(message);
        if message.id.is_some() {
            let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(Arc::clone(&message));
            while kept.len() > KEPT {
                kept.pop_front();
            }
        }
        // Nobody listens: nothing to do.
        self.0.out.send(message).ok();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(digit: char) -> Sha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[tokio::test]
    async fn changes_are_joined_but_never_lost() {
        let live = Live::new(1);
        let repo: RepoName = "a/b".parse().unwrap();
        let mut subscription = live.subscribe(None).unwrap();
        assert!(live.subscribe(None).is_none(), "one place only");
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (live, stop) = (live.clone(), stop.clone());
            async move { live.run(stop).await }
        });
        live.commits_changed(&repo, vec![sha('a')], 1);
        let first = subscription.receiver.recv().await.unwrap();
        assert_eq!((first.event, first.id), ("commits", Some(1)));
        for seq in 2..100 {
            live.commits_changed(&repo, vec![sha('b'), sha('a')], seq);
        }
        let second = subscription.receiver.recv().await.unwrap();
        assert_eq!(
            second.data,
            format!(r#"{{"repo":"a/b","shas":["{}","{}"],"seq":99}}"#, sha('a'), sha('b'))
        );
        assert!(subscription.receiver.is_empty());
        drop(subscription);
        let away = live.subscribe(Some(2)).unwrap();
        assert_eq!(away.missed, [second]);
        stop.cancel();
        task.await.unwrap();
    }
}
