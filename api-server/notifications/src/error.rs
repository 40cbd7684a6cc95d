//! What can go wrong in the domain; each variant has a stable code.

use common_http::ApiError;

/// An error of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such notification, or it is somebody else's.
    #[error("no such notification")]
    NotFound,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("notification"),
            Error::Database(source) => source.into(),
        }
    }
}
