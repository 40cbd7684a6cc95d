//! The pool that hashes: how many passwords at a time, how many wait, and the memory that they reuse.
//!
//! A hash needs 46 MiB; fresh memory costs more time in page faults than the hash itself, and an
//! unbounded number of logins would end the process. So each slot of the pool keeps its memory. A queue
//! without an end would answer everybody too late instead of some at once: so it has one, in callers and in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::Block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{PasswordError, argon};

/// Callers that may wait for a slot: about a second of work where the hashes are ours.
const WAITING_PER_SLOT: usize = 64;

pub(super) struct Pool {
    /// Of those who work and those who wait.
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    patience: Duration,
    memory: Memory,
}

/// What the slots that are free keep.
type Memory = Arc<Mutex<Vec<Vec<Block>>>>;

/// The right to hash one password, now.
pub(super) struct Slot {
    _permits: [OwnedSemaphorePermit; 2],
    memory: Memory,
}

impl Pool {
    /// A pool in which nobody waits for longer than `patience`: imported hashes take long, and then 64 are no bound.
    pub(super) fn new(slots: usize, patience: Duration) -> Self {
        let slots = slots.max(1);
        Self {
            places: Arc::new(Semaphore::new(slots * (1 + WAITING_PER_SLOT))),
            slots: Arc::new(Semaphore::new(slots)),
            patience,
            memory: Arc::default(),
        }
    }

    /// Waits for a slot.
    pub(super) async fn slot(&self) -> Result<Slot, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| PasswordError::Busy)?;
        let slot = Arc::clone(&self.slots).acquire_owned();
        let slot = tokio::time::timeout(self.patience, slot)
            .await
            .map_err(|_| PasswordError::Busy)?
            .map_err(|_| PasswordError::Unavailable)?;
        Ok(Slot {
            _permits: [slot, place],
            memory: Arc::clone(&self.memory),
        })
    }

    /// Does `work` on a thread that may block, with memory that it may resize.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let slot = self.slot().await?;
        tokio::task::spawn_blocking(move || {
            let kept = || slot.memory.lock().unwrap_or_else(PoisonError::into_inner);
            let mut blocks = kept().pop().unwrap_or_default();
            let done = work(&mut blocks);
            // What a hash of another system needs beyond ours is not kept.
            blocks.truncate(argon::BLOCKS);
            blocks.shrink_to(argon::BLOCKS);
            kept().push(blocks);
            drop(slot);
            done
        })
        .await
        .map_err(|_| PasswordError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::future::join_all;

    use super::*;

    /// Nobody comes to the end of it.
    const LONG: Duration = Duration::from_mins(10);

    /// On one thread each caller takes its place before the next is asked, and the work waits until it is let go.
    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_at_once() {
        let pool = Pool::new(1, LONG);
        let (go, wait) = mpsc::channel::<()>();
        let first = pool.run(move |_| wait.recv().is_ok());
        let others = join_all((0..=WAITING_PER_SLOT).map(|_| pool.run(|_| true)));
        let refused = async {
            let refused = pool.run(|_| true).await;
            assert!(matches!(refused, Err(PasswordError::Busy)), "{refused:?}");
            go.send(()).expect("somebody waits");
        };
        let (first, others, ()) = tokio::join!(first, others, refused);
        assert!(matches!(first, Ok(true)), "{first:?}");
        let refused = |done: &&Result<bool, PasswordError>| done.is_err();
        assert_eq!(others.iter().filter(refused).count(), 1, "the last of them");
        assert!(matches!(pool.run(|_| true).await, Ok(true)), "free again");
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_queue() {
        let pool = Pool::new(1, LONG);
        let (go, wait) = mpsc::channel::<()>();
        let first = pool.run(move |_| wait.recv().is_ok());
        let away = async {
            for _ in 0..2 {
                let mut waiting =
                    Box::pin(join_all((0..WAITING_PER_SLOT).map(|_| pool.run(|_| true))));
                tokio::select! {
                    biased;
                    done = &mut waiting => panic!("nobody has a slot: {done:?}"),
                    () = std::future::ready(()) => {}
                }
                drop(waiting);
            }
            go.send(()).expect("somebody waits");
        };
        let (first, ()) = tokio::join!(first, away);
        assert!(matches!(first, Ok(true)), "{first:?}");
    }

    #[tokio::test]
    async fn who_has_waited_long_enough_is_told_so_and_leaves_the_queue() {
        let pool = Pool::new(1, Duration::ZERO);
        let slot = pool.slot().await.expect("it is free");
        for _ in 0..=WAITING_PER_SLOT {
            let refused = pool.run(|_| true).await;
            assert!(matches!(refused, Err(PasswordError::Busy)), "{refused:?}");
        }
        drop(slot);
        assert!(matches!(pool.run(|_| true).await, Ok(true)), "free again");
    }

    #[tokio::test]
    async fn memory_beyond_ours_is_given_back() {
        let pool = Pool::new(1, LONG);
        let grown = pool.run(|blocks| blocks.resize(argon::BLOCKS * 2, Block::default()));
        grown.await.expect("done");
        let kept = pool.run(|blocks| blocks.capacity()).await.expect("done");
        assert_eq!(kept, argon::BLOCKS);
    }
}
