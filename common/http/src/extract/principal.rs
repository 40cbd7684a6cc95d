//! Who is asking.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use common_auth::AuthError;
use uuid::Uuid;

use crate::ApiError;

/// The user behind a valid access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: Uuid,
    /// The sign-in session that the token belongs to.
    pub session_id: Uuid,
    /// Whether the user administers the platform.
    pub is_admin: bool,
    /// When the token was issued, in seconds since 1970.
    pub issued_at: i64,
    /// Name of the request.
    pub request_id: String,
}

/// What a layer has found out about who is asking; in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// Somebody with a valid token.
    Known(Principal),
    /// Somebody without a token.
    Nobody,
    /// Somebody with a token that is not accepted.
    Refused(Arc<AuthError>),
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Known(principal)) => Ok(principal.clone()),
            Some(Identity::Nobody) => Err(ApiError::unauthorized("no bearer token")),
            Some(Identity::Refused(error)) if matches!(**error, AuthError::Blind) => {
                Err(ApiError::unavailable(
                    "it is not known at the moment who has signed out; try again in some seconds",
                    Arc::clone(error),
                ))
            }
            Some(Identity::Refused(error)) => Err(ApiError::unauthorized(Arc::clone(error))),
            None => Err(ApiError::internal("no layer looks at the tokens here")),
        }
    }
}
