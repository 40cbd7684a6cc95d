//! Stored answers to requests that may be sent again; `common-http` writes them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::Error;

/// Removes answers whose time is over; gives their number.
pub(crate) async fn purge(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, Error> {
    Ok(
        sqlx::query!("delete from idempotency_keys where expires_at <= $1", now)
            .execute(connection)
            .await?
            .rows_affected(),
    )
}
