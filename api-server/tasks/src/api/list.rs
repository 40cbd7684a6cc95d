//! `GET /api/v1/tasks`.

use std::hash::Hash as _;

use axum::extract::State;
use chrono::{DateTime, Utc};
use common_http::{
    ApiResult, Cursor, Envelope, Fresh, IfNoneMatch, Limit, Principal, Query, Reply,
};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::rules;
use super::views::TaskView;
use crate::Tasks;
use crate::model::{Moment, Status, Task};
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
    #[param(inline, value_type = Option<Moment>)]
    due_after: Option<DateTime<Utc>>,
    /// Only tasks due before this time.
    #[garde(custom(rules::time))]
    #[param(inline, value_type = Option<Moment>)]
    due_before: Option<DateTime<Utc>>,
    /// Archived tasks instead of the others.
    #[garde(skip)]
    #[serde(default)]
    archived: bool,
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

/// List tasks
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "tasks", params(ListQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<TaskView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's"),
))]
pub(super) async fn list_tasks(
    State(tasks): State<Tasks>,
    principal: Principal,
    Query(query): Query<ListQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<TaskView>>>> {
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
    let after = tasks.keys.after(query.cursor.as_ref(), &list)?;
    let rows = read::list(
        &tasks,
        &principal,
        query.team_id,
        &filter,
        after,
        query.limit,
    )
    .await?;
    let position = |task: &Task| (task.created_at, task.id);
    let page = tasks
        .keys
        .page(&list, rows, query.limit, position, |task, state| {
            (task.id, task.version).hash(state);
        })?;
    Ok(page.unless_held(&held))
}
