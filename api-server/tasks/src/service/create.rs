//! Use case: a member adds a task to a team.

use common_http::idempotency::{self, Answer, Attempt, Begun};
use common_http::{ApiError, Principal, Reply};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;

use super::check_owner;
use crate::model::{NewTask, Task, changed};
use crate::producer::{TaskCreated, TaskEvent};
use crate::store::scope::WriteScope;
use crate::store::task;
use crate::{Error, Tasks};

/// Adds the task. With `again`, the key and content of a request that may come again, the answer is kept with the
/// task, and a second request gets it without a second task.
pub(crate) async fn create<V: Serialize>(
    tasks: &Tasks,
    principal: &Principal,
    new: NewTask,
    again: Option<(Attempt<'_>, &(impl Serialize + Sync))>,
    answer: impl Fn(Task) -> Reply<V>,
) -> Result<Answer<V>, ApiError> {
    let Some((attempt, content)) = again else {
        let mut connection = tasks.pools.write.acquire().await?;
        let made = insert(tasks, &mut connection, principal, new).await?;
        return Ok(Answer::Fresh(answer(made)));
    };
    let mut transaction = tasks.pools.write.begin().await?;
    match idempotency::begin(&mut transaction, attempt, content, tasks.clock.now()).await? {
        Begun::Replay(response) => Ok(Answer::Kept(response)),
        Begun::First => {
            let reply = answer(insert(tasks, &mut transaction, principal, new).await?);
            idempotency::finish(&mut transaction, attempt, &reply).await?;
            transaction.commit().await?;
            Ok(Answer::Fresh(reply))
        }
    }
}

async fn insert(
    tasks: &Tasks,
    connection: &mut PgConnection,
    principal: &Principal,
    new: NewTask,
) -> Result<Task, Error> {
    let scope = WriteScope::of(connection, principal.user_id, new.team_id).await?;
    check_owner(connection, new.team_id, new.owner_id).await?;
    let made = new.into_task(tasks.ids.uuid(), principal.user_id, tasks.now());
    let diff = changed(None, &made);
    let event = TaskCreated(TaskEvent::of(&made, principal.user_id, &diff));
    let record = tasks.record(principal, "task.created", diff, &event)?;
    task::insert(connection, scope, &made, &record).await?;
    audit_event!(
        actor = principal.user_id,
        action = "task.created",
        entity = "task",
        id = made.id,
        "task created"
    );
    Ok(made)
}
