//! Who asks: no row is read or written without one of these, and each is made where its right is looked at. `cargo xtask check
//! --only scopes` finds a function of a store that takes none.

use common_http::Principal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Error, Role};

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

/// An active team, for one of its members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TeamScope {
    team: Uuid,
    role: Role,
}

impl TeamScope {
    /// The team of that id; to whoever is not in it, it does not exist.
    pub(crate) async fn of(
        connection: &mut PgConnection,
        own: Own,
        team: Uuid,
    ) -> Result<Self, Error> {
        let role = role_of(connection, own.user(), team).await?;
        role.map(|role| Self { team, role })
            .ok_or(Error::NotFound("team"))
    }

    /// The team to give somebody `role` in.
    pub(crate) fn grant(self, role: Role) -> Result<GrantScope, Error> {
        if self.role.may_grant(role) {
            return Ok(GrantScope {
                team: self.team,
                role,
            });
        }
        Err(Error::Forbidden(
            "only an owner or admin of the team may add members, and only an owner adds owners",
        ))
    }

    pub(super) fn team(self) -> Uuid {
        self.team
    }
}

/// A team, and a role that the caller may give there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantScope {
    team: Uuid,
    role: Role,
}

impl GrantScope {
    pub(super) fn team(self) -> Uuid {
        self.team
    }

    pub(super) fn role(self) -> Role {
        self.role
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

    /// Whether `other` is in `team` too.
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
        Ok(role_of(connection, other, team).await?.is_some())
    }
}

/// The role of `user` in the active team `team`.
async fn role_of(
    connection: &mut PgConnection,
    user: Uuid,
    team: Uuid,
) -> Result<Option<Role>, Error> {
    let word = sqlx::query_scalar!(
        "select m.role from memberships m join teams t on t.id = m.team_id
         where m.team_id = $1 and m.user_id = $2 and not t.is_archived",
        team,
        user,
    )
    .fetch_optional(connection)
    .await?;
    word.map(|word| parse_role(&word)).transpose()
}

pub(super) fn parse_role(word: &str) -> Result<Role, Error> {
    word.parse().map_err(|()| Error::Row {
        table: "memberships",
        column: "role",
    })
}
