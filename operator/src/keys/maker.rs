//! Who makes key pairs: one after the other, in the order in which Platforms came. A processor is busy with each pair for a
//! while, and many Platforms that come at once would take all of them from the renewal of the Lease.
//!
//! A pass that waited would keep its slot, which a revocation of another Platform may want. So it ends instead, and its
//! Platform is called when its turn has come: nobody asks time and again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crds::Platform;
use kube::{core::DeserializeGuard, runtime::reflector::ObjectRef};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Which Platform it is.
pub(crate) type PlatformRef = ObjectRef<DeserializeGuard<Platform>>;

/// The one maker of a process. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Maker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Arc<Semaphore>,
    queue: Mutex<Queue>,
    calls: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order in which they came, each once.
    waiting: VecDeque<PlatformRef>,
    /// Whose turn has come.
    called: VecDeque<PlatformRef>,
}

impl Default for Maker {
    fn default() -> Self {
        Self(Arc::new(Shared {
            free: Arc::new(Semaphore::new(1)),
            queue: Mutex::default(),
            calls: Notify::new(),
        }))
    }
}

/// The right to make some. When it is dropped, the next one is called.
#[derive(Debug)]
pub(super) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    maker: Maker,
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.maker.call();
    }
}

impl Maker {
    /// A turn, as soon as there is one: for what cannot wait for others.
    pub(super) async fn urgently(&self) -> Option<Turn> {
        // Never closed.
        let permit = self.0.free.clone().acquire_owned().await.ok()?;
        Some(self.with(permit))
    }

    /// A turn if nobody has one, else a place in the queue, of which [`Self::called`] tells.
    pub(super) fn turn(&self, platform: &PlatformRef) -> Option<Turn> {
        if let Some(turn) = self.at_once() {
            return Some(turn);
        }
        let mut queue = self.queue();
        if !queue.waiting.contains(platform) {
            queue.waiting.push_back(platform.clone());
        }
        drop(queue);
        // Whoever had the turn may have ended before it could see the place.
        let turn = self.at_once()?;
        self.queue().waiting.retain(|waiting| waiting != platform);
        Some(turn)
    }

    fn at_once(&self) -> Option<Turn> {
        let permit = self.0.free.clone().try_acquire_owned().ok()?;
        Some(self.with(permit))
    }

    /// The next Platform whose turn has come. It may be taken by somebody else before it is there: then it waits again.
    pub(crate) async fn called(&self) -> PlatformRef {
        loop {
            if let Some(platform) = self.queue().called.pop_front() {
                return platform;
            }
            self.0.calls.notified().await;
        }
    }

    /// Calls the next one, if nobody has the turn. After each pass: who was called may not need it any more.
    pub(crate) fn call(&self) {
        if self.0.free.available_permits() == 0 {
            return;
        }
        let mut queue = self.queue();
        if let Some(next) = queue.waiting.pop_front() {
            queue.called.push_back(next);
            self.0.calls.notify_one();
        }
    }

    fn with(&self, permit: OwnedSemaphorePermit) -> Turn {
        Turn {
            permit: Some(permit),
            maker: self.clone(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change is one call of a collection.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn platform(name: &str) -> PlatformRef {
        ObjectRef::new(name).within("crewdeck")
    }

    /// Who is called now.
    fn called(maker: &Maker) -> Option<String> {
        Some(maker.called().now_or_never()?.name)
    }

    #[test]
    fn who_waits_is_called_in_order_and_once() {
        let maker = Maker::default();
        let turn = maker.turn(&platform("a"));
        assert!(turn.is_some());
        for name in ["b", "c", "b"] {
            assert!(maker.turn(&platform(name)).is_none());
        }
        maker.call();
        assert_eq!(called(&maker), None, "somebody has the turn");
        drop(turn);
        assert_eq!(called(&maker).as_deref(), Some("b"));
        assert_eq!(called(&maker), None);
        drop(maker.turn(&platform("b")).expect("its turn"));
        assert_eq!(called(&maker).as_deref(), Some("c"));
        assert_eq!(called(&maker), None);
    }

    #[test]
    fn whoever_needs_no_turn_any_more_keeps_nobody_waiting() {
        let maker = Maker::default();
        let turn = maker.turn(&platform("a"));
        for name in ["b", "c"] {
            assert!(maker.turn(&platform(name)).is_none());
        }
        drop(turn);
        assert_eq!(called(&maker).as_deref(), Some("b"));
        // Its pass ends without it.
        maker.call();
        assert_eq!(called(&maker).as_deref(), Some("c"));
    }

    #[tokio::test]
    async fn what_is_urgent_comes_before_the_queue() {
        let maker = Maker::default();
        let turn = maker.turn(&platform("a"));
        assert!(maker.turn(&platform("b")).is_none());
        let mut urgent = Box::pin(maker.urgently());
        assert!(urgent.as_mut().now_or_never().is_none());
        drop(turn);
        let urgent = urgent.await.expect("never closed");
        assert_eq!(called(&maker), None);
        drop(urgent);
        assert_eq!(called(&maker).as_deref(), Some("b"));
    }
}
