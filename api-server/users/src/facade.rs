//! What other domains may ask of this one.

use common_clock::SharedClock;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;
use crate::store::session;

pub use crate::producer::TeamMemberRemoved;
pub use crate::store::scope::{Departure, Memberships};

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
        Ok(Memberships::of(&mut connection, user).await?.teams())
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
