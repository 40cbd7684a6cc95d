//! What can go wrong; each variant has a stable code.

use common_http::ApiError;

/// An error of analytics.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No such team, or the caller may not know of it.
    #[error("no such team")]
    TeamNotFound,
    /// The application's replica failed.
    #[error("reading the replica")]
    Replica(#[source] sqlx::Error),
    /// Analytics' own database failed.
    #[error("using the own database")]
    Own(#[source] sqlx::Error),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::TeamNotFound => Self::not_found("team"),
            Error::Replica(source) | Error::Own(source) => source.into(),
        }
    }
}
