//! Events of the domain: versioned payloads on topic `user-activities`. Pure.

use chrono::{DateTime, Utc};
use common_events::{EventPayload, EventSchema, Topic};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::Role;

/// Schemas of every event of the domain.
#[must_use]
pub fn events() -> Vec<EventSchema> {
    vec![
        EventSchema::of::<UserCreated>(),
        EventSchema::of::<TeamCreated>(),
        EventSchema::of::<TeamMemberAdded>(),
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

/// A team exists; its creator is its owner.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct TeamCreated {
    pub(crate) team_id: Uuid,
    pub(crate) name: String,
    pub(crate) created_by: Uuid,
    pub(crate) version: i64,
    pub(crate) occurred_at: DateTime<Utc>,
}

impl EventPayload for TeamCreated {
    const TYPE: &'static str = "team.created.v1";
    const TOPIC: Topic = Topic::UserActivities;

    fn entity_id(&self) -> Uuid {
        self.team_id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

/// A user belongs to a team from now on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct TeamMemberAdded {
    pub(crate) team_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) role: Role,
    pub(crate) added_by: Uuid,
    /// Version of the team after the change.
    pub(crate) version: i64,
    pub(crate) occurred_at: DateTime<Utc>,
}

impl EventPayload for TeamMemberAdded {
    const TYPE: &'static str = "team.member_added.v1";
    const TOPIC: Topic = Topic::UserActivities;

    fn entity_id(&self) -> Uuid {
        self.team_id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
