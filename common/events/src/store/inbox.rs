//! The inbox: an event has its effect once, because both are committed together.

use sqlx::PgConnection;
use uuid::Uuid;

/// Notes in the caller's transaction that a consumer has seen an event: `true` the first time, `false` on a repetition
/// (then do nothing and acknowledge). A concurrent delivery of the same event waits for this transaction to end.
///
/// # Errors
/// Those of the database.
pub async fn first_time(
    conn: &mut PgConnection,
    consumer: &str,
    event_id: Uuid,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "insert into inbox (consumer, event_id) values ($1, $2) on conflict do nothing",
    )
    .bind(consumer)
    .bind(event_id)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Days for which a consumer remembers an event: longer than a topic may keep it, which is a year, or a replay has its effect
/// twice.
pub const REMEMBERED_DAYS: u16 = 400;

/// Forgets events seen longer ago than [`REMEMBERED_DAYS`], at most so many; returns how many.
///
/// # Errors
/// Those of the database.
pub async fn purge(conn: &mut PgConnection, most: u32) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query(
        "delete from inbox where ctid = any(array(select ctid from inbox \
         where received_at < now() - make_interval(days => $1) limit $2))",
    )
    .bind(i32::from(REMEMBERED_DAYS))
    .bind(i64::from(most))
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}
