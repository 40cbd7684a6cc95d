//! `POST /api/v1/auth/refresh`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Json, Reply};
use garde::Validate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::TokenView;
use crate::Users;
use crate::service::{self, Client};

/// A refresh token.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    #[garde(skip)]
    #[schema(value_type = String, example = "pIvh8QFMVx0pQxLWwzRlUIvF1m3BfqnG7ZfJ0r0c5aE")]
    pub(super) refresh: SecretString,
}

/// Exchange a refresh token
///
/// Each token is good for one exchange; the same program may repeat it for ten seconds and gets the
/// same refresh token. A used token that comes back later ends the whole sign-in.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", security(()), request_body = RefreshRequest, responses(
    (status = 200, description = "The next pair", body = Envelope<TokenView>),
    (status = 401, description = "`bad_refresh`"),
))]
pub(super) async fn refresh(
    State(users): State<Users>,
    client: Client,
    Json(body): Json<RefreshRequest>,
) -> ApiResult<Reply<TokenView>> {
    let tokens = service::refresh::refresh(&users, body.refresh.expose_secret(), &client).await?;
    Ok(Reply::ok(tokens.into()))
}
