//! Who is asking.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use common_auth::{AuthError, Verifier};
use uuid::Uuid;

use crate::{ApiError, RequestId};

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

impl<S> FromRequestParts<S> for Principal
where
    S: Send + Sync,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            })
            .ok_or_else(|| ApiError::unauthorized("no bearer token"))?;
        let claims = Arc::<Verifier>::from_ref(state)
            .verify(token)
            .await
            .map_err(|error| match error {
                AuthError::Blind => ApiError::unavailable(
                    "it is not known at the moment who has signed out; try again in some seconds",
                    error,
                ),
                refused => ApiError::unauthorized(refused),
            })?;
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .cloned()
            .unwrap_or_default();
        Ok(Self {
            user_id: claims.sub,
            session_id: claims.sid,
            is_admin: claims.adm,
            issued_at: claims.iat,
            request_id: request_id.0,
        })
    }
}
