//! `GET /api/v1/tasks`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use common_http::{ApiResult, Envelope, Principal, Query, Reply};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::TaskView;
use super::{Fault, rules};
use crate::Tasks;
use crate::model::Status;
use crate::service::read;
use crate::store::list::Filter;

/// Which tasks, and which page of them.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only tasks of this team; else of all the caller's teams.
    #[garde(skip)]
    team_id: Option<Uuid>,
    /// Only tasks with this status.
    #[garde(skip)]
    #[param(inline)]
    status: Option<Status>,
    /// Only tasks of this owner.
    #[garde(skip)]
    owner_id: Option<Uuid>,
    /// Only tasks due at this time or later.
    #[garde(custom(rules::time))]
    due_after: Option<DateTime<Utc>>,
    /// Only tasks due before this time.
    #[garde(custom(rules::time))]
    due_before: Option<DateTime<Utc>>,
    /// Archived tasks instead of the others.
    #[garde(skip)]
    #[serde(default)]
    archived: bool,
    /// Most rows of the answer.
    #[garde(range(min = 1, max = 200))]
    #[serde(default = "super::fifty")]
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: u32,
    /// `meta.page.next` of the page before.
    #[garde(length(max = 500))]
    cursor: Option<String>,
}

/// List tasks
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "tasks", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "A page", body = Envelope<Vec<TaskView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`", body = Fault),
    (status = 401, description = "`unauthorized`", body = Fault),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's", body = Fault),
))]
pub(super) async fn list_tasks(
    State(tasks): State<Tasks>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> ApiResult<Reply<Vec<TaskView>>> {
    let filter = Filter {
        status: query.status,
        owner_id: query.owner_id,
        due_after: query.due_after,
        due_before: query.due_before,
        archived: query.archived,
    };
    // A cursor belongs to one list: another filter, or another caller, refuses it.
    let list = (
        ("tasks", principal.user_id, query.team_id, query.status),
        (
            query.owner_id,
            query.due_after,
            query.due_before,
            query.archived,
        ),
    );
    let after = query
        .cursor
        .as_deref()
        .map(|cursor| tasks.keys.decode(cursor, &list))
        .transpose()?;
    let rows = read::list(
        &tasks,
        &principal,
        query.team_id,
        &filter,
        after,
        query.limit,
    )
    .await?;
    tasks
        .keys
        .page(&list, rows, query.limit, |task| (task.created_at, task.id))
}
