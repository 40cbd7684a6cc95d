//! Counting an event once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Own;
use crate::model::Tally;

impl Own {
    /// Adds `tally` to its day unless `consumer` has counted the event already; tells whether it was
    /// added. One statement, so the note in the inbox and the sum are one commit; a concurrent
    /// delivery of the same event waits for it and then adds nothing.
    pub(crate) async fn count(
        &self,
        consumer: &str,
        event_id: Uuid,
        tally: Tally,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            "with first as (
                insert into analytics.inbox (consumer, event_id, received_at) values ($1, $2, $3)
                on conflict do nothing returning event_id
            )
            insert into analytics.daily_task_counts as d (team_id, day, created, completed, archived)
            select $4, $5, $6, $7, $8 from first
            on conflict (team_id, day) do update set
                created = d.created + excluded.created,
                completed = d.completed + excluded.completed,
                archived = d.archived + excluded.archived",
            consumer,
            event_id,
            now,
            tally.team_id,
            tally.day,
            tally.created,
            tally.completed,
            tally.archived,
        )
        .execute(&self.0)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
