//! Named readiness checks: a role is ready when every one of them says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Outcome of each check by name: ready or not, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness {
    checks: Arc<Mutex<BTreeMap<&'static str, Check>>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) ready: bool,
    pub(crate) reason: String,
}

impl Readiness {
    pub(crate) fn register(&self, name: &'static str) -> ReadyCheck {
        let check = ReadyCheck {
            name,
            all: self.clone(),
        };
        check.set(false, "not started");
        check
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<&'static str, Check> {
        self.checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether there are checks and all of them hold.
    pub(crate) fn holds(&self) -> bool {
        let checks = self.snapshot();
        !checks.is_empty() && checks.values().all(|check| check.ready)
    }

    /// Returns once it holds.
    pub(crate) async fn wait(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Listens from here on, so that no change is missed between the look and the wait.
            changed.as_mut().enable();
            if self.holds() {
                return;
            }
            changed.await;
        }
    }
}

/// The handle by which a part of a role tells whether it can serve.
#[derive(Debug, Clone)]
pub struct ReadyCheck {
    name: &'static str,
    all: Readiness,
}

impl ReadyCheck {
    /// Sets the check; `reason` is what an operator reads at `/readyz?verbose`.
    pub fn set(&self, ready: bool, reason: impl Into<String>) {
        let check = Check {
            ready,
            reason: reason.into(),
        };
        let mut all = self
            .all
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(self.name, check);
        if before.is_some_and(|before| before.ready != ready) {
            let reason = &all[self.name].reason;
            tracing::info!(check = self.name, ready, reason, "readiness changed");
        }
        drop(all);
        self.all.changed.notify_waiters();
    }
}
