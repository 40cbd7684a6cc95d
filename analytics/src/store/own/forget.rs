//! Bounding the inbox.

use chrono::{DateTime, Utc};

use super::Own;

impl Own {
    /// Forgets which events were counted before `before`; tells how many.
    pub(crate) async fn forget(&self, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let gone = sqlx::query!("delete from analytics.inbox where received_at < $1", before)
            .execute(&self.0)
            .await?;
        Ok(gone.rows_affected())
    }
}
