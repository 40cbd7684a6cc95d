//! `GET /api/v1/teams/{id}`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, Path, Principal, Reply};
use uuid::Uuid;

use super::views::TeamView;
use crate::Users;
use crate::service::read;

/// A team of the caller
#[utoipa::path(get, path = "/api/v1/teams/{id}", tag = "teams", params(("id" = Uuid, Path), IfNoneMatch), responses(
    (status = 200, description = "The team", body = Envelope<TeamView>),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's"),
))]
pub(super) async fn get_team(
    State(users): State<Users>,
    principal: Principal,
    Path(id): Path<Uuid>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<TeamView>>> {
    let team = read::get_team(&users, &principal, id).await?;
    // It shows the caller's own role.
    let (role, version) = (team.role.as_str(), team.version);
    let reply = Reply::ok(TeamView::from(team)).versioned_for(role, version);
    Ok(reply.unless_held(&held))
}
