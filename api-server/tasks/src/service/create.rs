//! Use case: a member adds a task to a team.

use common_http::{ApiResult, Attempt, Effect, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;

use super::check_owner;
use crate::Tasks;
use crate::model::{NewTask, Task, changed};
use crate::producer::{TaskCreated, TaskEvent};
use crate::store::scope::ReadScope;
use crate::store::task;

/// Adds the task: row, audit and event in one statement.
pub(crate) async fn create<V: Serialize>(
    tasks: &Tasks,
    attempt: &Attempt,
    new: NewTask,
    answer: impl FnOnce(Task) -> Reply<V>,
) -> ApiResult<Written> {
    let (id, at, principal) = (tasks.ids.uuid(), tasks.now(), &attempt.principal);
    let is_given = new.owner_id.is_some();
    let work = async |connection: &mut PgConnection| {
        let visible = ReadScope::of(connection, principal.user_id).await?;
        let scope = visible.write(new.team_id)?;
        check_owner(connection, &visible, new.team_id, new.owner_id).await?;
        let made = new.into_task(id, principal.user_id, at);
        let diff = changed(None, &made);
        let event = TaskCreated(TaskEvent::of(&made, principal.user_id, &diff));
        let record = tasks.record(principal, "task.created", diff, &event)?;
        task::insert(connection, scope, &made, &record).await?;
        Ok(Effect::Changed(made))
    };
    let pool = &tasks.pools.write;
    let written = if is_given {
        // Whoever it is given to stays in the team until it is theirs.
        attempt.in_transaction(pool, at, work, answer).await?
    } else {
        attempt.in_one_statement(pool, at, work, answer).await?
    };
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "task.created",
            entity = "task",
            id = id,
            "task created"
        );
    }
    Ok(written)
}
