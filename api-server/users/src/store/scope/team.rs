//! What somebody may do in one team, by their role there.

use std::slice;

use common_history::Subject;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Own, parse_role};
use crate::model::Team;
use crate::{Error, Role};

/// A team, for one of its members.
#[derive(Debug, Clone)]
pub(crate) struct TeamScope(Team);

impl TeamScope {
    /// The team of that id, archived or not; to whoever is not in it, it does not exist. The same statement tells the session of
    /// the database that team: a policy shows it the history of no other.
    pub(crate) async fn of(
        connection: &mut PgConnection,
        own: Own,
        team: Uuid,
    ) -> Result<Self, Error> {
        let row = sqlx::query!(
            r#"select t.id, t.name, t.is_archived, t.version, t.created_at, t.updated_at, m.role,
                      set_config('crewdeck.teams', t.id::text, false) as told
               from memberships m join teams t on t.id = m.team_id
               where m.user_id = $1 and m.team_id = $2"#,
            own.user(),
            team,
        )
        .fetch_optional(connection)
        .await?
        .ok_or(Error::NotFound("team"))?;
        Ok(Self(Team {
            id: row.id,
            name: row.name,
            is_archived: row.is_archived,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            role: parse_role(&row.role)?,
        }))
    }

    /// The same, with the team's row locked until the transaction ends. It is read after that, and who is in it with it: of two
    /// who change it, the second goes by what the first has made of it, its own rights included.
    pub(crate) async fn locked(
        connection: &mut PgConnection,
        own: Own,
        team: Uuid,
    ) -> Result<Self, Error> {
        sqlx::query_scalar!(
            "select t.id from teams t
             where t.id = $1 and exists (select from memberships m where m.team_id = t.id and m.user_id = $2)
             for no key update of t",
            team,
            own.user(),
        )
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(Error::NotFound("team"))?;
        Self::of(connection, own, team).await
    }

    /// The team, and the role of whoever asks.
    pub(crate) fn team(&self) -> &Team {
        &self.0
    }

    /// The same, to keep.
    pub(crate) fn into_team(self) -> Team {
        self.0
    }

    /// Its history.
    pub(crate) fn history(&self) -> Subject<'_> {
        Subject {
            entity: "team",
            id: self.0.id,
            teams: slice::from_ref(&self.0.id),
        }
    }

    /// The team to change fields of.
    pub(crate) fn patch(&self) -> Result<ChangeScope, Error> {
        if self.0.role < Role::Admin {
            return Err(Error::Forbidden(
                "only an owner or admin of the team may change it",
            ));
        }
        self.active().map(ChangeScope)
    }

    /// The team to archive or restore.
    pub(crate) fn archive(&self) -> Result<ChangeScope, Error> {
        if self.0.role < Role::Owner {
            return Err(Error::Forbidden(
                "only an owner of the team may archive or restore it",
            ));
        }
        Ok(ChangeScope(self.0.id))
    }

    /// The team to give somebody `role` in.
    pub(crate) fn grant(&self, role: Role) -> Result<GrantScope, Error> {
        if !self.0.role.may_grant(role) {
            return Err(Error::Forbidden(
                "only an owner or admin of the team may add members, and only an owner adds owners",
            ));
        }
        let team = self.active()?;
        Ok(GrantScope { team, role })
    }

    /// The team to give somebody `role` in who has the role `before` now.
    pub(crate) fn regrant(&self, before: Role, role: Role) -> Result<GrantScope, Error> {
        if !self.0.role.may_grant(before.max(role)) {
            return Err(Error::Forbidden(
                "only an owner or admin of the team may change roles, and only an owner those of owners",
            ));
        }
        let team = self.active()?;
        Ok(GrantScope { team, role })
    }

    /// Somebody who has the role `before` to remove: everybody may leave.
    pub(crate) fn remove(&self, own: Own, user: Uuid, before: Role) -> Result<RemovalScope, Error> {
        if own.user() != user && !self.0.role.may_grant(before) {
            return Err(Error::Forbidden(
                "only an owner or admin of the team may remove others, and only an owner removes owners",
            ));
        }
        let team = self.active()?;
        Ok(RemovalScope { team, user })
    }

    /// Its id, unless it is archived: then nothing of it changes.
    fn active(&self) -> Result<Uuid, Error> {
        if self.0.is_archived {
            return Err(Error::TeamArchived);
        }
        Ok(self.0.id)
    }
}

/// A team that the caller may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChangeScope(Uuid);

impl ChangeScope {
    pub(in crate::store) fn team(self) -> Uuid {
        self.0
    }
}

/// A team, and a role that the caller may give there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantScope {
    team: Uuid,
    role: Role,
}

impl GrantScope {
    pub(in crate::store) fn team(self) -> Uuid {
        self.team
    }

    pub(in crate::store) fn role(self) -> Role {
        self.role
    }
}

/// A team, and somebody whom the caller may remove from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RemovalScope {
    team: Uuid,
    user: Uuid,
}

impl RemovalScope {
    pub(in crate::store) fn team(self) -> Uuid {
        self.team
    }

    pub(in crate::store) fn user(self) -> Uuid {
        self.user
    }
}
