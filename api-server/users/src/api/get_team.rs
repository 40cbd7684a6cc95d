//! `GET /api/v1/teams/{id}`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, Path, Principal, Reply};
use uuid::Uuid;

use super::views::{TeamView, shown_team};
use crate::Users;
use crate::service::read;

/// A team of the caller
///
/// Archived teams are shown too.
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
    Ok(shown_team(team).unless_held(&held))
}
