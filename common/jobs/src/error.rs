//! What can go wrong with jobs.

use sqlx::error::BoxDynError;

/// Why a job failed, or could not be enqueued or run.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database refused or is away.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Another worker has taken the job over: roll back, this attempt must not have an effect.
    #[error("attempt {attempt} of job {job_id} has lost its lease")]
    LeaseLost {
        /// The job.
        job_id: i64,
        /// The attempt that lost it.
        attempt: i16,
    },
    /// The role is stopping and the job did not end in time. It runs again elsewhere.
    #[error("interrupted by shutdown")]
    Interrupted,
    /// The work itself failed.
    #[error("{0}")]
    Failed(#[source] BoxDynError),
    /// The job's fields are not a JSON object.
    #[error("payload of {name}: {source}")]
    Payload {
        /// Name of the job.
        name: &'static str,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A schedule's cron expression is not one.
    #[error("schedule {schedule}: {expression:?} is no cron expression: {detail}")]
    Cron {
        /// Name of the schedule.
        schedule: &'static str,
        /// The expression.
        expression: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// A queue's worker could not start or stopped.
    #[error("worker of queue {queue}: {source}")]
    Worker {
        /// The queue.
        queue: &'static str,
        /// The library's own error.
        #[source]
        source: BoxDynError,
    },
    /// The schema of the queue could not be migrated.
    #[error("migrating schema gw: {0}")]
    Migrate(#[source] BoxDynError),
}

impl JobError {
    /// The work failed with this error.
    pub fn failed(source: impl Into<BoxDynError>) -> Self {
        Self::Failed(source.into())
    }
}
