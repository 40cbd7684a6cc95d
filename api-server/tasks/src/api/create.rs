//! `POST /api/v1/tasks`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use common_http::{ApiResult, Attempt, Envelope, Json, Reply, Written, optional_whole};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules;
use super::views::TaskView;
use crate::Tasks;
use crate::model::{Description, Moment, NewTask, Priority, Status, Title, stored};
use crate::service::create;

/// A new task.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTask {
    /// One of the caller's teams.
    #[garde(skip)]
    team_id: Uuid,
    #[garde(custom(rules::title))]
    #[schema(value_type = Title)]
    title: String,
    #[garde(custom(rules::description))]
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    /// `todo` when absent.
    #[garde(skip)]
    status: Option<Status>,
    /// 0 (none, when absent) to 4 (highest).
    #[garde(custom(rules::priority))]
    #[serde(default, deserialize_with = "optional_whole")]
    #[schema(value_type = Option<Priority>)]
    priority: Option<i16>,
    /// A member of the team.
    #[garde(skip)]
    owner_id: Option<Uuid>,
    /// When it has to be done.
    #[garde(custom(rules::time))]
    #[schema(value_type = Option<Moment>)]
    due_at: Option<DateTime<Utc>>,
}

/// Add a task
#[utoipa::path(post, path = "/api/v1/tasks", tag = "tasks", request_body = CreateTask,
    params(Attempt),
    responses(
    (status = 201, description = "Added", body = Envelope<TaskView>),
    (status = 403, description = "`forbidden`: the caller only reads in this team"),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's"),
))]
pub(super) async fn create_task(
    State(tasks): State<Tasks>,
    attempt: Attempt,
    Json(body): Json<CreateTask>,
) -> ApiResult<Written> {
    let new = NewTask {
        team_id: body.team_id,
        title: Title::parse(&body.title)?,
        description: body
            .description
            .as_deref()
            .map(Description::parse)
            .transpose()?
            .unwrap_or_default(),
        status: body.status.unwrap_or_default(),
        priority: body
            .priority
            .map(Priority::parse)
            .transpose()?
            .unwrap_or_default(),
        owner_id: body.owner_id,
        due_at: body.due_at.map(stored),
    };
    create::create(&tasks, &attempt, new, |task| {
        let (location, version) = (format!("/api/v1/tasks/{}", task.id), task.version);
        Reply::created(&location, TaskView::from(task)).versioned(version)
    })
    .await
}
