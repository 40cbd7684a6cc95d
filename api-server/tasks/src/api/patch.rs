//! `PATCH /api/v1/tasks/{id}`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use common_http::patch::{self, Wish};
use common_http::{ApiResult, Attempt, Envelope, IfMatch, Json, Path, Written};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules;
use super::views::{TaskView, shown};
use crate::Tasks;
use crate::model::{Change, Description, Moment, Priority, Status, Title, stored};
use crate::service::change;

/// Fields to change; an absent field stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchTask {
    #[garde(custom(rules::optional_title))]
    #[serde(default, deserialize_with = "patch::given")]
    #[schema(value_type = Option<Title>, nullable = false)]
    title: Option<String>,
    #[garde(custom(rules::description))]
    #[serde(default, deserialize_with = "patch::given")]
    #[schema(value_type = Option<Description>, nullable = false)]
    description: Option<String>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::given")]
    #[schema(example = "done", nullable = false)]
    status: Option<Status>,
    #[garde(custom(rules::priority))]
    #[serde(default, deserialize_with = "patch::given_whole")]
    #[schema(value_type = Option<Priority>, nullable = false)]
    priority: Option<i16>,
    /// A member of the team; null takes the task from its owner.
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::present")]
    #[schema(value_type = Option<Uuid>)]
    owner_id: Wish<Uuid>,
    /// Null takes the date away.
    #[garde(custom(rules::wished_time))]
    #[serde(default, deserialize_with = "patch::present")]
    #[schema(value_type = Option<Moment>)]
    due_at: Wish<DateTime<Utc>>,
}

/// Change a task
///
/// With `If-Match` nobody's change is lost: if others changed one of these fields since that version, the answer is 412 and tells
/// what they did. Fields that only they changed stay as they made them.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}", tag = "tasks", request_body = PatchTask,
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The task after the change", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
    (status = 409, description = "`task_archived`"),
    (status = 412, description = "`version_mismatch`: `errors` names the fields that both changed, `changes` all that differ"),
))]
pub(super) async fn patch_task(
    State(tasks): State<Tasks>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
    Json(body): Json<PatchTask>,
) -> ApiResult<Written> {
    let wanted = Change {
        title: body.title.as_deref().map(Title::parse).transpose()?,
        description: body
            .description
            .as_deref()
            .map(Description::parse)
            .transpose()?,
        status: body.status,
        priority: body.priority.map(Priority::parse).transpose()?,
        owner_id: body.owner_id,
        due_at: body.due_at.map(stored),
    };
    change::change(&tasks, &attempt, id, &seen, wanted, shown).await
}
