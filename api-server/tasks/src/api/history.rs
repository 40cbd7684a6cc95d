//! `GET /api/v1/tasks/{id}/history`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Path, Principal, Query, Reply};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::Fault;
use super::views::HistoryView;
use crate::Tasks;
use crate::service::read;

/// Which page.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Most rows of the answer.
    #[garde(range(min = 1, max = 200))]
    #[serde(default = "super::fifty")]
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: u32,
    /// `meta.page.next` of the page before.
    #[garde(length(max = 500))]
    cursor: Option<String>,
}

/// What was done to a task
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/history", tag = "tasks", security(("bearer" = [])),
    params(("id" = Uuid, Path), HistoryQuery), responses(
    (status = 200, description = "A page", body = Envelope<Vec<HistoryView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`", body = Fault),
    (status = 401, description = "`unauthorized`", body = Fault),
    (status = 404, description = "`not_found`", body = Fault),
))]
pub(super) async fn task_history(
    State(tasks): State<Tasks>,
    principal: Principal,
    Path(id): Path<Uuid>,
    Query(query): Query<HistoryQuery>,
) -> ApiResult<Reply<Vec<HistoryView>>> {
    let list = ("history", principal.user_id, id);
    let before = query
        .cursor
        .as_deref()
        .map(|cursor| tasks.keys.decode(cursor, &list))
        .transpose()?;
    let rows = read::history(&tasks, &principal, id, before, query.limit).await?;
    tasks.keys.page(&list, rows, query.limit, |entry| entry.id)
}
