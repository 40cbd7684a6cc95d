//! Use cases: each checks rights, opens the transaction where one is needed, and calls the store.

pub(crate) mod add_member;
pub(crate) mod archive_team;
pub(crate) mod create_admin;
pub(crate) mod create_team;
pub(crate) mod create_user;
pub(crate) mod import;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod patch_member;
pub(crate) mod patch_team;
mod purge;
pub(crate) mod read;
pub(crate) mod refresh;
pub(crate) mod remove_member;
mod seen;
mod tokens;

pub(crate) use purge::purge;
pub(crate) use tokens::{Client, Tokens};

use chrono::{DateTime, Utc};
use common_events::{EventPayload, Outgoing};
use common_history::Diff;
use common_http::Principal;
use uuid::Uuid;

use crate::Users;
use crate::store::{Change, Record};

impl Users {
    /// What a change by `principal` records beside itself.
    fn change(&self, principal: &Principal, at: DateTime<Utc>, event: Outgoing) -> Change {
        Change {
            actor: Some(principal.user_id),
            request_id: principal.request_id.clone(),
            at,
            event_id: self.ids.uuid(),
            event: event.by(principal.user_id),
        }
    }

    /// What an act of `principal` records beside itself.
    fn record(
        &self,
        principal: &Principal,
        at: DateTime<Utc>,
        action: &'static str,
        diff: Diff,
        event: &impl EventPayload,
    ) -> Record {
        Record {
            action,
            diff: diff.into_json(),
            change: self.change(principal, at, Outgoing::of(event)),
        }
    }
}

/// The actor in the log, for acts of the platform itself.
fn actor_or_system(actor: Option<Uuid>) -> String {
    actor.map_or_else(|| "system".to_owned(), |id| id.to_string())
}
