//! `GET /api/v1/tasks/{id}`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, Path, Principal, Reply};
use uuid::Uuid;

use super::views::{TaskView, shown};
use crate::Tasks;
use crate::service::read;

/// A task of one of the caller's teams
///
/// Archived tasks are shown too.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "tasks", params(("id" = Uuid, Path), IfNoneMatch), responses(
    (status = 200, description = "The task", body = Envelope<TaskView>),
))]
pub(super) async fn get_task(
    State(tasks): State<Tasks>,
    principal: Principal,
    Path(id): Path<Uuid>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<TaskView>>> {
    let task = read::get::<TaskView>(&tasks, &principal, id, &held).await?;
    Ok(task.map(shown))
}
