//! `PATCH /api/v1/tasks/{id}`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use common_http::{ApiResult, Envelope, IfMatch, Json, Path, Principal, Reply, whole};
use garde::Validate;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules;
use super::views::TaskView;
use crate::Tasks;
use crate::model::{Change, Description, Moment, Priority, Status, Title, Wish, stored};
use crate::service::change;

/// Fields to change; an absent field stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchTask {
    #[garde(custom(rules::optional_title))]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Title>, nullable = false)]
    title: Option<String>,
    #[garde(custom(rules::description))]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Description>, nullable = false)]
    description: Option<String>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "given")]
    #[schema(example = "done", nullable = false)]
    status: Option<Status>,
    #[garde(custom(rules::priority))]
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(value_type = Option<Priority>, nullable = false)]
    priority: Option<i16>,
    /// A member of the team; null takes the task from its owner.
    #[garde(skip)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    owner_id: Wish<Uuid>,
    /// Null takes the date away.
    #[garde(custom(rules::wished_time))]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Moment>)]
    due_at: Wish<DateTime<Utc>>,
}

/// Refuses null for a field that every task has.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for a whole number.
fn given_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i16>, D::Error> {
    whole(deserializer).map(Some)
}

/// Tells null from absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Wish<T>, D::Error> {
    Option::deserialize(deserializer).map(Wish::Set)
}

/// Change a task
///
/// With `If-Match` it is changed only if it still has that version.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}", tag = "tasks", request_body = PatchTask,
    params(("id" = Uuid, Path), IfMatch),
    responses(
    (status = 200, description = "The task after the change", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
    (status = 409, description = "`task_archived`"),
    (status = 412, description = "`version_mismatch`"),
))]
pub(super) async fn patch_task(
    State(tasks): State<Tasks>,
    principal: Principal,
    IfMatch(seen): IfMatch,
    Path(id): Path<Uuid>,
    Json(body): Json<PatchTask>,
) -> ApiResult<Reply<TaskView>> {
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
    let task = change::change(&tasks, &principal, id, seen, wanted).await?;
    let version = task.version;
    Ok(Reply::ok(TaskView::from(task)).versioned(version))
}
