//! `GET /api/v1/teams`.

use std::hash::Hash as _;

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, PageQuery, Principal, Query, Reply};

use super::views::TeamView;
use crate::Users;
use crate::model::Team;
use crate::service::read;

/// List the caller's teams
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/teams", tag = "teams", params(PageQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<TeamView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn list_teams(
    State(users): State<Users>,
    principal: Principal,
    Query(page): Query<PageQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<TeamView>>>> {
    let list = ("teams", principal.user_id);
    let after = page.after(&users.keys, &list)?;
    let rows = read::list_teams(&users, &principal, after, page.limit).await?;
    let position = |team: &Team| (team.created_at, team.id);
    let page = users
        .keys
        .page(&list, rows, page.limit, position, |team, state| {
            (team.id, team.version, team.role).hash(state);
        })?;
    Ok(page.unless_held(&held))
}
