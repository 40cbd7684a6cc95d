//! A task.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Description, Priority, Status, Title};

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) id: Uuid,
    pub(crate) team_id: Uuid,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) status: Status,
    pub(crate) priority: i16,
    pub(crate) owner_id: Option<Uuid>,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) completed_at: Option<DateTime<Utc>>,
    pub(crate) is_archived: bool,
    /// Counts the changes.
    pub(crate) version: i64,
    pub(crate) created_by: Uuid,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// A task on its way in.
#[derive(Debug, Clone)]
pub(crate) struct NewTask {
    pub(crate) team_id: Uuid,
    pub(crate) title: Title,
    pub(crate) description: Description,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) owner_id: Option<Uuid>,
    pub(crate) due_at: Option<DateTime<Utc>>,
}

impl NewTask {
    /// The task with its identity, made by `by` at `at`.
    pub(crate) fn into_task(self, id: Uuid, by: Uuid, at: DateTime<Utc>) -> Task {
        Task {
            id,
            team_id: self.team_id,
            title: self.title.as_str().to_owned(),
            description: self.description.as_str().to_owned(),
            status: self.status,
            priority: self.priority.get(),
            owner_id: self.owner_id,
            due_at: self.due_at,
            completed_at: (self.status == Status::Done).then_some(at),
            is_archived: false,
            version: 1,
            created_by: by,
            created_at: at,
            updated_at: at,
        }
    }
}
