//! What other domains may ask of this one.

use common_clock::SharedClock;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::store::{session, team};
use crate::{Error, Role};

/// The role of `user` in `team`; reading needs any role.
///
/// # Errors
/// [`Error::NotFound`] for a team that does not exist or that the user may not know of.
pub async fn may_read(
    connection: &mut PgConnection,
    user: Uuid,
    team: Uuid,
) -> Result<Role, Error> {
    team::role_of(connection, user, team)
        .await?
        .ok_or(Error::NotFound("team"))
}

/// The role of `user` in `team`, if it may change tasks there.
///
/// # Errors
/// As [`may_read`]; [`Error::Forbidden`] for a viewer.
pub async fn may_write(
    connection: &mut PgConnection,
    user: Uuid,
    team: Uuid,
) -> Result<Role, Error> {
    let role = may_read(connection, user, team).await?;
    if role.may_write() {
        return Ok(role);
    }
    Err(Error::Forbidden(
        "a viewer cannot change this team's tasks; ask an admin of the team for the role member",
    ))
}

/// Ids of the teams that `user` belongs to.
///
/// # Errors
/// When the database fails.
pub async fn teams_of(connection: &mut PgConnection, user: Uuid) -> Result<Vec<Uuid>, Error> {
    team::ids_of(connection, user).await
}

/// Memberships and sign-ins for parts that hold no connection of their own.
#[derive(Clone)]
pub struct Directory {
    pool: PgPool,
    clock: SharedClock,
}

impl Directory {
    /// The directory on `pool`.
    #[must_use]
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }

    /// Ids of the teams that `user` belongs to now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn teams_of(&self, user: Uuid) -> Result<Vec<Uuid>, Error> {
        let mut connection = self.pool.acquire().await?;
        team::ids_of(&mut connection, user).await
    }

    /// Whether `session` is a sign-in of `user` that still lives: not logged out, not expired, its user not archived. Both are
    /// asked about at once: whoever forged a token may have put a living sign-in of their own beside the name of another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_alive(&self, session: Uuid, user: Uuid) -> Result<bool, Error> {
        let mut connection = self.pool.acquire().await?;
        session::is_alive(&mut connection, session, user, self.clock.now()).await
    }
}
