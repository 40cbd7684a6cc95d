//! What the API server was asked, and said: it counts for a while, and many who want to know ask once.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::SharedClock;
use tokio::sync::Mutex;

/// How long an answer counts.
pub(super) const FRESH: TimeDelta = TimeDelta::minutes(1);
/// How long an answer may take: passes wait for it.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// The last answer to one question.
#[derive(Debug)]
pub(super) struct Answer<T> {
    last: Mutex<Option<Told<T>>>,
    /// How often somebody had reason to doubt it: what was asked before that counts no more.
    doubts: AtomicU64,
}

#[derive(Debug)]
struct Told<T> {
    at: DateTime<Utc>,
    /// As many as there had been when it was asked.
    doubts: u64,
    answer: T,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self {
            last: Mutex::default(),
            doubts: AtomicU64::default(),
        }
    }
}

impl<T: Clone> Answer<T> {
    /// The answer as it is known, or as it comes when it is asked for. One that is none, an error, is not kept.
    pub(super) async fn get<E>(
        &self,
        clock: &SharedClock,
        ask: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        // Held while it is asked, so that whoever comes meanwhile gets the same answer.
        let mut last = self.last.lock().await;
        let (now, doubts) = (clock.now(), self.doubts.load(Ordering::Acquire));
        let counts =
            |told: &&Told<T>| told.doubts == doubts && told.at <= now && now - told.at < FRESH;
        if let Some(told) = last.as_ref().filter(counts) {
            return Ok(told.answer.clone());
        }
        let answer = ask.await?;
        *last = Some(Told {
            at: now,
            doubts,
            answer: answer.clone(),
        });
        Ok(answer)
    }

    /// Has it asked for anew by whoever wants to know next.
    pub(super) fn doubt(&self) {
        self.doubts.fetch_add(1, Ordering::Release);
    }
}
