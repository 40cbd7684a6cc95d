//! How many times in a row a pass over each Platform could not even tell its outcome: there the status cannot count.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kube::ResourceExt as _;

use super::Guarded;

/// The counts, by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<(String, String), u32>>);

impl Failures {
    /// One more; tells how many there were.
    pub(super) fn count(&self, platform: &Guarded) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key(platform)).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// A pass has ended well.
    pub(super) fn forget(&self, platform: &Guarded) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&key(platform));
    }
}

fn key(platform: &Guarded) -> (String, String) {
    (
        platform.namespace().unwrap_or_default(),
        platform.name_any(),
    )
}
