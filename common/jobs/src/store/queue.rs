//! One job's row: adding it, holding it, ending it.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{context::JobContext, job::EnqueueOptions};

pub(crate) async fn add_job(
    conn: &mut PgConnection,
    name: &str,
    payload: &Value,
    max_attempts: i16,
    options: &EnqueueOptions,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select from gw.add_job(identifier => $1, payload => $2::json, queue_name => $3, run_at => $4, \
         max_attempts => $5, job_key => $6)",
    )
    .bind(name)
    .bind(payload)
    .bind(&options.lane)
    .bind(options.run_at)
    .bind(max_attempts)
    .bind(&options.key)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the row to the end of the transaction. All three conditions: a worker that was frozen may have claimed the
/// same job again under its own name.
pub(crate) async fn hold(tx: &mut PgConnection, attempt: &JobContext) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "select 1 from gw._private_jobs where id = $1 and locked_by = $2 and locked_at = $3 for update",
    )
    .bind(attempt.job_id)
    .bind(&attempt.worker_id)
    .bind(attempt.locked_at)
    .fetch_optional(tx)
    .await?;
    Ok(row.is_some())
}

/// Deletes the row; the acknowledgement that comes later finds nothing and is content. A lane is freed too: only the
/// acknowledgement of an existing row would do it, and the lane would stop.
pub(crate) async fn finish(
    tx: &mut PgConnection,
    attempt: &JobContext,
) -> Result<bool, sqlx::Error> {
    let lane: Option<Option<i32>> = sqlx::query_scalar(
        "delete from gw._private_jobs where id = $1 and locked_by = $2 and locked_at = $3 returning job_queue_id",
    )
    .bind(attempt.job_id)
    .bind(&attempt.worker_id)
    .bind(attempt.locked_at)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(Some(lane)) = lane {
        sqlx::query("update gw._private_job_queues set locked_by = null, locked_at = null where id = $1 and locked_by = $2")
            .bind(lane)
            .bind(&attempt.worker_id)
            .execute(tx)
            .await?;
    }
    Ok(lane.is_some())
}

/// Spreads the retries of jobs that failed together: the library's back-off is e^n seconds for all of them.
pub(crate) async fn spread_retry(
    conn: &mut PgConnection,
    job_id: i64,
    attempt: i16,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update gw._private_jobs set run_at = run_at + (run_at - now()) * random() * 0.5 \
         where id = $1 and attempts = $2 and locked_by is null and run_at > now()",
    )
    .bind(job_id)
    .bind(attempt)
    .execute(conn)
    .await?;
    Ok(())
}

/// Age in seconds of the oldest job of these names that could run now and is not running. One whose lane is taken could not.
pub(crate) async fn oldest_runnable(
    conn: &mut PgConnection,
    names: &[&str],
) -> Result<f64, sqlx::Error> {
    sqlx::query_scalar(
        "select coalesce(max(extract(epoch from now() - j.run_at)), 0)::float8 from gw._private_jobs j \
         join gw._private_tasks t on t.id = j.task_id \
         left join gw._private_job_queues lane on lane.id = j.job_queue_id \
         where t.identifier = any($1) and j.locked_at is null and lane.locked_at is null \
         and j.run_at <= now() and j.attempts < j.max_attempts",
    )
    .bind(names)
    .fetch_one(conn)
    .await
}
