//! One migration at a time in a database.

use std::time::Duration;

use sqlx::PgConnection;

/// Key of the advisory lock.
const KEY: i64 = i64::from_be_bytes(*b"crewdeck");

/// Waits for the lock, which is the session's. It is asked for again and again: a session that waited inside one
/// statement would hold a snapshot, and an index that the holder builds concurrently waits for every older snapshot.
pub(super) async fn hold(
    connection: &mut PgConnection,
    pause: Duration,
) -> Result<(), sqlx::Error> {
    let mut told = false;
    loop {
        let held: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(KEY)
            .fetch_one(&mut *connection)
            .await?;
        if held {
            return Ok(());
        }
        if !told {
            tracing::info!("another migration is under way in this database; waiting for its end");
            told = true;
        }
        tokio::time::sleep(pause).await;
    }
}
