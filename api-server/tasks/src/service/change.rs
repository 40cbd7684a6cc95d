//! Use case: a member changes fields of a task.

use common_http::Principal;
use common_telemetry::audit_event;
use uuid::Uuid;

use super::{check_owner, check_version};
use crate::model::{Change, Task, Wish, changed};
use crate::producer::{TaskEvent, TaskUpdated};
use crate::store::scope::{ReadScope, WriteScope};
use crate::store::task;
use crate::{Error, Tasks};

/// Changes the task, if it still has the version `seen`. A change that changes nothing is none: no version, no event.
pub(crate) async fn change(
    tasks: &Tasks,
    principal: &Principal,
    id: Uuid,
    seen: Option<i64>,
    change: Change,
) -> Result<Task, Error> {
    let mut transaction = tasks.pools.write.begin().await?;
    let visible = ReadScope::of(&mut transaction, principal.user_id).await?;
    let before = task::lock(&mut transaction, &visible, id).await?;
    let scope = WriteScope::of(&mut transaction, principal.user_id, before.team_id).await?;
    check_version(&before, seen)?;
    if before.is_archived {
        return Err(Error::Archived);
    }
    if let Wish::Set(owner) = change.owner_id {
        check_owner(&mut transaction, before.team_id, owner).await?;
    }
    let at = tasks.now();
    let mut after = change.apply(&before, at);
    let diff = changed(Some(&before), &after);
    if diff.is_empty() {
        return Ok(before);
    }
    after.version += 1;
    after.updated_at = at;
    let event = TaskUpdated(TaskEvent::of(&after, principal.user_id, &diff));
    let record = tasks.record(principal, "task.updated", diff, &event)?;
    task::update(&mut transaction, scope, &after, &record).await?;
    transaction.commit().await?;
    audit_event!(
        actor = principal.user_id,
        action = "task.updated",
        entity = "task",
        id = id,
        "task updated"
    );
    Ok(after)
}
