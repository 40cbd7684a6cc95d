//! `GET /api/v1/users/{id}`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, Path, Principal, Reply};
use uuid::Uuid;

use super::views::UserView;
use crate::Users;
use crate::service::read;

/// A user
///
/// For administrators of the platform, and for the user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = Uuid, Path), IfNoneMatch), responses(
    (status = 200, description = "The user", body = Envelope<UserView>),
    (status = 404, description = "`not_found`: no such user, or not the caller"),
))]
pub(super) async fn get_user(
    State(users): State<Users>,
    principal: Principal,
    Path(id): Path<Uuid>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<UserView>>> {
    let user = read::get_user(&users, &principal, id).await?;
    let version = user.version;
    let reply = Reply::ok(UserView::from(user)).versioned(version);
    Ok(reply.unless_held(&held))
}
