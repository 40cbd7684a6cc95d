//! What ran: `job_runs` (kept) and `job_starts` (which attempt of a job had begun when its worker died).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// How an attempt ended, as in `job_runs.outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
    Lost,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

/// One attempt that begins.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) job_id: i64,
    pub(crate) locked_at: Option<DateTime<Utc>>,
    pub(crate) name: &'a str,
    pub(crate) queue: &'a str,
    pub(crate) attempt: i16,
}

pub(crate) async fn started(conn: &mut PgConnection, start: &Start<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with mark as (insert into job_starts (job_id, locked_at) values ($1, coalesce($2, now())) \
         on conflict (job_id) do update set locked_at = excluded.locked_at) \
         insert into job_runs (job_id, name, queue, attempt) values ($1, $3, $4, $5)",
    )
    .bind(start.job_id)
    .bind(start.locked_at)
    .bind(start.name)
    .bind(start.queue)
    .bind(start.attempt)
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes the run of an attempt. The mark of its start goes with it.
pub(crate) async fn ended(
    conn: &mut PgConnection,
    job_id: i64,
    attempt: i16,
    outcome: Outcome,
    error: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with mark as (delete from job_starts where job_id = $1) \
         update job_runs set finished_at = now(), outcome = $3, error = $4 \
         where job_id = $1 and attempt = $2 and finished_at is null",
    )
    .bind(job_id)
    .bind(attempt)
    .bind(outcome.as_str())
    .bind(error)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the attempt that locked the job then had begun, rather than waited in its worker's memory.
pub(crate) async fn had_started(
    conn: &mut PgConnection,
    job_id: i64,
    locked_at: Option<DateTime<Utc>>,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("select 1 from job_starts where job_id = $1 and locked_at = $2")
        .bind(job_id)
        .bind(locked_at)
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// Deletes runs that ended longer ago than this many days, at most so many and the oldest first, and slots that passed as
/// long ago; returns how many runs.
///
/// # Errors
/// Those of the database.
pub async fn purge(conn: &mut PgConnection, days: u16, most: u32) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query(
        "with slots as (delete from schedule_slots where slot_at < now() - make_interval(days => $1)) \
         delete from job_runs where id in (select id from job_runs \
         where finished_at < now() - make_interval(days => $1) order by id limit $2)",
    )
    .bind(i32::from(days))
    .bind(i64::from(most))
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}
