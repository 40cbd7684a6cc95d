//! `POST /api/v1/tasks/{id}:archive` and `:restore`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, IfMatch, Path, Principal, Reply};
use uuid::Uuid;

use super::views::TaskView;
use crate::Tasks;
use crate::service::archive::set_archived;

/// Archive a task
///
/// It leaves every list; its history stays, and it can be restored.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/~archive", tag = "tasks",
    params(("id" = Uuid, Path), IfMatch),
    responses(
    (status = 200, description = "The archived task", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
    (status = 412, description = "`version_mismatch`"),
))]
pub(super) async fn archive_task(
    State(tasks): State<Tasks>,
    principal: Principal,
    IfMatch(seen): IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Reply<TaskView>> {
    let task = set_archived(&tasks, &principal, id, seen, true).await?;
    let version = task.version;
    Ok(Reply::ok(TaskView::from(task)).versioned(version))
}

/// Restore an archived task
#[utoipa::path(post, path = "/api/v1/tasks/{id}/~restore", tag = "tasks",
    params(("id" = Uuid, Path), IfMatch),
    responses(
    (status = 200, description = "The restored task", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
    (status = 412, description = "`version_mismatch`"),
))]
pub(super) async fn restore_task(
    State(tasks): State<Tasks>,
    principal: Principal,
    IfMatch(seen): IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Reply<TaskView>> {
    let task = set_archived(&tasks, &principal, id, seen, false).await?;
    let version = task.version;
    Ok(Reply::ok(TaskView::from(task)).versioned(version))
}
