//! Who asks: no row is read or written without one of these, and each is made where its right is looked at. `cargo xtask check
//! --only scopes` finds a function of a store that takes none.

use api_server_users::facade::{Departure, Memberships};
use common_history::Subject;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Error;

/// The teams whose tasks the caller may read, and what else the caller may do there.
#[derive(Debug, Clone)]
pub(crate) struct ReadScope {
    memberships: Memberships,
    teams: Vec<Uuid>,
}

impl ReadScope {
    /// All teams of `user`.
    pub(crate) async fn of(connection: &mut PgConnection, user: Uuid) -> Result<Self, Error> {
        let memberships = Memberships::of(connection, user).await?;
        let teams = memberships.teams();
        Ok(Self { memberships, teams })
    }

    /// One team of `user`; an error when it is none of theirs.
    pub(crate) async fn of_team(
        connection: &mut PgConnection,
        user: Uuid,
        team: Uuid,
    ) -> Result<Self, Error> {
        let memberships = Memberships::of(connection, user).await?;
        memberships.role_in(team)?;
        Ok(Self {
            memberships,
            teams: vec![team],
        })
    }

    /// The team to change tasks in; an error when it is none of the caller's, or the caller only looks on there.
    pub(crate) fn write(&self, team: Uuid) -> Result<WriteScope, Error> {
        if self.memberships.role_in(team)?.may_write() {
            return Ok(WriteScope(team));
        }
        let refusal = api_server_users::Error::Forbidden(
            "a viewer cannot change this team's tasks; ask an admin of the team for the role member",
        );
        Err(refusal.into())
    }

    /// Whether `person` is in `team`, which is one of the caller's. In a transaction it stays so until that ends.
    pub(crate) async fn shares(
        &self,
        connection: &mut PgConnection,
        team: Uuid,
        person: Uuid,
    ) -> Result<bool, Error> {
        Ok(self.memberships.shares(connection, team, person).await?)
    }

    /// The history of a task that was found in this scope.
    pub(crate) fn history(&self, task: Uuid) -> Subject<'_> {
        Subject {
            entity: "task",
            id: task,
            teams: &self.teams,
        }
    }

    pub(super) fn teams(&self) -> &[Uuid] {
        &self.teams
    }
}

/// A team whose tasks the caller may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteScope(Uuid);

impl WriteScope {
    pub(super) fn team(self) -> Uuid {
        self.0
    }
}

/// The tasks of somebody who is in their team no more, for the platform itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftScope(Departure);

impl LeftScope {
    /// `None` for somebody who is in the team.
    pub(crate) async fn of(
        connection: &mut PgConnection,
        team: Uuid,
        user: Uuid,
    ) -> Result<Option<Self>, Error> {
        Ok(Departure::of(connection, team, user).await?.map(Self))
    }

    pub(super) fn team(self) -> Uuid {
        self.0.team()
    }

    pub(super) fn user(self) -> Uuid {
        self.0.user()
    }
}
