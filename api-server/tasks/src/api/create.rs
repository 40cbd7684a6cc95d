//! `POST /api/v1/tasks`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use common_http::idempotency::{Answer, Attempt};
use common_http::{ApiResult, Envelope, IdempotencyKey, Json, Principal, Reply};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::TaskView;
use super::{Fault, rules};
use crate::Tasks;
use crate::model::{Description, NewTask, Priority, Status, Title, stored};
use crate::service::create;

/// A new task.
#[derive(Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTask {
    /// One of the caller's teams.
    #[garde(skip)]
    team_id: Uuid,
    /// 1 to 200 characters on one line.
    #[garde(custom(rules::title))]
    #[schema(example = "Oil the analytical engine")]
    title: String,
    /// At most 20 000 characters.
    #[garde(custom(rules::description))]
    #[schema(example = "Barrel 3 squeaks.")]
    description: Option<String>,
    /// `todo` when absent.
    #[garde(skip)]
    status: Option<Status>,
    /// 0 (none, when absent) to 4 (highest).
    #[garde(custom(rules::priority))]
    #[schema(example = 2, minimum = 0, maximum = 4)]
    priority: Option<i16>,
    /// A member of the team.
    #[garde(skip)]
    owner_id: Option<Uuid>,
    /// When it has to be done.
    #[garde(custom(rules::time))]
    due_at: Option<DateTime<Utc>>,
}

/// Add a task
///
/// With an `Idempotency-Key` the request can be sent again without a second task.
#[utoipa::path(post, path = "/api/v1/tasks", tag = "tasks", security(("bearer" = [])), request_body = CreateTask,
    params(("Idempotency-Key" = Option<String>, Header, description = "A fresh name for each new task")),
    responses(
    (status = 201, description = "Added", body = Envelope<TaskView>),
    (status = 401, description = "`unauthorized`", body = Fault),
    (status = 403, description = "`forbidden`: the caller only reads in this team", body = Fault),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's", body = Fault),
    (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = Fault),
))]
pub(super) async fn create_task(
    State(tasks): State<Tasks>,
    principal: Principal,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateTask>,
) -> ApiResult<Answer<TaskView>> {
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
    let attempt = key.as_deref().map(|key| Attempt {
        principal: principal.user_id,
        key,
        method: "POST",
        path: "/api/v1/tasks",
    });
    let again = attempt.map(|attempt| (attempt, &body));
    create::create(&tasks, &principal, new, again, |task| {
        let (location, version) = (format!("/api/v1/tasks/{}", task.id), task.version);
        Reply::created(&location, TaskView::from(task)).versioned(version)
    })
    .await
}
