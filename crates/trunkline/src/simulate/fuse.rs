//! Death in the middle: after so many calls to the outside, the answer of the next one never arrives.

use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;
use trunkline_sim::scenario::step::{KillAt, NextCall};

/// Counts calls to the outside. Not armed, it does nothing.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    left: Mutex<Option<KillAt>>,
    burnt: Notify,
}

impl Fuse {
    /// Sets where it burns down.
    pub(super) fn arm(&self, place: KillAt) {
        *self.left() = Some(place);
    }

    /// All calls are answered again.
    pub(super) fn disarm(&self) {
        *self.left() = None;
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Option<KillAt>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be awaited before every call to the outside; does not return when the call never leaves.
    pub(super) async fn enter(&self) {
        let at_end = KillAt { after_calls: 0, next_call: NextCall::Lost };
        if *self.left() == Some(at_end) {
            self.burn().await;
        }
    }

    /// To be awaited after every call to the outside; does not return when its answer never arrives.
    pub(super) async fn leave(&self) {
        {
            let mut left = self.left();
            match &mut *left {
                None => return,
                Some(KillAt { after_calls: calls @ 1.., .. }) => {
                    *calls -= 1;
                    return;
                }
                Some(_) => {}
            }
        }
        self.burn().await;
    }

    async fn burn(&self) {
        self.burnt.notify_one();
        std::future::pending::<()>().await;
    }

    /// Does some work until it is done, or until the fuse burns down in the middle of it. Says whether it was done.
    pub(super) async fn cut(&self, work: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = self.burnt.notified() => false,
            () = work => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_call_after_the_last_one_is_never_answered() {
        let fuse = Fuse::default();
        let done = std::cell::Cell::new(0);
        let work = |calls: u64| {
            let (fuse, done) = (&fuse, &done);
            async move {
                for _ in 0..calls {
                    fuse.enter().await;
                    done.set(done.get() + 1);
                    fuse.leave().await;
                }
            }
        };
        assert!(fuse.cut(work(3)).await);
        for (next_call, happened) in [(NextCall::Done, 3), (NextCall::Lost, 2)] {
            done.set(0);
            fuse.arm(KillAt { after_calls: 2, next_call });
            assert!(!fuse.cut(work(5)).await);
            assert_eq!(done.get(), happened, "{next_call:?}");
        }
        fuse.disarm();
        assert!(fuse.cut(work(5)).await);
    }
}
