//! Use case: a member changes fields of a task.

use common_http::patch::Wish;
use common_http::{ApiResult, Attempt, Effect, IfMatch, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::check_owner;
use crate::model::{Change, Task, changed};
use crate::producer::{TaskEvent, TaskUpdated};
use crate::store::scope::ReadScope;
use crate::store::task;
use crate::{Error, Tasks};

/// Changes the task, unless that would undo what the caller has not `seen`. A change that changes nothing is none: no
/// version, no event.
pub(crate) async fn change<V: Serialize>(
    tasks: &Tasks,
    attempt: &Attempt,
    id: Uuid,
    seen: &IfMatch,
    change: Change,
    answer: impl FnOnce(Task) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let work = async |connection: &mut PgConnection| {
        let visible = ReadScope::of(connection, principal.user_id).await?;
        let before = task::lock(connection, &visible, id).await?;
        let scope = visible.write(before.team_id)?;
        if before.is_archived {
            return Err(Error::Archived.into());
        }
        visible
            .history(id)
            .allow_change(connection, before.version, seen, &change.fields())
            .await?;
        if let Wish::Set(owner) = change.owner_id {
            check_owner(connection, &visible, before.team_id, owner).await?;
        }
        let at = tasks.now();
        let mut after = change.apply(&before, at);
        let diff = changed(Some(&before), &after);
        if diff.is_empty() {
            return Ok(Effect::Unchanged(before));
        }
        after.version += 1;
        after.updated_at = at;
        let event = TaskUpdated(TaskEvent::of(&after, principal.user_id, &diff));
        let record = tasks.record(principal, "task.updated", diff, &event)?;
        task::update(connection, scope, &after, &record).await?;
        Ok(Effect::Changed(after))
    };
    let written = attempt
        .in_transaction(&tasks.pools.write, tasks.now(), work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "task.updated",
            entity = "task",
            id = id,
            "task updated"
        );
    }
    Ok(written)
}
