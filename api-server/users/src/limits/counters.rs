//! Counters and marks: in Redis for all replicas; while Redis is away, in this process. Never open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use common_cache::{Cache, CacheError};
use moka::future::Cache as Local;

use super::window::{Hits, Window};

/// Counters, and marks, that this process remembers while Redis is away.
const REMEMBERED: u64 = 20_000;
/// After a failure Redis is not asked for so long: an attempt asks several times, and should wait for it once.
const AWAY: Duration = Duration::from_secs(1);

/// What is counted: one name, over one time.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) window: Window,
}

/// One hit of a bucket, which can be taken back.
pub(super) struct Hit {
    bucket: Bucket,
    span: u64,
    pub(super) hits: Hits,
}

pub(super) struct Counters {
    shared: Cache,
    failed_at: Mutex<Option<Instant>>,
    counts: Local<String, Arc<AtomicU64>>,
    marks: Local<String, ()>,
}

impl Counters {
    pub(super) fn new(shared: Cache, marks_live: Duration) -> Self {
        Self {
            shared,
            failed_at: Mutex::default(),
            counts: Local::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(Window::DAY.kept())
                .build(),
            marks: Local::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(marks_live)
                .build(),
        }
    }

    /// Counts one more.
    pub(super) async fn hit(&self, bucket: Bucket, now: DateTime<Utc>) -> Hit {
        let span = bucket.window.span(now);
        let (present, former) = (bucket.key(span), bucket.key(span.saturating_sub(1)));
        let counted = self.ask(async {
            tokio::try_join!(
                self.shared.incr_window(&present, bucket.window.kept()),
                self.shared.get::<i64>(&former),
            )
        });
        let hits = match counted.await {
            Some((present, former)) => Hits {
                present,
                // Below zero: what was taken back had no counter any more.
                former: former.and_then(|count| count.try_into().ok()).unwrap_or(0),
            },
            None => self.hit_here(present, &former).await,
        };
        Hit { bucket, span, hits }
    }

    async fn hit_here(&self, present: String, former: &str) -> Hits {
        let fresh = async { Arc::new(AtomicU64::new(0)) };
        let counter = self.counts.get_with(present, fresh).await;
        let former = self.counts.get(former).await;
        Hits {
            present: counter.fetch_add(1, Ordering::Relaxed) + 1,
            former: former.map_or(0, |count| count.load(Ordering::Relaxed)),
        }
    }

    /// Takes a hit back.
    pub(super) async fn take_back(&self, hit: &Hit) {
        let key = hit.bucket.key(hit.span);
        let kept = hit.bucket.window.kept();
        let taken = self.ask(self.shared.decr_window(&key, kept)).await;
        if taken.is_none()
            && let Some(counter) = self.counts.get(&key).await
        {
            let less = |count: u64| count.checked_sub(1);
            let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Forgets everything of a hit's bucket.
    pub(super) async fn forget(&self, hit: &Hit) {
        for span in [hit.span, hit.span.saturating_sub(1)] {
            let key = hit.bucket.key(span);
            self.counts.invalidate(&key).await;
            self.ask(self.shared.del(&key)).await;
        }
    }

    /// Remembers a name for a time.
    pub(super) async fn mark(&self, name: &str, life: Duration) {
        self.marks.insert(name.to_owned(), ()).await;
        self.ask(self.shared.set_ex(name, &true, life)).await;
    }

    /// Whether a name is remembered.
    pub(super) async fn is_marked(&self, name: &str) -> bool {
        match self.ask(self.shared.get::<bool>(name)).await {
            Some(mark) => mark.unwrap_or(false),
            None => self.marks.contains_key(name),
        }
    }

    /// What Redis says; `None` while it is away.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, CacheError>>) -> Option<T> {
        let failed_at = *self
            .failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if failed_at.is_some_and(|at| at.elapsed() < AWAY) {
            return None;
        }
        match question.await {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::warn!(%error, "failed sign-ins are counted in this process");
                let mut failed_at = self
                    .failed_at
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *failed_at = Some(Instant::now());
                None
            }
        }
    }
}

impl Bucket {
    fn key(&self, span: u64) -> String {
        format!("{}:{}:{span}", self.name, self.window.kept().as_secs())
    }
}
