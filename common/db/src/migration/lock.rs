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
    // A statement of a killed run would go on for as long as an older transaction holds it up, and the lock with it. Where
    // the server's system cannot tell (PostgreSQL's manual, section 20.3), it ends then.
    let watched = sqlx::query("set client_connection_check_interval = '2s'");
    if let Err(error) = watched.execute(&mut *connection).await {
        tracing::debug!(%error, "the server does not look after its clients");
    }
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
