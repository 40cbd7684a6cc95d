//! Named readiness checks: a role is ready when every one of them says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Outcome of each check by name: ready or not, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<Mutex<BTreeMap<&'static str, Check>>>);

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
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(self.name, check);
        if before.is_some_and(|before| before.ready != ready) {
            let reason = &all[self.name].reason;
            tracing::info!(check = self.name, ready, reason, "readiness changed");
        }
    }
}
