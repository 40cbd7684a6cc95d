//! `POST /api/v1/auth/logout`.

use axum::extract::State;
use axum::http::StatusCode;
use common_http::{ApiResult, Json};
use secrecy::ExposeSecret as _;

use super::refresh::RefreshRequest;
use crate::Users;
use crate::service;

/// Sign out
///
/// Ends the sign-in that the refresh token belongs to. Its access tokens end with it, here within a second, and everywhere within
/// ten.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", security(()), request_body = RefreshRequest, responses(
    (status = 204, description = "Ended, or not known"),
))]
pub(super) async fn logout(
    State(users): State<Users>,
    Json(body): Json<RefreshRequest>,
) -> ApiResult<StatusCode> {
    service::logout::logout(&users, body.refresh.expose_secret()).await?;
    Ok(StatusCode::NO_CONTENT)
}
