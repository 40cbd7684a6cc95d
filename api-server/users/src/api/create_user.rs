//! `POST /api/v1/users`.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, Json, Reply, Written};
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::rules;
use super::views::UserView;
use crate::Users;
use crate::model::{Email, Name, Password};
use crate::service::create_user::{self, Input};

/// A new user.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
    #[garde(custom(rules::email))]
    #[schema(value_type = Email)]
    email: String,
    #[garde(custom(rules::name))]
    #[schema(value_type = Name)]
    name: String,
    #[garde(custom(rules::password))]
    #[schema(value_type = Password)]
    password: SecretString,
    /// Whether the user administers the platform.
    #[garde(skip)]
    #[serde(default)]
    is_admin: bool,
}

/// Add a user
///
/// For administrators of the platform.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = CreateUser, params(Attempt), responses(
    (status = 201, description = "Added", body = Envelope<UserView>),
    (status = 403, description = "`forbidden`"),
    (status = 409, description = "`email_taken`"),
))]
pub(super) async fn create_user(
    State(users): State<Users>,
    attempt: Attempt,
    Json(body): Json<CreateUser>,
) -> ApiResult<Written> {
    let input = Input {
        email: Email::parse(&body.email)?,
        name: Name::parse(&body.name)?,
        password: Password::parse(body.password)?,
        is_admin: body.is_admin,
    };
    create_user::create_user(&users, &attempt, input, |user| {
        let (location, version) = (format!("/api/v1/users/{}", user.id), user.version);
        Reply::created(&location, UserView::from(user)).versioned(version)
    })
    .await
}
