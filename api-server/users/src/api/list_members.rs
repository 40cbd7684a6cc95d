//! `GET /api/v1/teams/{id}/members`.

use std::hash::Hash as _;

use axum::extract::State;
use common_http::{
    ApiResult, Envelope, Fresh, IfNoneMatch, PageQuery, Path, Principal, Query, Reply,
};
use uuid::Uuid;

use super::views::MemberView;
use crate::Users;
use crate::model::Member;
use crate::service::read;

/// List a team's members
///
/// By name.
#[utoipa::path(get, path = "/api/v1/teams/{id}/members", tag = "teams", params(("id" = Uuid, Path), PageQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<MemberView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's"),
))]
pub(super) async fn list_members(
    State(users): State<Users>,
    principal: Principal,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<MemberView>>>> {
    let list = ("members", principal.user_id, id);
    let after = page.after(&users.keys, &list)?;
    let rows = read::members(&users, &principal, id, after, page.limit).await?;
    let position = |member: &Member| (member.name.clone(), member.user_id);
    let page = users
        .keys
        .page(&list, rows, page.limit, position, |member, state| {
            member.hash(state);
        })?;
    Ok(page.unless_held(&held))
}
