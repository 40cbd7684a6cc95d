//! The leases that all processes count together in Redis, and what one process has found of it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use common_cache::Cache;

/// How long a request waits for Redis, which answers within one millisecond when it is well.
pub(super) const WAIT: Duration = Duration::from_millis(100);
/// After it has not answered, nobody waits for it for so long: then one request does. In milliseconds.
const PAUSE: i64 = 2_000;
/// How long a count is kept: a minute, and what the clocks of two processes may differ by.
const KEPT: Duration = Duration::from_secs(90);

/// Redis, which may be away or not be reached yet.
pub(super) struct Shared {
    cache: Arc<OnceLock<Cache>>,
    /// Nobody is to ask before, in milliseconds since 1970; 0 while it answers.
    asked_again: AtomicI64,
    wait: Duration,
}

impl Shared {
    pub(super) fn new(cache: Arc<OnceLock<Cache>>, wait: Duration) -> Self {
        Self {
            cache,
            wait,
            asked_again: AtomicI64::new(0),
        }
    }

    /// Whether a question would be waited for in vain, as far as is known.
    pub(super) fn is_away(&self, now: DateTime<Utc>) -> bool {
        self.cache.get().is_none() || !is_due(self.asked_again.load(Ordering::Relaxed), now)
    }

    /// Counts one more lease under `key` and gives the sum; nothing while Redis is away.
    pub(super) async fn count(&self, key: &str, now: DateTime<Utc>) -> Option<u64> {
        let cache = self.cache.get()?;
        let asked_again = self.asked_again.load(Ordering::Relaxed);
        if !is_due(asked_again, now) {
            return None;
        }
        let next = now.timestamp_millis().saturating_add(PAUSE);
        // Of those who find that it is time to try, one does.
        if asked_again != 0
            && self
                .asked_again
                .compare_exchange(asked_again, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return None;
        }
        let cause = match tokio::time::timeout(self.wait, cache.incr_window(key, KEPT)).await {
            Ok(Ok(count)) => {
                if self.asked_again.swap(0, Ordering::Relaxed) != 0 {
                    tracing::info!("requests are counted in Redis again");
                }
                return Some(count);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", self.wait.as_millis()),
        };
        if self.asked_again.swap(next, Ordering::Relaxed) == 0 {
            tracing::warn!(
                error = cause,
                "requests are counted in this process, Redis is away"
            );
        }
        None
    }
}

/// Whether it is time to ask. A moment further ahead than any pause was noted by a clock that has been put back.
fn is_due(asked_again: i64, now: DateTime<Utc>) -> bool {
    let left = asked_again.saturating_sub(now.timestamp_millis());
    left <= 0 || left > PAUSE
}
