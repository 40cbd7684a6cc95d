//! Tasks of somebody who has left their team.

use chrono::{DateTime, Utc};
use common_events::Outgoing;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::LeftScope;
use super::task::Row;
use crate::Error;
use crate::model::Task;

/// A task that gets no owner, and what is recorded of that.
pub(crate) struct Release {
    pub(crate) task: Uuid,
    pub(crate) version: i64,
    pub(crate) diff: Value,
    pub(crate) event_id: Uuid,
    pub(crate) event: Outgoing,
}

/// Some of the active tasks, with their rows locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    scope: LeftScope,
    most: u16,
) -> Result<Vec<Task>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select id, team_id, title, description, status, priority, owner_id, due_at, completed_at, is_archived,
                version, created_by, created_at, updated_at
         from tasks where team_id = $1 and owner_id = $2 and not is_archived
         order by created_at desc, id desc limit $3 for no key update",
        scope.team(),
        scope.user(),
        i64::from(most),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Task::try_from).collect()
}

/// Takes their owner from these tasks, which are locked, with an audit row and an event for each, in one statement. `by` is who did
/// it, the event from which that is known, and when.
pub(crate) async fn release(
    connection: &mut PgConnection,
    scope: LeftScope,
    releases: &[Release],
    by: (Uuid, Uuid, DateTime<Utc>),
) -> Result<(), Error> {
    let [mut tasks, mut event_ids] = [(); 2].map(|()| Vec::with_capacity(releases.len()));
    let [mut diffs, mut payloads] = [(); 2].map(|()| Vec::with_capacity(releases.len()));
    let mut versions = Vec::with_capacity(releases.len());
    for release in releases {
        tasks.push(release.task);
        versions.push(release.version);
        diffs.push(release.diff.clone());
        event_ids.push(release.event_id);
        payloads.push(release.event.payload.clone());
    }
    let Some(Release { event, .. }) = releases.first() else {
        return Ok(());
    };
    let (actor, cause, at) = by;
    sqlx::query!(
        "with n as (
            select * from unnest($1::uuid[], $2::bigint[], $3::jsonb[], $4::uuid[], $5::jsonb[])
                as n (id, version, diff, event_id, payload)
        ), t as (
            update tasks set owner_id = null, version = n.version, updated_at = $6
            from n where tasks.id = n.id and tasks.team_id = $7
            returning n.id, n.version, n.diff, n.event_id, n.payload
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'task', id, $7, $8, 'task.updated', diff, $9, $6 from t
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select event_id, $10, $11, id, version, payload, $8, $6 from t",
        &tasks,
        &versions,
        &diffs,
        &event_ids,
        &payloads,
        at,
        scope.team(),
        actor,
        format!("event-{cause}"),
        event.topic.as_str(),
        event.event_type,
    )
    .execute(connection)
    .await?;
    Ok(())
}
