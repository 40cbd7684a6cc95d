//! What can go wrong in the domain; each variant has a stable code.

use common_http::{ApiError, Kind, Violation};

/// An error of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such task, or the caller may not know of it.
    #[error("no such task")]
    NotFound,
    /// A rule of the domain of users.
    #[error(transparent)]
    Users(#[from] api_server_users::Error),
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
            Error::Archived => Self::new(Kind::Conflict, "task_archived", text),
            Error::Invalid { pointer, detail } => {
                Self::invalid(vec![Violation::new(pointer, "invalid", detail)])
            }
            Error::Database(source) => source.into(),
            Error::Event(_) | Error::Row(_) => Self::internal(error),
        }
    }
}
