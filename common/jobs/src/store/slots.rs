//! The slots of schedules: a row per slot that was enqueued, so that each is enqueued once.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Takes a slot for the caller's transaction; false if it is taken. Waits for a transaction that is taking it now.
pub(crate) async fn take(
    conn: &mut PgConnection,
    schedule: &str,
    slot: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "insert into schedule_slots (schedule, slot_at) values ($1, $2) on conflict do nothing",
    )
    .bind(schedule)
    .bind(slot)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The newest slot that was taken.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    schedule: &str,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar("select max(slot_at) from schedule_slots where schedule = $1")
        .bind(schedule)
        .fetch_one(conn)
        .await
}
