//! What can go wrong in the domain; each variant has a stable code.

use std::time::Duration;

use common_auth::PasswordError;
use common_http::{ApiError, Kind, Violation};

/// An error of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such thing, or the caller may not know of it.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The caller may see it but not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Another active user has the address.
    #[error("the email address is taken")]
    EmailTaken,
    /// The user is a member already.
    #[error("the user is a member of the team already")]
    AlreadyMember,
    /// Nothing of an archived team changes.
    #[error("the team is archived; an owner of it can restore it")]
    TeamArchived,
    /// Somebody has to be able to do everything in a team.
    #[error("a team keeps an owner: make somebody else an owner first")]
    LastOwner,
    /// Address and password do not belong together; never says which is wrong.
    #[error("email or password is wrong")]
    BadCredentials,
    /// The refresh token is unknown, used, expired or revoked.
    #[error("the refresh token is not valid")]
    BadRefresh,
    /// Too many failed sign-ins.
    #[error("too many failed sign-ins")]
    TooManyFailures {
        /// Time until another attempt is looked at.
        wait: Duration,
    },
    /// A field breaks a rule of the domain.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// JSON Pointer of the field.
        pointer: &'static str,
        /// What is allowed.
        detail: &'static str,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A token could not be signed.
    #[error(transparent)]
    Sign(#[from] common_auth::SignerError),
    /// The key that would sign is denied, and its successor is not here yet.
    #[error("the signing key is denied; the next one is on its way")]
    KeyDenied,
    /// A stored row is not what the model allows.
    #[error("{table}.{column} holds a value that the model does not know")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound(what) => Self::not_found(what),
            Error::Forbidden(_) => Self::new(Kind::Forbidden, "forbidden", text),
            Error::EmailTaken => Self::new(Kind::Conflict, "email_taken", text),
            Error::AlreadyMember => Self::new(Kind::Conflict, "already_member", text),
            Error::TeamArchived => Self::new(Kind::Conflict, "team_archived", text),
            Error::LastOwner => Self::new(Kind::Conflict, "last_owner", text),
            Error::BadCredentials => Self::new(Kind::Unauthorized, "bad_credentials", text),
            Error::BadRefresh => Self::new(Kind::Unauthorized, "bad_refresh", text),
            Error::TooManyFailures { wait } => Self::new(
                Kind::RateLimited,
                "too_many_failures",
                "too many failed sign-ins; wait as many seconds as Retry-After says",
            )
            .with_retry_after(wait),
            Error::Invalid { pointer, detail } => {
                Self::invalid(vec![Violation::new(pointer, "invalid", detail)])
            }
            Error::Database(source) => source.into(),
            Error::KeyDenied => Self::unavailable("the signing key is being replaced", error),
            Error::Password(PasswordError::Busy) => Self::unavailable(
                "too many passwords wait to be checked; try again in some seconds",
                error,
            ),
            Error::Password(_) | Error::Sign(_) | Error::Row { .. } => Self::internal(error),
        }
    }
}
