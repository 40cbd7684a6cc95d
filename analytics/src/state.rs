//! What the handlers need.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common_cache::Cache;
use common_clock::SharedClock;
use sqlx::PgPool;

use crate::store::own::Own;
use crate::store::replica::Replica;

/// Dependencies of role `analytics`; clones share them.
#[derive(Clone)]
pub struct Analytics {
    pub(crate) replica: Replica,
    pub(crate) own: Own,
    pub(crate) cache: Arc<OnceLock<Cache>>,
    pub(crate) cache_life: Duration,
    pub(crate) clock: SharedClock,
}

/// What [`Analytics::new`] takes.
pub(crate) struct Parts {
    /// The application's replica.
    pub(crate) replica: Replica,
    /// Pool on the own database.
    pub(crate) own: PgPool,
    /// Cache of summaries; empty until Redis was reached, and for good where there is none.
    pub(crate) cache: Arc<OnceLock<Cache>>,
    /// How long a summary may be answered from the cache.
    pub(crate) cache_life: Duration,
    /// The clock.
    pub(crate) clock: SharedClock,
}

impl Analytics {
    /// The state with its dependencies.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            replica: parts.replica,
            own: Own::new(parts.own),
            cache: parts.cache,
            cache_life: parts.cache_life,
            clock: parts.clock,
        }
    }
}
