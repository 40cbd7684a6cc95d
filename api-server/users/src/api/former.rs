//! `POST /api/token/` and `POST /api/token/refresh/`: the names that clients of the former system know.
//!
//! Each does what its successor does, and says how long it still will.

use axum::extract::State;
use chrono::NaiveDate;
use common_http::{ApiResult, Deprecation, Envelope, Json, Reply};

use super::login::{LoginRequest, login};
use super::refresh::{RefreshRequest, refresh};
use super::views::TokenView;
use crate::Users;
use crate::service::Client;

// Both are looked at when this is compiled.
const SINCE: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 30).expect("a day");
/// Whoever moves here from the former system has a year for its programs.
const SUNSET: NaiveDate = NaiveDate::from_ymd_opt(2027, 11, 30).expect("a day");

/// Until when [`former_login`] goes on.
pub(super) const LOGIN: Deprecation = Deprecation {
    since: SINCE,
    sunset: SUNSET,
    instead: "/api/v1/auth/login",
};
/// Until when [`former_refresh`] goes on.
pub(super) const REFRESH: Deprecation = Deprecation {
    since: SINCE,
    sunset: SUNSET,
    instead: "/api/v1/auth/refresh",
};

/// Sign in, under a former name
#[utoipa::path(post, path = "/api/token/", tag = "auth", security(()), request_body = LoginRequest, responses(
    (status = 200, description = "Signed in", body = Envelope<TokenView>),
    (status = 401, description = "`bad_credentials`"),
    (status = 429, description = "`too_many_failures`"),
))]
pub(super) async fn former_login(
    users: State<Users>,
    client: Client,
    body: Json<LoginRequest>,
) -> ApiResult<Reply<TokenView>> {
    login(users, client, body).await
}

/// Exchange a refresh token, under a former name
#[utoipa::path(post, path = "/api/token/refresh/", tag = "auth", security(()), request_body = RefreshRequest, responses(
    (status = 200, description = "The next pair", body = Envelope<TokenView>),
    (status = 401, description = "`bad_refresh`"),
))]
pub(super) async fn former_refresh(
    users: State<Users>,
    client: Client,
    body: Json<RefreshRequest>,
) -> ApiResult<Reply<TokenView>> {
    refresh(users, client, body).await
}
