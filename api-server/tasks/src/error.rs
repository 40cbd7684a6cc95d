//! What can go wrong in the domain; each variant has a stable code.

use common_http::{ApiError, FieldChange, Kind, Violation};

use crate::model::Changed;

/// An error of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such task, or the caller may not know of it.
    #[error("no such task")]
    NotFound,
    /// A rule of the domain of users.
    #[error(transparent)]
    Users(#[from] api_server_users::Error),
    /// The task was changed since the caller read it.
    #[error(
        "the task has version {current} now, which If-Match does not name; look at what changed, then send the request again for that version"
    )]
    Stale {
        /// The version now.
        current: i64,
        /// What differs from the version that the caller saw.
        changes: Vec<FieldChange>,
        /// The fields that the request would change.
        wanted: Vec<&'static str>,
    },
    /// An archived task cannot be changed.
    #[error("the task is archived; restore it first")]
    Archived,
    /// A field breaks a rule of the domain.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// JSON Pointer of the field.
        pointer: &'static str,
        /// What is allowed.
        detail: &'static str,
    },
    /// The event is larger than a broker takes.
    #[error(transparent)]
    Event(#[from] common_events::EventError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A stored row is not what the model allows.
    #[error("tasks.{0} holds a value that the model does not know")]
    Row(&'static str),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound => Self::not_found("task"),
            Error::Users(source) => source.into(),
            Error::Stale {
                current,
                changes,
                wanted,
            } => Self::new(Kind::PreconditionFailed, "version_mismatch", text)
                .with_violations(both_changed(&changes, &wanted))
                .with_now(current, changes),
            Error::Archived => Self::new(Kind::Conflict, "task_archived", text),
            Error::Invalid { pointer, detail } => {
                Self::invalid(vec![Violation::new(pointer, "invalid", detail)])
            }
            Error::Database(source) => source.into(),
            Error::Event(_) | Error::Row(_) => Self::internal(error),
        }
    }
}

/// A violation for each field that was changed since, and that the request would change too.
fn both_changed(changes: &[FieldChange], wanted: &[&'static str]) -> Vec<Violation> {
    let wanted = wanted.iter().map(|field| format!("/{field}"));
    wanted
        .filter(|pointer| changes.iter().any(|change| change.pointer == *pointer))
        .map(|pointer| {
            let detail = "was changed since the version that If-Match names";
            Violation::new(pointer, "changed", detail)
        })
        .collect()
}

impl From<Changed> for FieldChange {
    fn from(change: Changed) -> Self {
        Self {
            pointer: format!("/{}", change.field),
            before: change.before,
            after: change.after,
            actor_id: change.actor,
            at: change.at,
        }
    }
}
