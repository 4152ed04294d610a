//! One world, used by HTTP requests, deliveries and people at once.

use crate::{pace::Pace, world::World};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use trunkline_model::SharedClock;

/// A world behind a lock, with the clock that tells it the time. Clones share it.
#[derive(Debug, Clone)]
pub struct SharedWorld {
    world: Arc<Mutex<World>>,
    clock: SharedClock,
    revision: watch::Sender<u64>,
}

impl SharedWorld {
    /// Shares a world.
    pub fn new(world: World, clock: SharedClock) -> Self {
        let revision = watch::Sender::new(world.revision());
        Self { world: Arc::new(Mutex::new(world)), clock, revision }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Its clock.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Lets the world do what is due, then does `act`. Who waits for [`SharedWorld::changes`] is told.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let (result, revision) = {
            let mut world = self.lock();
            // Read under the lock: no access is earlier than the one before.
            world.advance(self.clock.now());
            let result = act(&mut world);
            (result, world.revision())
        };
        self.revision.send_if_modified(|known| {
            let newer = revision > *known;
            *known = (*known).max(revision);
            newer
        });
        result
    }

    /// The revision of the world, to wait for its next one.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Wakes the world when something falls due, until shutdown. Without this it moves at each access only.
    pub async fn run(&self, pace: Pace, shutdown: CancellationToken) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let due = self.with(World::next_due);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = pace.sleep_until(due, &self.clock) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}
