//! What the domain's handlers need.

use common_clock::SharedClock;
use common_db::Pools;
use common_http::CursorKey;

/// Dependencies of the domain; clones share them.
#[derive(Clone)]
pub struct Notifications {
    pub(crate) pools: Pools,
    pub(crate) keys: CursorKey,
    pub(crate) clock: SharedClock,
}

/// What [`Notifications::new`] takes.
pub struct Parts {
    /// The application's pools.
    pub pools: Pools,
    /// Key of cursors.
    pub keys: CursorKey,
    /// The clock.
    pub clock: SharedClock,
}

impl Notifications {
    /// The domain with its dependencies.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { pools, keys, clock } = parts;
        Self { pools, keys, clock }
    }
}
