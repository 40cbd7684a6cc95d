//! Use case: a member takes a task out of sight, or brings it back. Nothing is deleted.

use common_http::Principal;
use common_telemetry::audit_event;
use uuid::Uuid;

use super::check_version;
use crate::model::{Task, changed};
use crate::producer::{TaskArchived, TaskEvent, TaskRestored};
use crate::store::scope::{ReadScope, WriteScope};
use crate::store::task;
use crate::{Error, Tasks};

/// Archives (`true`) or restores (`false`) the task; one that is so already stays as it is.
pub(crate) async fn set_archived(
    tasks: &Tasks,
    principal: &Principal,
    id: Uuid,
    seen: Option<i64>,
    archived: bool,
) -> Result<Task, Error> {
    let mut transaction = tasks.pools.write.begin().await?;
    let visible = ReadScope::of(&mut transaction, principal.user_id).await?;
    let before = task::lock(&mut transaction, &visible, id).await?;
    let scope = WriteScope::of(&mut transaction, principal.user_id, before.team_id).await?;
    check_version(&before, seen)?;
    if before.is_archived == archived {
        return Ok(before);
    }
    let after = Task {
        is_archived: archived,
        version: before.version + 1,
        updated_at: tasks.now(),
        ..before.clone()
    };
    let diff = changed(Some(&before), &after);
    let event = TaskEvent::of(&after, principal.user_id, &diff);
    let (action, record) = if archived {
        (
            "task.archived",
            tasks.record(principal, "task.archived", diff, &TaskArchived(event))?,
        )
    } else {
        (
            "task.restored",
            tasks.record(principal, "task.restored", diff, &TaskRestored(event))?,
        )
    };
    task::update(&mut transaction, scope, &after, &record).await?;
    transaction.commit().await?;
    audit_event!(
        actor = principal.user_id,
        action = action,
        entity = "task",
        id = id,
        "task archived or restored"
    );
    Ok(after)
}
