//! Who may see a team.

use uuid::Uuid;

use super::Replica;
use crate::Error;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// The user.
    pub(crate) user_id: Uuid,
    /// Whether the user administers the platform, and so sees every team.
    pub(crate) is_admin: bool,
}

/// A team that a caller may see; made by [`Replica::visible`] alone, so that nothing is counted for
/// somebody who was not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(Uuid);

impl Scope {
    /// The team.
    pub(crate) fn team_id(self) -> Uuid {
        self.0
    }
}

impl Replica {
    /// The team, if it exists, is not archived, and the caller is a member or an administrator.
    pub(crate) async fn visible(&self, team: Uuid, caller: Caller) -> Result<Scope, Error> {
        sqlx::query_scalar!(
            r#"select t.team_id as "team_id!" from analytics_teams t
            where t.team_id = $1 and not t.is_archived
              and ($3 or exists (select from analytics_memberships m where m.team_id = t.team_id and m.user_id = $2))"#,
            team,
            caller.user_id,
            caller.is_admin,
        )
        .fetch_optional(&self.0)
        .await
        .map_err(Error::Replica)?
        .map(Scope)
        .ok_or(Error::TeamNotFound)
    }
}
