//! Jobs that used up their attempts: they stay until somebody drives them again or deletes them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A job that is not tried any more.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Parked {
    /// The job.
    pub id: i64,
    /// Its name, `domain.verb`.
    pub name: String,
    /// Attempts made.
    pub attempts: i16,
    /// Error of the last one.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
}

/// The newest parked jobs.
///
/// # Errors
/// Those of the database.
pub async fn list(conn: &mut PgConnection, limit: i64) -> Result<Vec<Parked>, sqlx::Error> {
    sqlx::query_as(
        "select j.id, t.identifier as name, j.attempts, j.created_at, \
             (select r.error from job_runs r where r.job_id = j.id order by r.id desc limit 1) as last_error \
         from gw._private_jobs j join gw._private_tasks t on t.id = j.task_id \
         where j.attempts >= j.max_attempts and j.locked_at is null order by j.id desc limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Gives a parked job all its attempts again, now. False if it is not parked.
///
/// # Errors
/// Those of the database.
pub async fn retry(conn: &mut PgConnection, id: i64) -> Result<bool, sqlx::Error> {
    let updated = sqlx::query(
        "update gw._private_jobs set attempts = 0, run_at = now(), updated_at = now() \
         where id = $1 and attempts >= max_attempts and locked_at is null",
    )
    .bind(id)
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}
