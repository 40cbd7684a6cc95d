//! `POST /api/v1/users`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Json, Principal, Reply};
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::UserView;
use super::{Fault, rules};
use crate::Users;
use crate::model::{Email, Name, Password};
use crate::service::create_user::{self, Input};

/// A new user.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
    #[garde(custom(rules::email))]
    #[schema(example = "grace@example.org")]
    email: String,
    /// 1 to 200 characters.
    #[garde(custom(rules::name))]
    #[schema(example = "Grace Hopper")]
    name: String,
    /// 8 to 128 characters.
    #[garde(custom(rules::password))]
    #[schema(value_type = String, format = Password, example = "nanoseconds are 30 cm")]
    password: SecretString,
    /// Whether the user administers the platform.
    #[garde(skip)]
    #[serde(default)]
    is_admin: bool,
}

/// Add a user
///
/// For administrators of the platform.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", security(("bearer" = [])), request_body = CreateUser, responses(
    (status = 201, description = "Added", body = Envelope<UserView>),
    (status = 401, description = "`unauthorized`", body = Fault),
    (status = 403, description = "`forbidden`", body = Fault),
    (status = 409, description = "`email_taken`", body = Fault),
    (status = 422, description = "`validation_failed`", body = Fault),
))]
pub(super) async fn create_user(
    State(users): State<Users>,
    principal: Principal,
    Json(body): Json<CreateUser>,
) -> ApiResult<Reply<UserView>> {
    let input = Input {
        email: Email::parse(&body.email)?,
        name: Name::parse(&body.name)?,
        password: Password::parse(body.password)?,
        is_admin: body.is_admin,
    };
    let user = create_user::create_user(&users, &principal, input).await?;
    let (location, version) = (format!("/api/v1/users/{}", user.id), user.version);
    Ok(Reply::created(&location, UserView::from(user)).versioned(version))
}
