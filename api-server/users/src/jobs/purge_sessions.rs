//! Removes ended sessions.

use async_trait::async_trait;
use common_clock::SharedClock;
use common_jobs::{Job, JobContext, JobError, Queue};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// What the domain's jobs need.
#[derive(Clone)]
pub struct JobState {
    /// The application's primary.
    pub pool: PgPool,
    /// The clock.
    pub clock: SharedClock,
}

/// Job `users.purge_sessions`; safe to run at any time and any number of times.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PurgeSessions {}

#[async_trait]
impl Job for PurgeSessions {
    const NAME: &'static str = "users.purge_sessions";
    const QUEUE: Queue = Queue::Default;
    type State = JobState;

    async fn run(self, context: JobContext, state: JobState) -> Result<(), JobError> {
        crate::service::purge(&state, &context).await
    }
}
