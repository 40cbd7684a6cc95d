//! What callers see of the model.

use chrono::{DateTime, Utc};
use common_http::Reply;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Role;
use crate::model::{Email, FormerMember, Member, Name, Team, TeamName, User};
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
    is_archived: bool,
    /// Counts the changes, those of its members too.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self {
            id: team.id,
            name: team.name,
            role: team.role,
            is_archived: team.is_archived,
            version: team.version,
            created_at: team.created_at,
            updated_at: team.updated_at,
        }
    }
}

/// The team with its version, which looks different to whoever has another role in it.
pub(super) fn shown_team(team: Team) -> Reply<TeamView> {
    let (role, version) = (team.role.as_str(), team.version);
    Reply::ok(TeamView::from(team)).versioned_for(role, version)
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
    /// Grows with each change of the role, and is never one that a former membership of the person had.
    version: i64,
    /// Member since.
    created_at: DateTime<Utc>,
    /// In this role since.
    updated_at: DateTime<Utc>,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user_id,
            email: member.email,
            name: member.name,
            role: member.role,
            version: member.version,
            created_at: member.created_at,
            updated_at: member.updated_at,
        }
    }
}

/// The member with its version. It is made of two rows: the tag names the version of the person too.
pub(super) fn shown_member(member: Member) -> Reply<MemberView> {
    let (person, version) = (format!("u{}", member.user_version), member.version);
    Reply::ok(MemberView::from(member)).versioned_for(&person, version)
}

/// Somebody who is a member no more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FormerMemberView {
    user_id: Uuid,
    #[schema(value_type = Email)]
    email: String,
    #[schema(value_type = Name)]
    name: String,
    /// The role that they had.
    role: Role,
    /// Member since.
    created_at: DateTime<Utc>,
    /// Member until.
    removed_at: DateTime<Utc>,
}

impl From<FormerMember> for FormerMemberView {
    fn from(former: FormerMember) -> Self {
        Self {
            user_id: former.was.user_id,
            email: former.was.email,
            name: former.was.name,
            role: former.was.role,
            created_at: former.was.created_at,
            removed_at: former.removed_at,
        }
    }
}
