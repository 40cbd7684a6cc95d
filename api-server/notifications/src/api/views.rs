//! What callers see of the model.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::Notification;

/// One thing that the caller should know.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotificationView {
    id: Uuid,
    /// `task.assigned`: somebody gave the caller a task.
    #[schema(example = "task.assigned")]
    kind: String,
    task_id: Option<Uuid>,
    #[schema(example = "Oil the analytical engine")]
    title: String,
    /// When the caller read it; null until then.
    read_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        Self {
            id: notification.id,
            kind: notification.kind,
            task_id: notification.task_id,
            title: notification.title,
            read_at: notification.read_at,
            created_at: notification.created_at,
        }
    }
}
