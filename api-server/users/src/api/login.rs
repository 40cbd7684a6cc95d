//! `POST /api/v1/auth/login`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Json, Reply};
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::TokenView;
use crate::Users;
use crate::service::{self, Client};

/// Address and password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    // What is longer belongs to nobody.
    #[garde(length(chars, max = 320))]
    #[schema(max_length = 320, example = "ada@example.org")]
    email: String,
    // Any text: whether it is right, the service tells; the body's limit bounds it.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    password: SecretString,
}

/// Sign in
///
/// Gives an access token for ten minutes and a refresh token. After ten failures for one account or one
/// hundred from one address in a quarter of an hour, or one hundred for one account in a day, further attempts are
/// answered with 429 until that time is over; `Retry-After` tells how long. Failures elsewhere do not count against
/// an address from which the account was signed in to within 90 days.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()), request_body = LoginRequest, responses(
    (status = 200, description = "Signed in", body = Envelope<TokenView>),
    (status = 401, description = "`bad_credentials`"),
    (status = 429, description = "`too_many_failures`"),
    (status = 503, description = "`unavailable`: as many passwords wait to be checked as may"),
))]
pub(super) async fn login(
    State(users): State<Users>,
    client: Client,
    Json(body): Json<LoginRequest>,
) -> ApiResult<Reply<TokenView>> {
    let tokens = service::login::login(&users, &body.email, body.password, &client).await?;
    Ok(Reply::ok(tokens.into()))
}
