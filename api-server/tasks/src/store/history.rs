//! What was done to a task.

use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::ReadScope;
use crate::Error;
use crate::model::{Changed, HistoryEntry, Task};

/// Versions behind the current one that [`since`] looks through: a bound on what one request can have read.
const FURTHEST: i64 = 100;

/// Changes of the task, newest first, before the entry `before`. Nothing for a task outside the scope.
pub(crate) async fn page(
    connection: &mut PgConnection,
    scope: &ReadScope,
    task: Uuid,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<HistoryEntry>, Error> {
    Ok(sqlx::query_as!(
        HistoryEntry,
        "select id, actor, action, diff, at from audit
         where entity = 'task' and entity_id = $1 and team_id = any($2) and ($3::bigint is null or id < $3)
         order by id desc limit $4",
        task,
        scope.teams(),
        before,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The fields of `task`, whose row is locked, that differ from its version `seen`, which is a former one. `None` when
/// that is too long ago, or the history has not an entry for each version since, as it has for all that was changed through
/// this store.
pub(crate) async fn since(
    connection: &mut PgConnection,
    scope: &ReadScope,
    task: &Task,
    seen: i64,
) -> Result<Option<Vec<Changed>>, Error> {
    let versions = task.version - seen;
    if versions > FURTHEST {
        return Ok(None);
    }
    let rows = sqlx::query!(
        r#"with entry as (
            select id, actor, diff, at from audit
            where entity = 'task' and entity_id = $1 and team_id = any($2)
            order by id desc limit $3
        )
        select field.key as "field!",
               (array_agg(field.value -> 'before' order by entry.id))[1] as "before!",
               (array_agg(field.value -> 'after' order by entry.id desc))[1] as "after!",
               (array_agg(entry.actor order by entry.id desc))[1] as actor,
               (array_agg(entry.at order by entry.id desc))[1] as "at!",
               (select count(*) from entry) as "entries!"
        from entry cross join lateral jsonb_each(entry.diff) as field
        group by field.key order by field.key"#,
        task.id,
        scope.teams(),
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
            .map(|row| Changed {
                field: row.field,
                before: row.before,
                after: row.after,
                actor: row.actor,
                at: row.at,
            })
            .collect(),
    ))
}
