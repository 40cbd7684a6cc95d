//! `GET /api/v1/tasks/{id}/history`.

use axum::extract::State;
use common_history::HistoryView;
use common_http::{
    ApiResult, Envelope, Fresh, IfNoneMatch, PageQuery, Path, Principal, Query, Reply,
};
use uuid::Uuid;

use crate::Tasks;
use crate::service::read;

/// What was done to a task
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/history", tag = "tasks",
    params(("id" = Uuid, Path), PageQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<HistoryView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn task_history(
    State(tasks): State<Tasks>,
    principal: Principal,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<HistoryView>>>> {
    let list = ("history", principal.user_id, id);
    let before = page.after(&tasks.keys, &list)?;
    let rows = read::history(&tasks, &principal, id, before, page.limit).await?;
    let page = common_history::page(&tasks.keys, &list, rows, page.limit)?;
    Ok(page.unless_held(&held))
}
