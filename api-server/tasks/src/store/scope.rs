//! Who asks: no row is read or written without one of these, and only the services that check rights make them.

use api_server_users::facade;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Error;

/// The teams whose tasks the caller may read.
#[derive(Debug, Clone)]
pub(crate) struct ReadScope(Vec<Uuid>);

impl ReadScope {
    /// All teams of `user`.
    pub(crate) async fn of(connection: &mut PgConnection, user: Uuid) -> Result<Self, Error> {
        Ok(Self(facade::teams_of(connection, user).await?))
    }

    /// One team of `user`; an error when it is none of theirs.
    pub(crate) async fn of_team(
        connection: &mut PgConnection,
        user: Uuid,
        team: Uuid,
    ) -> Result<Self, Error> {
        facade::may_read(connection, user, team).await?;
        Ok(Self(vec![team]))
    }

    pub(super) fn teams(&self) -> &[Uuid] {
        &self.0
    }
}

/// A team whose tasks the caller may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteScope(Uuid);

impl WriteScope {
    /// The team, if `user` may change its tasks.
    pub(crate) async fn of(
        connection: &mut PgConnection,
        user: Uuid,
        team: Uuid,
    ) -> Result<Self, Error> {
        facade::may_write(connection, user, team).await?;
        Ok(Self(team))
    }

    pub(super) fn team(self) -> Uuid {
        self.0
    }
}
