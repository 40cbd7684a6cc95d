//! One task.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Record;
use super::scope::{ReadScope, WriteScope};
use crate::Error;
use crate::model::Task;

/// Adds a task with its audit row and event, in one statement.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    scope: WriteScope,
    task: &Task,
    record: &Record,
) -> Result<(), Error> {
    sqlx::query!(
        "with t as (
            insert into tasks (id, team_id, title, description, status, priority, owner_id, due_at, completed_at,
                               version, created_by, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
            returning id
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'task', id, $2, $11, $13, $14, $15, $12 from t
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $16, $17, $18, id, $10, $19, $11, $12 from t",
        task.id,
        scope.team(),
        task.title,
        task.description,
        task.status.as_str(),
        task.priority,
        task.owner_id,
        task.due_at,
        task.completed_at,
        task.version,
        task.created_by,
        task.created_at,
        record.action,
        record.diff,
        record.request_id,
        record.event_id,
        record.event.topic.as_str(),
        record.event.event_type,
        record.event.payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the changed task with its audit row and event, in one statement. The caller holds the row's lock, and
/// `task.version` is one above the version that it read.
pub(crate) async fn update(
    connection: &mut PgConnection,
    scope: WriteScope,
    task: &Task,
    record: &Record,
) -> Result<(), Error> {
    sqlx::query!(
        "with t as (
            update tasks set title = $3, description = $4, status = $5, priority = $6, owner_id = $7, due_at = $8,
                             completed_at = $9, is_archived = $10, version = $11, updated_at = $12
            where id = $1 and team_id = $2
            returning id
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'task', id, $2, $13, $14, $15, $16, $12 from t
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $17, $18, $19, id, $11, $20, $13, $12 from t",
        task.id,
        scope.team(),
        task.title,
        task.description,
        task.status.as_str(),
        task.priority,
        task.owner_id,
        task.due_at,
        task.completed_at,
        task.is_archived,
        task.version,
        task.updated_at,
        record.actor,
        record.action,
        record.diff,
        record.request_id,
        record.event_id,
        record.event.topic.as_str(),
        record.event.event_type,
        record.event.payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The task, archived or not, if it is in the scope.
pub(crate) async fn get(
    connection: &mut PgConnection,
    scope: &ReadScope,
    id: Uuid,
) -> Result<Task, Error> {
    let row = sqlx::query_as!(
        Row,
        "select id, team_id, title, description, status, priority, owner_id, due_at, completed_at, is_archived,
                version, created_by, created_at, updated_at
         from tasks where id = $1 and team_id = any($2)",
        id,
        scope.teams(),
    )
    .fetch_optional(connection)
    .await?;
    row.ok_or(Error::NotFound)?.try_into()
}

/// The same, with its row locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    scope: &ReadScope,
    id: Uuid,
) -> Result<Task, Error> {
    let row = sqlx::query_as!(
        Row,
        "select id, team_id, title, description, status, priority, owner_id, due_at, completed_at, is_archived,
                version, created_by, created_at, updated_at
         from tasks where id = $1 and team_id = any($2) for no key update",
        id,
        scope.teams(),
    )
    .fetch_optional(connection)
    .await?;
    row.ok_or(Error::NotFound)?.try_into()
}

/// The version of the task, archived or not, if it is in the scope.
pub(crate) async fn version_of(
    connection: &mut PgConnection,
    scope: &ReadScope,
    id: Uuid,
) -> Result<i64, Error> {
    let version = sqlx::query_scalar!(
        "select version from tasks where id = $1 and team_id = any($2)",
        id,
        scope.teams(),
    )
    .fetch_optional(connection)
    .await?;
    version.ok_or(Error::NotFound)
}

/// A task as its row tells it.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) team_id: Uuid,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) status: String,
    pub(super) priority: i16,
    pub(super) owner_id: Option<Uuid>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) is_archived: bool,
    pub(super) version: i64,
    pub(super) created_by: Uuid,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Task {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            team_id: row.team_id,
            title: row.title,
            description: row.description,
            status: row.status.parse().map_err(|()| Error::Row("status"))?,
            priority: row.priority,
            owner_id: row.owner_id,
            due_at: row.due_at,
            completed_at: row.completed_at,
            is_archived: row.is_archived,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
