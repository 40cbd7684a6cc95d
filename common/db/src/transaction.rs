//! The one way to begin a transaction.

use sqlx::{PgPool, Postgres, Transaction};

/// Begins a transaction on a connection of `pool`; dropped before its commit, it is rolled back.
///
/// sqlx knows of a transaction once `BEGIN` is answered (0.9.0; its issues 4385 and 4393). Whoever is dropped while it waits for
/// that answer, as a request is whose client leaves or whose time is over, would give a connection back to the pool that is in a
/// transaction which nobody knows of: a single statement of whoever takes it next would be answered as done, and be lost
/// at the next rollback. So `BEGIN` is sent by a task of its own, which nobody drops half-way. If the caller has left
/// meanwhile, the task drops a transaction that is known, and that is rolled back.
///
/// # Errors
/// Those of [`PgPool::acquire`], and of the server.
pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    // Not in the task: who leaves while it waits for a connection leaves the queue too.
    let connection = pool.acquire().await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "one round trip, which no shutdown needs to wait for: where it is cut off, the session ends with it"
    )]
    let begun = tokio::spawn(Transaction::begin(connection, None));
    begun
        .await
        .unwrap_or_else(|stopped| Err(sqlx::Error::Io(stopped.into())))
}

#[cfg(test)]
mod tests;
