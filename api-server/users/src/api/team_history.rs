//! `GET /api/v1/teams/{id}/history`.

use axum::extract::State;
use common_history::HistoryView;
use common_http::{
    ApiResult, Envelope, Fresh, IfNoneMatch, PageQuery, Path, Principal, Query, Reply,
};
use uuid::Uuid;

use crate::Users;
use crate::service::read;

/// What was done to a team and its members
///
/// Newest first. An act on a member changes `members/<id>`, which is a role, or null for somebody who is not in the team.
#[utoipa::path(get, path = "/api/v1/teams/{id}/history", tag = "teams",
    params(("id" = Uuid, Path), PageQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<HistoryView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn team_history(
    State(users): State<Users>,
    principal: Principal,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<HistoryView>>>> {
    let list = ("team history", principal.user_id, id);
    let before = page.after(&users.keys, &list)?;
    let rows = read::team_history(&users, &principal, id, before, page.limit).await?;
    let page = common_history::page(&users.keys, &list, rows, page.limit)?;
    Ok(page.unless_held(&held))
}
