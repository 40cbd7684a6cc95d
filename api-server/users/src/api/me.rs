//! `GET /api/v1/users/me`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, Principal, Reply};

use super::views::UserView;
use crate::Users;
use crate::service::read;

/// The caller
#[utoipa::path(get, path = "/api/v1/users/me", tag = "users", params(IfNoneMatch), responses(
    (status = 200, description = "The caller", body = Envelope<UserView>),
    (status = 404, description = "`not_found`: the user was archived"),
))]
pub(super) async fn me(
    State(users): State<Users>,
    principal: Principal,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<UserView>>> {
    let user = read::get_user(&users, &principal, principal.user_id).await?;
    let (id, version) = (user.id.to_string(), user.version);
    // One place, and each caller finds somebody else there.
    let reply = Reply::ok(UserView::from(user)).versioned_for(&id, version);
    Ok(reply.unless_held(&held))
}
