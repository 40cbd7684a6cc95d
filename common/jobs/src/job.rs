//! What a job is, and how one is enqueued.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::PgConnection;

use crate::{context::JobContext, error::JobError, store};

/// A pool of workers. A job type belongs to one; long work never waits in front of short work.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Queue {
    /// Somebody is waiting for it. Role `worker`.
    Interactive,
    /// Everything else. Role `worker`.
    Default,
    /// Heavy reports. Role `analytics-worker`.
    Reports,
    /// Aggregates. Role `analytics-worker`.
    Analytics,
}

impl Queue {
    /// Name in logs, metrics and `job_runs.queue`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Default => "default",
            Self::Reports => "reports",
            Self::Analytics => "analytics",
        }
    }
}

/// One kind of background work; the fields are its arguments, stored as JSON. A changed meaning is a new type and name.
#[async_trait]
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `domain.verb`, for example `users.purge_sessions`.
    const NAME: &'static str;
    /// The pool that runs it.
    const QUEUE: Queue;
    /// Attempts until it is parked. An attempt that killed its worker counts.
    const MAX_ATTEMPTS: i16 = 5;
    /// What it needs beside its arguments: services, pools.
    type State: Clone + Send + Sync + 'static;

    /// Does the work; runs at least once. An effect in the database is committed in a transaction that calls
    /// [`JobContext::finish`] (the last effect) or [`JobContext::fenced`] (any before), and so happens once. An effect
    /// elsewhere needs a business key there.
    ///
    /// # Errors
    /// Any error: the job is tried again, after e^n seconds and a random part.
    async fn run(self, ctx: JobContext, state: Self::State) -> Result<(), JobError>;
}

/// How to enqueue a job. The default: now, any number of copies.
#[derive(Debug, Clone, Default)]
pub struct EnqueueOptions {
    /// Only one waiting job has this key: a second one replaces its arguments and time.
    pub key: Option<String>,
    /// Not before this time.
    pub run_at: Option<DateTime<Utc>>,
    /// Jobs of one lane run one after another, in order.
    pub lane: Option<String>,
}

/// Enqueues a job in the caller's transaction: if it is rolled back, the job never was.
///
/// # Errors
/// `JobError::Payload` or `JobError::Database`.
pub async fn enqueue<J: Job>(
    conn: &mut PgConnection,
    job: &J,
    options: EnqueueOptions,
) -> Result<(), JobError> {
    let payload = serde_json::to_value(job).map_err(|source| JobError::Payload {
        name: J::NAME,
        source,
    })?;
    Ok(store::queue::add_job(conn, J::NAME, &payload, J::MAX_ATTEMPTS, &options).await?)
}
