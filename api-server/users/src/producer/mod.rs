//! Events of the domain: versioned payloads on topic `user-activities`. Pure.

mod team;

pub use team::TeamMemberRemoved;
pub(crate) use team::{
    TeamArchived, TeamCreated, TeamEvent, TeamMemberAdded, TeamMemberChanged, TeamRestored,
    TeamUpdated,
};

use chrono::{DateTime, Utc};
use common_events::{EventPayload, EventSchema, Topic};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// Schemas of every event of the domain.
#[must_use]
pub fn events() -> Vec<EventSchema> {
    vec![
        EventSchema::of::<UserCreated>(),
        EventSchema::of::<TeamCreated>(),
        EventSchema::of::<TeamUpdated>(),
        EventSchema::of::<TeamArchived>(),
        EventSchema::of::<TeamRestored>(),
        EventSchema::of::<TeamMemberAdded>(),
        EventSchema::of::<TeamMemberChanged>(),
        EventSchema::of::<TeamMemberRemoved>(),
    ]
}

/// Somebody can sign in from now on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct UserCreated {
    pub(crate) user_id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) is_admin: bool,
    pub(crate) version: i64,
    pub(crate) occurred_at: DateTime<Utc>,
}

impl EventPayload for UserCreated {
    const TYPE: &'static str = "user.created.v1";
    const TOPIC: Topic = Topic::UserActivities;

    fn entity_id(&self) -> Uuid {
        self.user_id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
