//! All SQL of the crate.

use common_http::{FieldChange, Limit};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Entry;

/// Versions behind the current one that are looked through: a bound on what one request can have read.
const FURTHEST: i64 = 100;

/// A thing whose history is asked for. Who makes one has seen the thing through a scope.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it is, as the history calls it: `task`.
    pub entity: &'static str,
    /// Which.
    pub id: Uuid,
    /// The teams of which the caller may know what was done. The session of the database has been told them too: a policy shows
    /// it the history of no other.
    pub teams: &'a [Uuid],
}

impl Subject<'_> {
    /// What was done, newest first, before the entry `before`; one row more than `limit` when it goes on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(
        self,
        connection: &mut PgConnection,
        before: Option<i64>,
        limit: Limit,
    ) -> Result<Vec<Entry>, sqlx::Error> {
        sqlx::query_as!(
            Entry,
            "select id, actor, action, diff, at from audit
             where entity = $1 and entity_id = $2 and team_id = any($3) and ($4::bigint is null or id < $4)
             order by id desc limit $5",
            self.entity,
            self.id,
            self.teams,
            before,
            limit.rows_and_one(),
        )
        .fetch_all(connection)
        .await
    }

    /// The fields of the thing, which has version `current` and whose row is locked, that differ from its version `seen`, which
    /// is a former one. `None` when that is too long ago, or the history has not an entry for each version since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn since(
        self,
        connection: &mut PgConnection,
        current: i64,
        seen: i64,
    ) -> Result<Option<Vec<FieldChange>>, sqlx::Error> {
        let versions = current - seen;
        if versions > FURTHEST {
            return Ok(None);
        }
        let rows = sqlx::query!(
            r#"with entry as (
                select id, actor, diff, at from audit
                where entity = $1 and entity_id = $2 and team_id = any($3)
                order by id desc limit $4
            )
            select field.key as "field!",
                   (array_agg(field.value -> 'before' order by entry.id))[1] as "before!",
                   (array_agg(field.value -> 'after' order by entry.id desc))[1] as "after!",
                   (array_agg(entry.actor order by entry.id desc))[1] as actor,
                   (array_agg(entry.at order by entry.id desc))[1] as "at!",
                   (select count(*) from entry) as "entries!"
            from entry cross join lateral jsonb_each(entry.diff) as field
            group by field.key order by field.key"#,
            self.entity,
            self.id,
            self.teams,
            versions,
        )
        .fetch_all(connection)
        .await?;
        if rows.first().is_none_or(|row| row.entries != versions) {
            return Ok(None);
        }
        let differs = rows.into_iter().filter(|row| row.before != row.after);
        Ok(Some(
            differs
                .map(|row| FieldChange {
                    pointer: format!("/{}", row.field),
                    before: row.before,
                    after: row.after,
                    actor_id: row.actor,
                    at: row.at,
                })
                .collect(),
        ))
    }
}
