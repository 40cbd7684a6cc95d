//! Use case: a member takes a task out of sight, or brings it back. Nothing is deleted.

use common_http::{ApiResult, Attempt, Effect, IfMatch, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Tasks;
use crate::model::{Task, changed};
use crate::producer::{TaskArchived, TaskEvent, TaskRestored};
use crate::store::scope::ReadScope;
use crate::store::task;

/// Archives (`true`) or restores (`false`) the task as the caller has `seen` it; one that is so already stays as it is.
pub(crate) async fn set_archived<V: Serialize>(
    tasks: &Tasks,
    attempt: &Attempt,
    id: Uuid,
    seen: &IfMatch,
    archived: bool,
    answer: impl FnOnce(Task) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let action = if archived {
        "task.archived"
    } else {
        "task.restored"
    };
    let work = async |connection: &mut PgConnection| {
        let visible = ReadScope::of(connection, principal.user_id).await?;
        let before = task::lock(connection, &visible, id).await?;
        let scope = visible.write(before.team_id)?;
        visible
            .history(id)
            .allow_act(connection, before.version, seen)
            .await?;
        if before.is_archived == archived {
            return Ok(Effect::Unchanged(before));
        }
        // Whoever left the team left its active tasks; this one is looked at now.
        let owner_id = match before.owner_id {
            Some(owner) if !archived => {
                let stays = visible.shares(connection, before.team_id, owner).await?;
                stays.then_some(owner)
            }
            owner => owner,
        };
        let after = Task {
            is_archived: archived,
            owner_id,
            version: before.version + 1,
            updated_at: tasks.now(),
            ..before.clone()
        };
        let diff = changed(Some(&before), &after);
        let event = TaskEvent::of(&after, principal.user_id, &diff);
        let record = if archived {
            tasks.record(principal, action, diff, &TaskArchived(event))?
        } else {
            tasks.record(principal, action, diff, &TaskRestored(event))?
        };
        task::update(connection, scope, &after, &record).await?;
        Ok(Effect::Changed(after))
    };
    let written = attempt
        .in_transaction(&tasks.pools.write, tasks.now(), work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = action,
            entity = "task",
            id = id,
            "task archived or restored"
        );
    }
    Ok(written)
}
