//! Events of teams. The version of each is the team's after the act, and orders them.

use chrono::{DateTime, Utc};
use common_events::{EventPayload, Topic};
use common_history::Diff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Role;
use crate::model::Team;

macro_rules! of_a_team {
    ($name:ident, $type:literal $(, $inner:tt)?) => {
        impl EventPayload for $name {
            const TYPE: &'static str = $type;
            const TOPIC: Topic = Topic::UserActivities;

            fn entity_id(&self) -> Uuid {
                self$(.$inner)?.team_id
            }

            fn version(&self) -> i64 {
                self$(.$inner)?.version
            }
        }
    };
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

of_a_team!(TeamCreated, "team.created.v1");

/// What an act on the team itself tells of it: as it stands afterwards.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct TeamEvent {
    pub(crate) team_id: Uuid,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) actor_id: Uuid,
    pub(crate) occurred_at: DateTime<Utc>,
    /// Names of the changed fields.
    pub(crate) changed: Vec<String>,
}

impl TeamEvent {
    /// The event of `actor`, who changed these fields.
    pub(crate) fn of(team: &Team, actor: Uuid, diff: &Diff) -> Self {
        Self {
            team_id: team.id,
            name: team.name.clone(),
            version: team.version,
            actor_id: actor,
            occurred_at: team.updated_at,
            changed: diff.fields(),
        }
    }
}

/// Fields of a team changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct TeamUpdated(pub(crate) TeamEvent);

of_a_team!(TeamUpdated, "team.updated.v1", 0);

/// A team went out of sight, with all that it has.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct TeamArchived(pub(crate) TeamEvent);

of_a_team!(TeamArchived, "team.archived.v1", 0);

/// An archived team came back, with all that it has.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct TeamRestored(pub(crate) TeamEvent);

of_a_team!(TeamRestored, "team.restored.v1", 0);

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

of_a_team!(TeamMemberAdded, "team.member_added.v1");

/// A member of a team has another role from now on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct TeamMemberChanged {
    pub(crate) team_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) role_before: Role,
    pub(crate) role: Role,
    pub(crate) changed_by: Uuid,
    /// Version of the team after the change.
    pub(crate) version: i64,
    pub(crate) occurred_at: DateTime<Utc>,
}

of_a_team!(TeamMemberChanged, "team.member_changed.v1");

/// A user belongs to a team no more: removed, or gone by themselves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TeamMemberRemoved {
    /// The team.
    pub team_id: Uuid,
    /// Who was in it.
    pub user_id: Uuid,
    /// The role that they had.
    pub role: Role,
    /// Who removed them; themselves if they left.
    pub removed_by: Uuid,
    /// Version of the team after the change.
    pub version: i64,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

of_a_team!(TeamMemberRemoved, "team.member_removed.v1");
