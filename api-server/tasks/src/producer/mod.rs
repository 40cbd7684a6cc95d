//! Events of the domain: versioned payloads on topic `task-events`. Pure.

use chrono::{DateTime, Utc};
use common_events::{EventPayload, EventSchema, Topic};
use common_history::Diff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Status, Task};

/// Schemas of every event of the domain.
#[must_use]
pub fn events() -> Vec<EventSchema> {
    vec![
        EventSchema::of::<TaskCreated>(),
        EventSchema::of::<TaskUpdated>(),
        EventSchema::of::<TaskArchived>(),
        EventSchema::of::<TaskRestored>(),
    ]
}

/// What every event tells of its task: as it stands after the act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskEvent {
    /// The task.
    pub task_id: Uuid,
    /// Its team.
    pub team_id: Uuid,
    /// What it is about.
    pub title: String,
    /// How far it is.
    pub status: Status,
    /// Who does it.
    pub owner_id: Option<Uuid>,
    /// When it has to be done.
    pub due_at: Option<DateTime<Utc>>,
    /// Counts the changes of the task.
    pub version: i64,
    /// Who acted.
    pub actor_id: Uuid,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Names of the changed fields.
    pub changed: Vec<String>,
}

impl TaskEvent {
    /// The event of `actor`, who changed these fields.
    pub(crate) fn of(task: &Task, actor: Uuid, diff: &Diff) -> Self {
        Self {
            task_id: task.id,
            team_id: task.team_id,
            title: task.title.clone(),
            status: task.status,
            owner_id: task.owner_id,
            due_at: task.due_at,
            version: task.version,
            actor_id: actor,
            occurred_at: task.updated_at,
            changed: diff.fields(),
        }
    }
}

macro_rules! event {
    ($(#[$doc:meta])* $name:ident, $type:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub TaskEvent);

        impl EventPayload for $name {
            const TYPE: &'static str = $type;
            const TOPIC: Topic = Topic::TaskEvents;

            fn entity_id(&self) -> Uuid {
                self.0.task_id
            }

            fn version(&self) -> i64 {
                self.0.version
            }
        }
    };
}

event!(
    /// A task was made.
    TaskCreated,
    "task.created.v1"
);
event!(
    /// Fields of a task changed.
    TaskUpdated,
    "task.updated.v1"
);
event!(
    /// A task went out of sight.
    TaskArchived,
    "task.archived.v1"
);
event!(
    /// An archived task came back.
    TaskRestored,
    "task.restored.v1"
);
