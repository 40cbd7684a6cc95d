//! Sign-ins that ended while access tokens of theirs may still be good. The statement that ends one writes them
//! (`session::{end, revoke_family}`).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::Platform;
use crate::Error;

/// All that matter at `now`.
pub(crate) async fn list(
    connection: &mut PgConnection,
    _: Platform,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select session_id from revocations where expires_at > $1",
        now
    )
    .fetch_all(connection)
    .await?)
}

/// Forgets those that matter no more at `now`; gives their number.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    _: Platform,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    Ok(
        sqlx::query!("delete from revocations where expires_at <= $1", now)
            .execute(connection)
            .await?
            .rows_affected(),
    )
}
