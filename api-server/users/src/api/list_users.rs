//! `GET /api/v1/users`.

use std::hash::Hash as _;

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, PageQuery, Principal, Query, Reply};

use super::views::UserView;
use crate::Users;
use crate::model::User;
use crate::service::read;

const LIST: &str = "users";

/// List users
///
/// Newest first; for administrators of the platform.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<UserView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
    (status = 403, description = "`forbidden`"),
))]
pub(super) async fn list_users(
    State(users): State<Users>,
    principal: Principal,
    Query(page): Query<PageQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<UserView>>>> {
    let after = page.after(&users.keys, &LIST)?;
    let rows = read::list_users(&users, &principal, after, page.limit).await?;
    let position = |user: &User| (user.created_at, user.id);
    let page = users
        .keys
        .page(&LIST, rows, page.limit, position, |user, state| {
            (user.id, user.version).hash(state);
        })?;
    Ok(page.unless_held(&held))
}
