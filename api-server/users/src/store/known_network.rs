//! Networks that people have signed in from.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::scope::Platform;
use crate::Error;

/// Forgets those that nobody has signed in from since `before`; gives their number.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    _: Platform,
    before: DateTime<Utc>,
) -> Result<u64, Error> {
    Ok(
        sqlx::query!("delete from known_networks where last_at < $1", before)
            .execute(connection)
            .await?
            .rows_affected(),
    )
}
