//! Death in the middle: after so many calls to the outside, the next one happens and its answer never arrives.

use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Counts calls to the outside. Not armed, it does nothing.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    left: Mutex<Option<u64>>,
    burnt: Notify,
}

impl Fuse {
    /// Lets `calls` more calls be answered.
    pub(super) fn arm(&self, calls: u64) {
        *self.left() = Some(calls);
    }

    /// All calls are answered again.
    pub(super) fn disarm(&self) {
        *self.left() = None;
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be awaited at the end of every call to the outside; does not return once the fuse has burnt down.
    pub(super) async fn pass(&self) {
        {
            let mut left = self.left();
            match &mut *left {
                None => return,
                Some(calls @ 1..) => {
                    *calls -= 1;
                    return;
                }
                Some(_) => {}
            }
        }
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
                    done.set(done.get() + 1);
                    fuse.pass().await;
                }
            }
        };
        assert!(fuse.cut(work(3)).await);
        fuse.arm(2);
        assert!(!fuse.cut(work(5)).await);
        assert_eq!(done.get(), 3 + 3, "the third call happened");
        fuse.disarm();
        assert!(fuse.cut(work(5)).await);
    }
}
