//! The cache of summaries. It may be slow, wrong or away: then the summary is read as if there were none.

use std::future::Future;
use std::time::Duration;

use common_cache::{Cache, CacheError};
use uuid::Uuid;

use crate::model::Summary;
use crate::{Analytics, Error, metrics};

/// Longest wait for the cache; reading the databases takes about as long.
const PATIENCE: Duration = Duration::from_millis(100);

/// Why the cache was passed over.
#[derive(Debug, thiserror::Error)]
enum Passed {
    #[error(transparent)]
    Failed(#[from] CacheError),
    #[error("no answer within {} ms", PATIENCE.as_millis())]
    Slow(#[from] tokio::time::error::Elapsed),
}

/// The summary of `team` from the cache, else from `read`, which is then kept for a while.
pub(super) async fn or_else<F>(
    analytics: &Analytics,
    team: Uuid,
    read: impl FnOnce() -> F,
) -> Result<Summary, Error>
where
    F: Future<Output = Result<Summary, Error>>,
{
    let Some(cache) = analytics
        .cache
        .get()
        .filter(|_| !analytics.cache_life.is_zero())
    else {
        return read().await;
    };
    let key = format!("summary:{team}");
    let found = get(cache, &key).await;
    let outcome = match &found {
        Ok(Some(_)) => "hit",
        Ok(None) => "miss",
        Err(_) => "failed",
    };
    ::metrics::counter!(metrics::CACHE_LOOKUPS, "outcome" => outcome).increment(1);
    match found {
        Ok(Some(summary)) => return Ok(summary),
        // What cannot be read is not written either: it would only cost the patience twice.
        Err(error) => {
            tracing::warn!(%error, "the cache was passed over");
            return read().await;
        }
        Ok(None) => {}
    }
    let summary = read().await?;
    if let Err(error) = set(cache, &key, &summary, analytics.cache_life).await {
        tracing::warn!(%error, "a summary was not cached");
    }
    Ok(summary)
}

/// A value of another version's shape counts as absent: the next write replaces it.
async fn get(cache: &Cache, key: &str) -> Result<Option<Summary>, Passed> {
    match tokio::time::timeout(PATIENCE, cache.get(key)).await? {
        Err(CacheError::Value { .. }) => Ok(None),
        other => Ok(other?),
    }
}

async fn set(cache: &Cache, key: &str, summary: &Summary, life: Duration) -> Result<(), Passed> {
    Ok(tokio::time::timeout(PATIENCE, cache.set_ex(key, summary, life)).await??)
}
