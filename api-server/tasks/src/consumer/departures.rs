//! Reaction to people who leave a team.

use api_server_users::facade::TeamMemberRemoved;
use async_trait::async_trait;
use common_clock::{SharedClock, SharedIds};
use common_events::{Envelope, EventPayload as _, Handle, HandleError};
use sqlx::PgPool;

use crate::Error;
use crate::service::unassign::{Unassigner, unassign};

/// Takes whoever leaves a team from the team's tasks, once for each event.
pub struct Departures(Unassigner);

impl Departures {
    /// Name of the consumer in the inbox and in metrics, and of its group on the broker.
    pub const NAME: &str = "tasks";

    /// A consumer that writes to the application's database.
    #[must_use]
    pub fn new(pool: PgPool, clock: SharedClock, ids: SharedIds) -> Self {
        Self(Unassigner { pool, clock, ids })
    }
}

#[async_trait]
impl Handle for Departures {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        if event.event_type != TeamMemberRemoved::TYPE {
            return Ok(());
        }
        let removed: TeamMemberRemoved = event.data_as()?;
        let done = unassign(&self.0, Self::NAME, event.id, &removed).await;
        done.map_err(|error| match error {
            Error::Database(source) | Error::Users(api_server_users::Error::Database(source)) => {
                source.into()
            }
            other => HandleError::Failed(other.into()),
        })
    }
}
