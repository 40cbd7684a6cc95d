//! `GET /api/v1/teams`.

use std::hash::Hash as _;

use axum::extract::State;
use common_http::{
    ApiResult, Cursor, Envelope, Fresh, IfNoneMatch, Limit, Principal, Query, Reply,
};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::TeamView;
use crate::Users;
use crate::model::Team;
use crate::service::read;

/// Which teams, and which page of them.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TeamsQuery {
    /// Archived teams instead of the others.
    #[garde(skip)]
    #[serde(default)]
    archived: bool,
    /// Most rows of the answer.
    #[garde(dive)]
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// `meta.page.next` of the page before.
    #[garde(dive)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// List the caller's teams
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/teams", tag = "teams", params(TeamsQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<TeamView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn list_teams(
    State(users): State<Users>,
    principal: Principal,
    Query(query): Query<TeamsQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<TeamView>>>> {
    let list = ("teams", principal.user_id, query.archived);
    let after = users.keys.after(query.cursor.as_ref(), &list)?;
    let rows = read::list_teams(&users, &principal, query.archived, after, query.limit).await?;
    let position = |team: &Team| (team.created_at, team.id);
    let page = users
        .keys
        .page(&list, rows, query.limit, position, |team, state| {
            (team.id, team.version, team.role).hash(state);
        })?;
    Ok(page.unless_held(&held))
}
