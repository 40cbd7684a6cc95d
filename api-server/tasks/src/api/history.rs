//! `GET /api/v1/tasks/{id}/history`.

use axum::extract::State;
use common_http::{ApiResult, Cursor, Envelope, Limit, Path, Principal, Query, Reply};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::HistoryView;
use crate::Tasks;
use crate::service::read;

/// Which page.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Most rows of the answer.
    #[garde(dive)]
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// `meta.page.next` of the page before.
    #[garde(dive)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// What was done to a task
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/history", tag = "tasks",
    params(("id" = Uuid, Path), HistoryQuery), responses(
    (status = 200, description = "A page", body = Envelope<Vec<HistoryView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn task_history(
    State(tasks): State<Tasks>,
    principal: Principal,
    Path(id): Path<Uuid>,
    Query(query): Query<HistoryQuery>,
) -> ApiResult<Reply<Vec<HistoryView>>> {
    let list = ("history", principal.user_id, id);
    let before = tasks.keys.after(query.cursor.as_ref(), &list)?;
    let rows = read::history(&tasks, &principal, id, before, query.limit).await?;
    tasks.keys.page(&list, rows, query.limit, |entry| entry.id)
}
