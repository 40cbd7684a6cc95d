//! All SQL of the domain. A change is one statement: row, audit and outbox.

pub(crate) mod assigned;
pub(crate) mod list;
pub(crate) mod scope;
pub(crate) mod task;

use common_events::Outgoing;
use serde_json::Value;
use uuid::Uuid;

/// What every change records beside itself.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Who did it.
    pub(crate) actor: Uuid,
    /// Name of the request.
    pub(crate) request_id: String,
    /// Such as `task.updated`.
    pub(crate) action: &'static str,
    /// Changed fields, before and after.
    pub(crate) diff: Value,
    /// Identifier of the event.
    pub(crate) event_id: Uuid,
    /// The event.
    pub(crate) event: Outgoing,
}
