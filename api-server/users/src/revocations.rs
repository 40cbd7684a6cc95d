//! Which sign-ins have ended, for whoever verifies access tokens beside the application's primary.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common_auth::{Ended, RevocationSource, RevocationsUnread};
use sqlx::PgPool;

use crate::Error;
use crate::store::revocation;
use crate::store::scope::Platform;

/// The ended sign-ins, as the primary has them.
#[derive(Debug, Clone)]
pub struct EndedSessions(PgPool);

impl EndedSessions {
    /// Those on `pool`, the application's primary.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self(pool)
    }
}

#[async_trait]
impl RevocationSource for EndedSessions {
    async fn ended(&self, now: DateTime<Utc>) -> Result<Ended, RevocationsUnread> {
        let read = async {
            let mut connection = self.0.acquire().await?;
            revocation::list(&mut connection, Platform::itself(), now).await
        };
        let sessions = read
            .await
            .map_err(|error: Error| RevocationsUnread::because(error))?;
        Ok(Ended {
            sessions: sessions.into_iter().collect(),
            behind: Duration::ZERO,
        })
    }
}
