//! Who is in a team.

use chrono::{DateTime, Utc};
use common_history::Diff;
use serde_json::json;
use uuid::Uuid;

use crate::Role;

/// A person in a team.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Member {
    pub(crate) user_id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    /// Version of the person, whose name and address these are.
    pub(crate) user_version: i64,
    pub(crate) role: Role,
    /// The version that the team got when this became what it is.
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// Somebody who is a member no more.
#[derive(Debug, Clone)]
pub(crate) struct FormerMember {
    /// As they were.
    pub(crate) was: Member,
    pub(crate) removed_at: DateTime<Utc>,
}

/// Where a person's role stands in what is told of a team.
pub(crate) fn place(user: Uuid) -> String {
    format!("members/{user}")
}

/// What an act on a member changes of the team; no role is that of somebody who is not in it.
pub(crate) fn of_member(user: Uuid, before: Option<Role>, after: Option<Role>) -> Diff {
    Diff::of(place(user), &json!(before), &json!(after))
}
