//! Pages of tasks.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::ReadScope;
use super::task::Row;
use crate::Error;
use crate::model::{Status, Task};

/// Which tasks; `None` takes all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) status: Option<Status>,
    pub(crate) owner_id: Option<Uuid>,
    pub(crate) due_after: Option<DateTime<Utc>>,
    pub(crate) due_before: Option<DateTime<Utc>>,
    pub(crate) archived: bool,
}

/// Where a list goes on: creation time and id of the last row.
pub(crate) type Position = (DateTime<Utc>, Uuid);

/// The newest `limit` tasks after a position. Each team's newest are found by its index, then merged: the work grows
/// with teams × limit, never with the number of tasks.
pub(crate) async fn page(
    connection: &mut PgConnection,
    scope: &ReadScope,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<Task>, Error> {
    let (at, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select x.id, x.team_id, x.title, x.description, x.status, x.priority, x.owner_id, x.due_at,
                  x.completed_at, x.is_archived, x.version, x.created_by, x.created_at, x.updated_at
           from unnest($1::uuid[]) as s (team_id)
           cross join lateral (
               select t.* from tasks t
               where t.team_id = s.team_id and t.is_archived = $2
                 and ($3::text is null or t.status = $3)
                 and ($4::uuid is null or t.owner_id = $4)
                 and ($5::timestamptz is null or t.due_at >= $5)
                 and ($6::timestamptz is null or t.due_at < $6)
                 and ($7::timestamptz is null or (t.created_at, t.id) < ($7, $8::uuid))
               order by t.created_at desc, t.id desc limit $9
           ) x
           order by x.created_at desc, x.id desc limit $9"#,
        scope.teams(),
        filter.archived,
        filter.status.map(Status::as_str),
        filter.owner_id,
        filter.due_after,
        filter.due_before,
        at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Task::try_from).collect()
}
