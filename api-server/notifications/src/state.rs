//! What the domain's handlers need.

use std::sync::Arc;

use common_auth::Verifier;
use common_clock::SharedClock;
use common_db::Pools;
use common_http::CursorKey;

/// Dependencies of the domain; clones share them.
#[derive(Clone)]
pub struct Notifications {
    pub(crate) pools: Pools,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) keys: CursorKey,
    pub(crate) clock: SharedClock,
}

/// What [`Notifications::new`] takes.
pub struct Parts {
    /// The application's pools.
    pub pools: Pools,
    /// Verifier of access tokens.
    pub verifier: Arc<Verifier>,
    /// Key of cursors.
    pub keys: CursorKey,
    /// The clock.
    pub clock: SharedClock,
}

impl Notifications {
    /// The domain with its dependencies.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            pools,
            verifier,
            keys,
            clock,
        } = parts;
        Self {
            pools,
            verifier,
            keys,
            clock,
        }
    }
}
