//! What callers see of the model.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Role;
use crate::model::{Email, Member, Name, Team, TeamName, User};
use crate::service::Tokens;

/// A pair of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenView {
    /// Send it as `Authorization: Bearer …`.
    access: String,
    /// Exchange it once for the next pair.
    refresh: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds that the access token lives.
    #[schema(example = 600)]
    expires_in: i64,
}

impl From<Tokens> for TokenView {
    fn from(tokens: Tokens) -> Self {
        Self {
            access: tokens.access,
            refresh: tokens.refresh,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
        }
    }
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserView {
    pub(super) id: Uuid,
    #[schema(value_type = Email)]
    email: String,
    #[schema(value_type = Name)]
    name: String,
    /// Whether the person administers the platform.
    is_admin: bool,
    /// Counts the changes.
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            is_admin: user.is_admin,
            version: user.version,
            created_at: user.created_at,
        }
    }
}

/// A team as one of its members sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TeamView {
    pub(super) id: Uuid,
    #[schema(value_type = TeamName)]
    name: String,
    /// The caller's own role.
    role: Role,
    /// Counts the changes.
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self {
            id: team.id,
            name: team.name,
            role: team.role,
            version: team.version,
            created_at: team.created_at,
        }
    }
}

/// A member of a team.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberView {
    user_id: Uuid,
    #[schema(value_type = Email)]
    email: String,
    #[schema(value_type = Name)]
    name: String,
    role: Role,
    /// Member since.
    created_at: DateTime<Utc>,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user_id,
            email: member.email,
            name: member.name,
            role: member.role,
            created_at: member.created_at,
        }
    }
}
