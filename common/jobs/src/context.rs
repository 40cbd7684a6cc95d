//! What a running attempt knows of itself, and how it proves that it still holds the job.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{error::JobError, store};

/// One attempt at a job.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The job.
    pub job_id: i64,
    /// The attempt, from 1.
    pub attempt: i16,
    pub(crate) worker_id: String,
    pub(crate) locked_at: Option<DateTime<Utc>>,
}

impl JobContext {
    /// Locks the job's row until the transaction ends, if this attempt still holds it: no other worker can take the job
    /// over before the effect is committed. Call it in the transaction of every effect.
    ///
    /// # Errors
    /// `JobError::LeaseLost` (roll back and return it), or `JobError::Database`.
    pub async fn fenced(&self, tx: &mut PgConnection) -> Result<(), JobError> {
        let held = store::queue::hold(tx, self).await?;
        if held { Ok(()) } else { Err(self.lost()) }
    }

    /// Ends the job in the transaction of its last effect: once that commits, the job never runs again, whatever
    /// happens to this worker. Includes [`Self::fenced`].
    ///
    /// # Errors
    /// As for [`Self::fenced`].
    pub async fn finish(&self, tx: &mut PgConnection) -> Result<(), JobError> {
        let held = store::queue::finish(tx, self).await?;
        if held { Ok(()) } else { Err(self.lost()) }
    }

    fn lost(&self) -> JobError {
        JobError::LeaseLost {
            job_id: self.job_id,
            attempt: self.attempt,
        }
    }
}
