//! Who asks: no row is read or written without one of these, and each is made where its right is looked at. `cargo xtask check
//! --only scopes` finds a function of a store that takes none.

mod team;

use common_http::Principal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Error, Role};

pub(crate) use team::{ChangeScope, GrantScope, RemovalScope, TeamScope};

/// What belongs to the person who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own(Uuid);

impl Own {
    pub(crate) fn of(principal: &Principal) -> Self {
        Self(principal.user_id)
    }

    pub(super) fn user(self) -> Uuid {
        self.0
    }
}

/// The rows of all people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform(());

impl Platform {
    /// For administrators; everybody else is refused.
    pub(crate) fn of(principal: &Principal) -> Result<Self, Error> {
        if principal.is_admin {
            return Ok(Self(()));
        }
        Err(Error::Forbidden(
            "only an administrator of the platform may do this",
        ))
    }

    /// For what nobody asks for over HTTP: jobs, and commands of whoever runs the platform.
    pub(crate) fn itself() -> Self {
        Self(())
    }
}

/// One person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PersonScope(Uuid);

impl PersonScope {
    /// For themselves and for administrators; to others the person does not exist.
    pub(crate) fn of(principal: &Principal, person: Uuid) -> Result<Self, Error> {
        if person == principal.user_id || principal.is_admin {
            return Ok(Self(person));
        }
        Err(Error::NotFound("user"))
    }

    /// For whoever may give somebody a role: who knows the id of a person may name them.
    pub(crate) fn to_join(_: GrantScope, person: Uuid) -> Self {
        Self(person)
    }

    pub(super) fn user(self) -> Uuid {
        self.0
    }
}

/// The active teams of a person, with the person's role in each.
#[derive(Debug, Clone)]
pub struct Memberships(Vec<(Uuid, Role)>);

impl Memberships {
    /// Those of `user` now. The same statement tells the session of the database which teams these are: its policies show it
    /// rows of no other until the connection goes back to its pool.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(connection: &mut PgConnection, user: Uuid) -> Result<Self, Error> {
        let row = sqlx::query!(
            r#"with m as (
                select m.team_id, m.role from memberships m join teams t on t.id = m.team_id
                where m.user_id = $1 and not t.is_archived
            )
            select coalesce(array_agg(team_id order by team_id), '{}') as "teams!",
                   coalesce(array_agg(role order by team_id), '{}') as "roles!",
                   set_config('crewdeck.teams', coalesce(string_agg(team_id::text, ','), ''), false) as told
            from m"#,
            user,
        )
        .fetch_one(connection)
        .await?;
        let roles = row.teams.into_iter().zip(row.roles);
        roles
            .map(|(team, word)| Ok((team, parse_role(&word)?)))
            .collect::<Result<_, Error>>()
            .map(Self)
    }

    /// Ids of the teams.
    #[must_use]
    pub fn teams(&self) -> Vec<Uuid> {
        self.0.iter().map(|(team, _)| *team).collect()
    }

    /// The role in `team`; reading needs any.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a team that does not exist or that the person may not know of.
    pub fn role_in(&self, team: Uuid) -> Result<Role, Error> {
        let of_team = self.0.iter().find(|(id, _)| *id == team);
        of_team
            .map(|(_, role)| *role)
            .ok_or(Error::NotFound("team"))
    }

    /// Whether `other` is in `team` too. In a transaction it stays so until that ends: whoever removes them waits.
    ///
    /// # Errors
    /// As [`Memberships::role_in`]; when the database fails.
    pub async fn shares(
        &self,
        connection: &mut PgConnection,
        team: Uuid,
        other: Uuid,
    ) -> Result<bool, Error> {
        self.role_in(team)?;
        let found = sqlx::query_scalar!(
            "select team_id from memberships where team_id = $1 and user_id = $2 for key share",
            team,
            other,
        )
        .fetch_optional(connection)
        .await?;
        Ok(found.is_some())
    }
}

/// Somebody who is in a team no more, for the platform itself.
#[derive(Debug, Clone, Copy)]
pub struct Departure {
    team: Uuid,
    user: Uuid,
}

impl Departure {
    /// `None` for somebody who is in the team, perhaps again. The same statement tells the session of the database that team.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(
        connection: &mut PgConnection,
        team: Uuid,
        user: Uuid,
    ) -> Result<Option<Self>, Error> {
        let found = sqlx::query!(
            r#"select set_config('crewdeck.teams', $1::uuid::text, false) as told,
                      exists (select from memberships where team_id = $1 and user_id = $2) as "is_member!""#,
            team,
            user,
        )
        .fetch_one(connection)
        .await?;
        Ok((!found.is_member).then_some(Self { team, user }))
    }

    /// The team.
    #[must_use]
    pub fn team(&self) -> Uuid {
        self.team
    }

    /// Who was in it.
    #[must_use]
    pub fn user(&self) -> Uuid {
        self.user
    }
}

pub(super) fn parse_role(word: &str) -> Result<Role, Error> {
    word.parse().map_err(|()| Error::Row {
        table: "memberships",
        column: "role",
    })
}
