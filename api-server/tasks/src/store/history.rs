//! What was done to a task.

use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::ReadScope;
use crate::Error;
use crate::model::HistoryEntry;

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
