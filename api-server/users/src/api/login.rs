//! `POST /api/v1/auth/login`.

use axum::extract::State;
use axum::http::header;
use common_http::{ApiResult, Envelope, Json, Reply};
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::TokenView;
use super::{Fault, device};
use crate::Users;
use crate::service::{self, Client};

/// Address and password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    #[garde(length(chars, max = 320))]
    #[schema(example = "ada@example.org")]
    email: String,
    // Any text: whether it is right, the service tells; the body's limit bounds it.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    password: SecretString,
}

/// Sign in
///
/// Gives an access token for ten minutes and a refresh token. After ten failures for one account within 15 minutes
/// further ones wait some seconds; after twenty from one client, or a hundred from one address, or a hundred for the
/// account in a day they are answered with 429, whether the account exists or not. Who has signed in to the account
/// from the same address, or shows the cookie of a former sign-in, has twenty of its own.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = LoginRequest, responses(
    (status = 200, description = "Signed in", body = Envelope<TokenView>, headers(
        ("Set-Cookie" = String, description = "`__Host-device`: the account knows the program by it; it gives no right"),
    )),
    (status = 401, description = "`bad_credentials`", body = Fault),
    (status = 422, description = "`validation_failed`", body = Fault),
    (status = 429, description = "`too_many_failures`", body = Fault, headers(
        ("Retry-After" = i64, description = "Seconds until there is room for another attempt"),
    )),
    (status = 503, description = "`unavailable`: too many people sign in at once, or a server is away", body = Fault, headers(
        ("Retry-After" = i64, description = "Seconds after which to try again"),
    )),
))]
pub(super) async fn login(
    State(users): State<Users>,
    client: Client,
    Json(body): Json<LoginRequest>,
) -> ApiResult<Reply<TokenView>> {
    let sign_in = service::login::login(&users, &body.email, body.password, &client).await?;
    let cookie = device::cookie(&sign_in.device, sign_in.known_for);
    Ok(Reply::ok(sign_in.tokens.into()).header(header::SET_COOKIE, cookie))
}
