//! All SQL of the domain. A change is one statement: row, audit and outbox. Every function takes a scope, which says who asks.

pub(crate) mod import;
pub(crate) mod known_network;
pub(crate) mod member;
pub(crate) mod revocation;
pub(crate) mod scope;
pub(crate) mod session;
pub(crate) mod team;
pub(crate) mod user;

use chrono::{DateTime, Utc};
use common_events::Outgoing;
use serde_json::Value;
use uuid::Uuid;

/// What every change records beside itself.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Who did it; `None` for the system itself.
    pub(crate) actor: Option<Uuid>,
    /// Name of the request.
    pub(crate) request_id: String,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// Identifier of the event.
    pub(crate) event_id: Uuid,
    /// The event.
    pub(crate) event: Outgoing,
}

/// The same of an act that is not the only one of its statement.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Such as `team.updated`.
    pub(crate) action: &'static str,
    /// Changed fields, before and after.
    pub(crate) diff: Value,
    /// What else is recorded.
    pub(crate) change: Change,
}

/// The constraint that a statement broke, if it broke one.
pub(crate) fn broken_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}
