//! `POST /api/v1/tasks/{id}:archive` and `:restore`, and `DELETE /api/v1/tasks/{id}`, which is the first of them.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, IfMatch, Path, Written};
use uuid::Uuid;

use super::views::{TaskView, shown};
use crate::Tasks;
use crate::service::archive::set_archived;

/// Archive a task
///
/// It leaves every list; its history stays, and it can be restored.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/~archive", tag = "tasks",
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The archived task", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
))]
pub(super) async fn archive_task(
    State(tasks): State<Tasks>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    set_archived(&tasks, &attempt, id, &seen, true, shown).await
}

/// Restore an archived task
#[utoipa::path(post, path = "/api/v1/tasks/{id}/~restore", tag = "tasks",
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The restored task", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
))]
pub(super) async fn restore_task(
    State(tasks): State<Tasks>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    set_archived(&tasks, &attempt, id, &seen, false, shown).await
}

/// Delete a task
///
/// The same as `:archive`: nothing is lost, and the task can be restored.
#[utoipa::path(delete, path = "/api/v1/tasks/{id}", tag = "tasks",
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The archived task", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
))]
pub(super) async fn delete_task(
    State(tasks): State<Tasks>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    set_archived(&tasks, &attempt, id, &seen, true, shown).await
}
