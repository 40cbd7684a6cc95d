//! A witness for tests: writes down what it sees.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::{Act, Witness};

/// What was done, and whether it took place.
#[derive(Default)]
pub(crate) struct Clerk {
    seen: Mutex<Vec<(String, bool)>>,
    prevents: Option<&'static str>,
    prevented: Notify,
}

impl Clerk {
    /// One that lets no act of this verb happen.
    pub(crate) fn preventing(verb: &'static str) -> Self {
        Self {
            prevents: Some(verb),
            ..Self::default()
        }
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Vec<(String, bool)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// Waits until an act was prevented.
    pub(crate) async fn prevented(&self) {
        self.prevented.notified().await;
    }
}

#[async_trait]
impl Witness for Clerk {
    async fn see(&self, act: &Act, work: BoxFuture<'_, bool>) {
        if self.prevents == Some(act.verb) {
            self.prevented.notify_one();
            return;
        }
        let done = work.await;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push((act.to_string(), done));
    }
}
