//! What callers see of the model.

use chrono::{DateTime, Utc};
use common_http::Reply;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{Description, Priority, Status, Task, Title};

/// A task.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskView {
    id: Uuid,
    team_id: Uuid,
    #[schema(value_type = Title)]
    title: String,
    #[schema(value_type = Description)]
    description: String,
    status: Status,
    #[schema(value_type = Priority)]
    priority: i16,
    /// Who does it.
    owner_id: Option<Uuid>,
    due_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    is_archived: bool,
    /// Counts the changes; the `ETag` begins with it.
    version: i64,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            team_id: task.team_id,
            title: task.title,
            description: task.description,
            status: task.status,
            priority: task.priority,
            owner_id: task.owner_id,
            due_at: task.due_at,
            completed_at: task.completed_at,
            is_archived: task.is_archived,
            version: task.version,
            created_by: task.created_by,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

/// The task with its version.
pub(super) fn shown(task: Task) -> Reply<TaskView> {
    let version = task.version;
    Reply::ok(TaskView::from(task)).versioned(version)
}
