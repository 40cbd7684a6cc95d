//! Use cases: each checks rights and calls the store, in one unit of work where it changes something.

pub(crate) mod archive;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod read;
pub(crate) mod unassign;

use chrono::{DateTime, Utc};
use common_events::{EventPayload, Outgoing, outbox};
use common_history::Diff;
use common_http::Principal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::stored;
use crate::store::Record;
use crate::store::scope::ReadScope;
use crate::{Error, Tasks};

impl Tasks {
    /// The current time as a row keeps it, so that the answer to a change and a later read are equal.
    fn now(&self) -> DateTime<Utc> {
        stored(self.clock.now())
    }

    /// What an act by `principal` records beside itself.
    fn record(
        &self,
        principal: &Principal,
        action: &'static str,
        diff: Diff,
        event: &impl EventPayload,
    ) -> Result<Record, Error> {
        let event = Outgoing::of(event).by(principal.user_id);
        outbox::check_size(&event)?;
        Ok(Record {
            actor: principal.user_id,
            request_id: principal.request_id.clone(),
            action,
            diff: diff.into_json(),
            event_id: self.ids.uuid(),
            event,
        })
    }
}

/// Only a member of the team can be given its tasks. In a transaction they are one until it ends.
async fn check_owner(
    connection: &mut PgConnection,
    scope: &ReadScope,
    team: Uuid,
    owner: Option<Uuid>,
) -> Result<(), Error> {
    let Some(owner) = owner else { return Ok(()) };
    if scope.shares(connection, team, owner).await? {
        return Ok(());
    }
    Err(Error::Invalid {
        pointer: "/owner_id",
        detail: "must be a member of the team",
    })
}
